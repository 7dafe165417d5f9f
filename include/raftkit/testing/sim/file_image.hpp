#pragma once
// The contents of one simulated file: what programs read (the page cache) beside what a power cut
// leaves (the medium). The disk model of design §9: a sector of 512 bytes is old or new, unless
// damaged; what was not synced survives in any subset, in any of the versions that were written
// since.

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <vector>

#include <raftkit/base/bytes.hpp>
#include <raftkit/base/prng.hpp>

RAFTKIT_NAMESPACE_BEGIN
namespace testing {

inline constexpr u64 sector_bytes = 512;

// How unsynced sectors fare in a power cut. What does neither survive nor turn to garbage is lost:
// the old content.
struct power_cut_odds {
    u32 survive_per_million = 500'000;
    u32 garbage_per_million = 0;  // of those that do not survive: torn inside the sector
    // Unsynced changes of names: a prefix of them that the seed draws, none, or all.
    enum class names_fate : u8 { drawn, lost, kept } names = names_fate::drawn;
};

class file_image {
public:
    using contents = std::vector<std::byte>;

    u64 size() const noexcept { return cache_.size(); }
    byte_span cached() const noexcept { return cache_; }
    // What a power cut leaves when it spares nothing that was not synced.
    contents durable() const {
        contents left = medium_;
        left.resize(static_cast<std::size_t>(medium_size_));
        return left;
    }
    bool clean() const noexcept { return dirty_.empty() && !size_dirty_; }
    u64 allocated_bytes() const noexcept { return allocated_.size() * sector_bytes; }
    // How much a write would add to allocated_bytes().
    u64 bytes_to_allocate(u64 offset, u64 count) const {
        u64 added = 0;
        for (u64 sector = offset / sector_bytes; sector * sector_bytes < offset + count; ++sector) {
            if (!allocated_.contains(sector)) added += sector_bytes;
        }
        return added;
    }

    u64 read(u64 offset, mutable_byte_span into) const noexcept {
        if (offset >= cache_.size()) return 0;
        const u64 count = std::min<u64>(into.size(), cache_.size() - offset);
        if (count != 0)
            std::memcpy(into.data(), cache_.data() + offset, static_cast<std::size_t>(count));
        return count;
    }

    // The kernel may write any version of a page back before the next one: which, the seed decides.
    void write(u64 offset, byte_span bytes, prng& random) {
        if (bytes.empty()) return;
        const u64 end = offset + bytes.size();
        if (end > cache_.size()) resize(end);
        for (u64 sector = offset / sector_bytes; sector * sector_bytes < end; ++sector) {
            if (dirty_.contains(sector) && random.below(2) == 0) write_back(sector);
            dirty_.insert(sector);
            allocated_.insert(sector);
            const bool whole =
                sector * sector_bytes >= offset && (sector + 1) * sector_bytes <= end;
            if (whole) broken_.erase(sector);  // the device puts it elsewhere
        }
        std::memcpy(cache_.data() + offset, bytes.data(), bytes.size());
    }
    // The kernel wrote this sector back by itself.
    void write_out(u64 offset) {
        write_back(offset / sector_bytes);
        dirty_.erase(offset / sector_bytes);
    }

    void resize(u64 bytes) {
        if (bytes == cache_.size()) return;
        const u64 kept = std::min<u64>(bytes, cache_.size());
        // What the medium holds beyond the cut must read as zeros when the file grows again.
        for (u64 sector = kept / sector_bytes; sector * sector_bytes < medium_.size(); ++sector) {
            dirty_.insert(sector);
        }
        allocated_.erase(allocated_.lower_bound((kept + sector_bytes - 1) / sector_bytes),
                         allocated_.end());
        broken_.erase(broken_.lower_bound((kept + sector_bytes - 1) / sector_bytes), broken_.end());
        cache_.resize(static_cast<std::size_t>(bytes));
        size_dirty_ = true;
    }

    void sync() {
        for (const u64 sector : dirty_) write_back(sector);
        dirty_.clear();
        medium_size_ = cache_.size();
        medium_.resize(cache_.size());
        size_dirty_ = false;
    }
    // As ext4 does: the error is told once, then the pages count as clean. They are still read
    // until they are evicted.
    void fail_sync() noexcept {
        dirty_.clear();
        size_dirty_ = false;
    }
    // Memory pressure: clean pages are read from the medium again.
    void evict() {
        for (u64 sector = 0; sector * sector_bytes < cache_.size(); ++sector) {
            if (!dirty_.contains(sector)) copy_sector(medium_, cache_, sector);
        }
    }

