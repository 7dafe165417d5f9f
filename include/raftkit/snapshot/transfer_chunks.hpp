#pragma once
// How a snapshot is cut for the wire: every section into chunks of one size, the last one shorter,
// numbered from 0 over all sections. Both ends compute it from the manifest, so a number, a place
// and a length say the same, and what a hostile peer names is checked by arithmetic alone. An empty
// section has no chunk.
//
//   section 0: 600 KiB   section 1: 0   section 2: 100 KiB        chunk = 256 KiB
//   [0: 256][1: 256][2: 88]             [3: 100]

#include <optional>
#include <vector>

#include <raftkit/base/assert.hpp>
#include <raftkit/port/manifest.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct transfer_chunk {
    u64 number = 0;
    u32 section = 0;
    u64 offset = 0;
    u32 bytes = 0;
};

class transfer_chunks {
public:
    transfer_chunks() noexcept = default;
    // Requires: chunk_bytes > 0, and sizes that were checked: their sum fits 64 bits.
    transfer_chunks(const std::vector<section_meta>& sections, u32 chunk_bytes)
        : chunk_bytes_(chunk_bytes) {
        RAFTKIT_ASSERT(chunk_bytes > 0);
        sections_.reserve(sections.size());
        for (const section_meta& each : sections) {
            sections_.push_back({count_, each.bytes});
            count_ += each.bytes / chunk_bytes + (each.bytes % chunk_bytes != 0 ? 1 : 0);
        }
    }

    u64 count() const noexcept { return count_; }
    u32 chunk_bytes() const noexcept { return chunk_bytes_; }

    // Requires: number < count(). O(log sections).
    transfer_chunk at(u64 number) const noexcept {
        RAFTKIT_ASSERT(number < count_);
        std::size_t low = 0, high = sections_.size();
        while (high - low > 1) {
            const std::size_t middle = low + (high - low) / 2;
            (sections_[middle].first <= number ? low : high) = middle;
        }
        // Empty sections share their first number with the next: the last of them that has it holds
        // the chunk.
        const u64 offset = (number - sections_[low].first) * chunk_bytes_;
        return {number, static_cast<u32>(low), offset, length(low, offset)};
    }
    // The chunk that begins at `offset` of `section`; none if no chunk begins there.
    std::optional<transfer_chunk> find(u32 section, u64 offset) const noexcept {
        if (section >= sections_.size() || offset >= sections_[section].bytes) return {};
        if (offset % chunk_bytes_ != 0) return {};
        return transfer_chunk{sections_[section].first + offset / chunk_bytes_, section, offset,
                              length(section, offset)};
    }

private:
    struct cut {
        u64 first;  // number of its first chunk
        u64 bytes;
    };
    u32 length(std::size_t section, u64 offset) const noexcept {
        const u64 left = sections_[section].bytes - offset;
        return left < chunk_bytes_ ? static_cast<u32>(left) : chunk_bytes_;
    }

    std::vector<cut> sections_;
    u64 count_ = 0;
    u32 chunk_bytes_ = 1;
};

RAFTKIT_NAMESPACE_END
