#pragma once
// Triggers that look at how much log has grown since the newest durable snapshot: that is what a
// restart replays and what a save would free. They keep no state.

#include <limits>

#include <raftkit/base/result.hpp>
#include <raftkit/concepts/policies.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace trigger {

// Never reached: `entries{.count = by_hand}` leaves saving to requests.
inline constexpr u64 by_hand = std::numeric_limits<u64>::max();

// Due at the first apply batch boundary with `count` or more entries of any kind since the
// snapshot's index. There is no spacing and no jitter in it: those are parts to combine it with.
struct entries {
    u64 count = 100'000;

    result<void> validate() const noexcept {
        if (count == 0) return error{errc::invalid_option, 0, "entries.count: at least 1"};
        return {};
    }
    // A count of 0 is never due: a save at every question would be the dangerous reading of it.
    constexpr trigger_verdict due(const growth& since, instant) const noexcept {
        return {count != 0 && since.entries >= count && count != by_hand ? "entries" : nullptr};
    }
};

struct bytes {
    u64 count = 256u << 20;

    result<void> validate() const noexcept {
        if (count == 0) return error{errc::invalid_option, 0, "bytes.count: at least 1"};
        return {};
    }
    constexpr trigger_verdict due(const growth& since, instant) const noexcept {
        return {count != 0 && since.bytes >= count && count != by_hand ? "bytes" : nullptr};
    }
};

// The log against the cost of a save: due when it has grown to `ratio` times the last snapshot, so
// that saving costs at most 1/ratio of what is written anyway, whatever the size of the state.
// Below `bytes_min` it is not worth it.
struct relative_bytes {
    u32 ratio = 4;
    u64 bytes_min = 64u << 20;

    result<void> validate() const noexcept {
        if (ratio == 0 && bytes_min == 0) {
            return error{errc::invalid_option, 0, "relative_bytes: ratio or bytes_min above 0"};
        }
        return {};
    }
    constexpr u64 threshold(u64 snapshot_bytes) const noexcept {
        constexpr u64 most = std::numeric_limits<u64>::max();
        const u64 scaled =
            ratio != 0 && snapshot_bytes > most / ratio ? most : ratio * snapshot_bytes;
        return scaled < bytes_min ? bytes_min : scaled;
    }
    constexpr trigger_verdict due(const growth& since, instant) const noexcept {
        return {since.bytes >= threshold(since.snapshot_bytes) ? "relative_bytes" : nullptr};
    }
};

}  // namespace trigger

RAFTKIT_NAMESPACE_END
