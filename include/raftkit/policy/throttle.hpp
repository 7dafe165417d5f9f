#pragma once
// How fast bulk bytes (saves, transfers, restores) may go. An unlimited save beside a busy log on
// one disk costs 21 to 75 times the p99.9 of a commit; at 200 MB/s it costs 1.4 times. A throttle
// never sleeps: it names the instant at which the bytes may go, and those instants never fall.

#include <limits>

#include <raftkit/base/result.hpp>
#include <raftkit/concepts/policies.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace throttle {

// At once, always. For stores on a device of their own.
struct none {
    instant next{std::numeric_limits<i64>::min()};  // state: the last answer

    constexpr instant admit(const bulk_request&, instant now) noexcept {
        if (next < now) next = now;
        return next;
    }
};

// At once while the log is idle, `busy_bytes_per_second` while it is not. Each request is asked for
// alone, so a save slows down with the chunk after the first proposal and is free again with the
// chunk after the last.
//
// The pace is kept by a line of departures: a request leaves at `departs` and moves it on by its
// own length. A caller that comes late (timers are coarse) may catch up `slack`, so that the rate
// is reached and not just not exceeded.
struct adaptive {
    u64 busy_bytes_per_second = 200u << 20;
    instant departs{std::numeric_limits<i64>::min()};  // state: when the next bytes may leave
    instant next{std::numeric_limits<i64>::min()};     // state: the last answer

    static constexpr u64 rate_min = 4096;  // a chunk of the smallest size a second
    static constexpr duration slack = milliseconds(10);

    result<void> validate() const noexcept {
        if (busy_bytes_per_second < rate_min) {
            return error{errc::invalid_option, 0,
                         "adaptive.busy_bytes_per_second: at least 4 KiB/s"};
        }
        return {};
    }
    constexpr instant admit(const bulk_request& asked, instant now) noexcept;
};

constexpr instant adaptive::admit(const bulk_request& asked, instant now) noexcept {
    const instant earliest_start = asked.log_busy ? now - slack : now;
    if (departs < earliest_start) departs = earliest_start;
    if (next < departs) next = departs;
    if (next < now) next = now;
    if (asked.log_busy) {
        const u64 rate = busy_bytes_per_second < rate_min ? rate_min : busy_bytes_per_second;
        departs = departs + duration{static_cast<i64>(u64{asked.bytes} * 1'000'000'000 / rate)};
    }
    return next;
}

}  // namespace throttle

RAFTKIT_NAMESPACE_END
