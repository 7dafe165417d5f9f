#pragma once
// What may go: the log behind the snapshots, and old snapshots. Pure functions over plain facts; a
// policy proposes, these clamp. Design §10 "Compaction" and "Pins, retention, triggers".
//
//                 oldest kept      newest
//   snapshots         S1             S2
//   log        . . . .|==============|=======|=====]
//              goes   ^ with fallback        ^ applied
//                       stays to the right of the leftmost bound, and the first index never falls

#include <algorithm>
#include <vector>

#include <raftkit/concepts/policies.hpp>
#include <raftkit/port/manifest.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct log_bounds {
    index_t first, last, applied;
    index_t newest, oldest_kept;  // durable snapshots; 0: there is none
    index_t shipped;              // the lowest one on its way to a peer, its lease alive; 0: none
    u32 bytes_per_entry = 0;
    u64 hold_bytes_max = 0;
    bool fallback = true;
};

// Whether the log behind a snapshot that is being shipped is still held: up to hold_bytes_max.
constexpr bool holds_shipped(const log_bounds& facts) noexcept {
    if (!facts.shipped || facts.shipped >= facts.last) return bool(facts.shipped);
    const u64 entries = facts.last.value - facts.shipped.value;
    return facts.bytes_per_entry == 0 || entries <= facts.hold_bytes_max / facts.bytes_per_entry;
}

// The first index that stays, when a policy wants to keep from `wanted`. Never below `first`, never
// above what is durable, applied and needed (known bugs 43 and 54).
constexpr index_t clamp_keep_from(index_t wanted, const log_bounds& facts) noexcept {
    if (!facts.newest) return facts.first;
    index_t keep = std::min(wanted, facts.newest.next());
    keep = std::min(keep, facts.applied.next());
    if (facts.fallback && facts.oldest_kept) keep = std::min(keep, facts.oldest_kept.next());
    if (holds_shipped(facts)) keep = std::min(keep, facts.shipped.next());
    return std::max(keep, facts.first);
}

// The listed snapshots, newest first, and what was decided about them.
class kept_snapshots {
public:
    struct entry {
        snapshot_manifest manifest;
        instant published_at;
        bool leaving = false;  // its removal was ordered
    };

    // A listing of the store replaces what is known; what stays keeps its time and its fate.
    void adopt(const std::vector<snapshot_manifest>& listing, instant now) {
        std::vector<entry> next;
        next.reserve(listing.size());
        for (const snapshot_manifest& each : listing) {
            const entry* known = find(each.meta.id);
            next.push_back({each, known != nullptr ? known->published_at : now,
                            known != nullptr && known->leaving});
        }
        entries_ = std::move(next);
        std::sort(entries_.begin(), entries_.end(), [](const entry& a, const entry& b) {
            return older(b.manifest.meta.id, a.manifest.meta.id);
        });
    }
    // One more is durable, though no listing came with it.
    void insert(const snapshot_manifest& made, instant now) {
        if (find(made.meta.id) != nullptr) return;
        const auto place = std::find_if(entries_.begin(), entries_.end(), [&](const entry& each) {
            return older(each.manifest.meta.id, made.meta.id);
        });
        entries_.insert(place, entry{made, now, false});
    }
    void erase(snapshot_id id) {
        std::erase_if(entries_, [&](const entry& each) { return each.manifest.meta.id == id; });
    }

    bool empty() const noexcept { return entries_.empty(); }
    std::size_t size() const noexcept { return entries_.size(); }
    const std::vector<entry>& entries() const noexcept { return entries_; }
    entry* find(snapshot_id id) noexcept {
        for (entry& each : entries_) {
            if (each.manifest.meta.id == id) return &each;
        }
        return nullptr;
    }
    const entry* find(snapshot_id id) const noexcept {
        return const_cast<kept_snapshots*>(this)->find(id);
    }
    const entry* newest() const noexcept { return entries_.empty() ? nullptr : &entries_.front(); }
    // Of those that stay: what is on its way out is nothing to fall back to.
    const entry* previous() const noexcept {
        for (std::size_t rank = 1; rank < entries_.size(); ++rank) {
            if (!entries_[rank].leaving) return &entries_[rank];
        }
        return nullptr;
    }
    const entry* oldest() const noexcept {
        for (std::size_t rank = entries_.size(); rank > 0; --rank) {
            if (!entries_[rank - 1].leaving) return &entries_[rank - 1];
        }
        return nullptr;
    }
    u64 bytes() const noexcept {
        u64 sum = 0;
        for (const entry& each : entries_) sum += each.manifest.meta.bytes;
        return sum;
    }

    // Marks what retention lets go and nothing pins; the newest always stays. Each id is told once
    // (known bug 42).
    template <class Retention, class Pinned, class Leaves>
    void retain(const Retention& policy, instant now, Pinned&& pinned, Leaves&& leaves) {
        for (std::size_t rank = 1; rank < entries_.size(); ++rank) {
            entry& each = entries_[rank];
            const snapshot_meta& meta = each.manifest.meta;
            const kept_snapshot asked{meta.id, meta.bytes, static_cast<u32>(rank),
                                      each.published_at, meta.origin};
            if (each.leaving || pinned(meta.id) || policy.keeps(asked, now)) continue;
            each.leaving = true;
            leaves(meta.id);
        }
    }

private:
    std::vector<entry> entries_;
};

RAFTKIT_NAMESPACE_END
