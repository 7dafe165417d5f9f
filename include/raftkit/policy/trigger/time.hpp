#pragma once
// Triggers that look at the clock. A trigger has no timer: `wake_at` tells the node when to ask
// again although nothing was applied. What lies in the past wakes nobody (`due` has already said
// it), so an instant that was seen by a question is never named again: a due trigger that its
// surroundings hold back does not make the node spin.

#include <limits>

#include <raftkit/base/prng.hpp>
#include <raftkit/concepts/policies.hpp>
#include <raftkit/policy/parts.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace trigger {

// Due when the newest snapshot is at least `period` old, plus up to `jitter_percent` of it: nodes
// that started together drift apart. The first save of a start comes after (0, period]: otherwise
// restarts more often than `period` would never save. The delay is drawn from the seed and the
// instant it counts from, so that it needs no state and a replay draws the same.
struct interval {
    duration period = minutes(60);
    u32 jitter_percent = 25;
    u64 seed = 0;
    instant asked{std::numeric_limits<i64>::min()};  // state: the last question

    result<void> validate() const noexcept;
    trigger_verdict due(const growth& since, instant now) noexcept {
        asked = now;
        return {now >= fires_at(since) ? "interval" : nullptr};
    }
    instant wake_at(const growth& since) const noexcept {
        const instant at = fires_at(since);
        return at > asked ? at : never;
    }
    constexpr instant fires_at(const growth& since) const noexcept;
};

inline result<void> interval::validate() const noexcept {
    if (period < milliseconds(5))
        return error{errc::invalid_option, 0, "interval.period: at least 5 ms"};
    if (jitter_percent > 100)
        return error{errc::invalid_option, 0, "interval.jitter_percent: 0 to 100"};
    return {};
}

constexpr instant interval::fires_at(const growth& since) const noexcept {
    const bool first = since.snapshot_at <= since.serving_since;
    const instant from = first ? since.serving_since : since.snapshot_at;
    const u64 whole = period.ns < 1 ? 1 : static_cast<u64>(period.ns);
    u64 mixed = seed ^ static_cast<u64>(from.ns);
    const auto draw = static_cast<detail_u128>(prng::scramble(mixed));
    if (first) return from + duration{static_cast<i64>((draw * whole) >> 64) + 1};

    const u64 spread = static_cast<u64>(detail_u128{whole} * jitter_percent / 100);
    const auto late = static_cast<u64>((draw * (detail_u128{spread} + 1)) >> 64);
    constexpr auto longest = static_cast<u64>(std::numeric_limits<i64>::max());
    return from + duration{static_cast<i64>(late > longest - whole ? longest : whole + late)};
}

// When a save is `apart` from the last one. A node without a snapshot has nothing to keep apart
// from.
constexpr instant earliest_save(const growth& since, duration apart) noexcept {
    constexpr instant always{std::numeric_limits<i64>::min()};
    return since.snapshot.index ? since.snapshot_at + apart : always;
}

// Keeps saves `apart`: what is due too early is due later, and the node is woken for it. Not when
// the node closes: no save follows that it could be too close to.
template <snapshot_trigger Part>
struct min_spacing {
    Part part{};
    duration apart = seconds(30);
    bool held = false;  // state: something was due, but too early

    result<void> validate() const noexcept {
        if (apart.ns < 0) return error{errc::invalid_option, 0, "min_spacing.apart: not negative"};
        return detail::validate_all(part);
    }
    trigger_verdict due(const growth& since, instant now) noexcept {
        const trigger_verdict wanted = part.due(since, now);
        held = wanted && !since.closing && now < earliest_save(since, apart);
        return held ? trigger_verdict{} : wanted;
    }
    instant wake_at(const growth& since) const noexcept {
        return earliest(held ? earliest_save(since, apart) : never,
                        detail::least_wake(since, part));
    }
};

}  // namespace trigger

RAFTKIT_NAMESPACE_END
