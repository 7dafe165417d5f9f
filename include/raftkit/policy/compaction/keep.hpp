#pragma once
// How much log stays behind a snapshot. A policy names the first index to keep and may name any:
// the node clamps it to what must stay (everything after the newest durable snapshot, everything
// unapplied, what is being shipped) and never lets the log grow backwards.

#include <limits>

#include <raftkit/base/result.hpp>
#include <raftkit/concepts/policies.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace compaction {

// The last `entries`, but no more than `bytes` of them: what a follower that was away for a moment
// still finds. The largest u64 switches a limit off. Both count back from `last`, not from the
// snapshot.
struct trailing {
    static constexpr u64 unlimited = std::numeric_limits<u64>::max();
    u64 entries = 10'000;
    u64 bytes = 64u << 20;

    // No setting is wrong, and keeping nothing is one of them.
    result<void> validate() const noexcept { return {}; }
    constexpr index_t keep_from(const log_shape& log) const noexcept {
        u64 count = entries;
        if (bytes != unlimited && log.bytes_per_entry != 0) {
            const u64 fitting = bytes / log.bytes_per_entry;
            if (fitting < count) count = fitting;
        }
        const u64 last = log.last.value;
        return index_t{last < count ? 0 : last - count}.next();
    }
};

// Nothing that a snapshot covers: the smallest log, and a transfer for everyone who is behind.
struct to_snapshot {
    constexpr index_t keep_from(const log_shape& log) const noexcept { return log.snapshot.next(); }
};
// What the snapshot before the newest does not cover: one save ago is always in the log.
struct to_previous_snapshot {
    constexpr index_t keep_from(const log_shape& log) const noexcept {
        return log.previous_snapshot.next();
    }
};
// What makes every kept snapshot a start that can be replayed from.
struct to_oldest_kept {
    constexpr index_t keep_from(const log_shape& log) const noexcept {
        return log.oldest_kept.next();
    }
};
// The whole log, for ever.
struct none {
    constexpr index_t keep_from(const log_shape& log) const noexcept { return log.first; }
};

}  // namespace compaction

RAFTKIT_NAMESPACE_END