    void power_cut(prng& random, power_cut_odds odds) {
        for (const u64 sector : dirty_) {
            if (random.chance(odds.survive_per_million)) {
                write_back(sector);
            } else if (random.chance(odds.garbage_per_million)) {
                reserve_sector(medium_, sector);
                fill_random(medium_, sector, random);
            }
        }
        if (size_dirty_) medium_size_ = size_after_cut(random);
        medium_.resize(static_cast<std::size_t>(medium_size_));
        cache_ = medium_;
        dirty_.clear();
        size_dirty_ = false;
        allocated_.erase(allocated_.lower_bound((medium_size_ + sector_bytes - 1) / sector_bytes),
                         allocated_.end());
    }

    // Damage done to the medium, seen by the next read. False: no such place.
    bool flip(u64 offset, u8 bits) noexcept {
        if (offset >= cache_.size()) return false;
        cache_[static_cast<std::size_t>(offset)] ^= std::byte{bits};
        if (offset < medium_.size()) medium_[static_cast<std::size_t>(offset)] ^= std::byte{bits};
        return true;
    }
    bool garble(u64 offset, prng& random) {
        if (offset >= cache_.size()) return false;
        fill_random(cache_, offset / sector_bytes, random);
        copy_sector(cache_, medium_, offset / sector_bytes);
        return true;
    }
    // A write that the device acknowledged and lost: the sector is as it was before its last synced
    // change.
    bool make_stale(u64 offset) {
        const auto before = history_.find(offset / sector_bytes);
        if (offset >= cache_.size() || before == history_.end()) return false;
        return put_sector(offset, before->second);
    }
    // A write that went astray: this sector now holds what belongs elsewhere.
    bool put_sector(u64 offset, byte_span sector) {
        if (offset >= cache_.size()) return false;
        const u64 from = offset / sector_bytes * sector_bytes;
        const u64 count = std::min<u64>(sector.size(), cache_.size() - from);
        std::memcpy(cache_.data() + from, sector.data(), static_cast<std::size_t>(count));
        copy_sector(cache_, medium_, offset / sector_bytes);
        return true;
    }
    bool break_sector(u64 offset) {
        if (offset >= cache_.size()) return false;
        broken_.insert(offset / sector_bytes);
        return true;
    }
    bool broken(u64 offset, u64 count) const noexcept {
        const auto first = broken_.lower_bound(offset / sector_bytes);
        return count != 0 && first != broken_.end() && *first * sector_bytes < offset + count;
    }
    byte_span sector_at(u64 offset) const noexcept {
        if (offset >= cache_.size()) return {};
        const u64 from = offset / sector_bytes * sector_bytes;
        return byte_span(cache_).subspan(
            static_cast<std::size_t>(from),
            static_cast<std::size_t>(std::min(sector_bytes, cache_.size() - from)));
    }

private:
    // Zeros stand for what a file does not have.
    static void reserve_sector(contents& image, u64 sector) {
        const u64 end = (sector + 1) * sector_bytes;
        if (image.size() < end) image.resize(static_cast<std::size_t>(end));
    }
    static void copy_sector(const contents& from, contents& to, u64 sector) {
        const u64 start = sector * sector_bytes;
        if (start >= to.size()) return;
        const u64 count = std::min<u64>(sector_bytes, to.size() - start);
        const u64 there = start < from.size() ? std::min<u64>(count, from.size() - start) : 0;
        std::byte* into = to.data() + start;
        if (there != 0) std::memcpy(into, from.data() + start, static_cast<std::size_t>(there));
        std::memset(into + there, 0, static_cast<std::size_t>(count - there));
    }
    static void fill_random(contents& image, u64 sector, prng& random) {
        const u64 end = std::min<u64>((sector + 1) * sector_bytes, image.size());
        for (u64 at = sector * sector_bytes; at < end; ++at) {
            image[static_cast<std::size_t>(at)] = static_cast<std::byte>(random.next());
        }
    }
    void write_back(u64 sector) {
        const u64 start = sector * sector_bytes;
        if (start >= cache_.size()) return;
        reserve_sector(medium_, sector);
        const auto at = medium_.begin() + static_cast<std::ptrdiff_t>(start);
        history_[sector].assign(at, at + static_cast<std::ptrdiff_t>(sector_bytes));
        copy_sector(cache_, medium_, sector);
    }
    // A growing file may have grown to any of its sectors; a cut one is cut or not.
    u64 size_after_cut(prng& random) const noexcept {
        const u64 dice = random.below(3);
        if (dice == 0) return medium_size_;
        if (dice == 1 || cache_.size() <= medium_size_) return cache_.size();
        const u64 between = medium_size_ + random.below(cache_.size() - medium_size_);
        return std::max(medium_size_, between / sector_bytes * sector_bytes);
    }

    contents cache_, medium_;
    u64 medium_size_ = 0;
    bool size_dirty_ = false;
    std::set<u64> dirty_, allocated_, broken_;  // sectors
    std::map<u64, contents> history_;           // the version on the medium before the last one
};

}  // namespace testing
RAFTKIT_NAMESPACE_END
