#pragma once
// What a node does unless it is told otherwise. Types and values are one aggregate; a program
// overrides a policy by inheriting and declaring the member again.

#include <raftkit/concepts/observer.hpp>
#include <raftkit/policy/compaction/keep.hpp>
#include <raftkit/policy/conflict.hpp>
#include <raftkit/policy/corruption.hpp>
#include <raftkit/policy/execute.hpp>
#include <raftkit/policy/retention.hpp>
#include <raftkit/policy/thread_executor.hpp>
#include <raftkit/policy/throttle.hpp>
#include <raftkit/policy/trigger/combine.hpp>
#include <raftkit/policy/trigger/log.hpp>
#include <raftkit/policy/trigger/time.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace trigger {

// min_spacing<min_gap<any_of<relative_bytes, all_of<entries, relative_bytes{1, 0}>, interval,
// on_close>>>, flat, so that each number is set by its name in the options table. The count of
// entries stands beside a floor of bytes: alone it would save a state of 1 GiB for 16 MiB of log.
struct standard {
    trigger::relative_bytes relative_bytes{};
    trigger::entries entries{};
    trigger::interval interval{};
    u64 gap_entries = 1;           // min_gap.entries
    duration apart = seconds(30);  // min_spacing.apart
    bool held = false;             // state: something was due, but too early

    result<void> validate() const noexcept {
        if (apart.ns < 0) return error{errc::invalid_option, 0, "min_spacing.apart: not negative"};
        return detail::validate_all(relative_bytes, entries, interval);
    }
    trigger_verdict due(const growth& since, instant now) noexcept {
        trigger_verdict wanted = first_due(since, now);
        if (since.entries < gap_entries) wanted = {};
        held = wanted && !since.closing && now < earliest_save(since, apart);
        return held ? trigger_verdict{} : wanted;
    }
    instant wake_at(const growth& since) const noexcept {
        return earliest(held ? earliest_save(since, apart) : never, interval.wake_at(since));
    }

private:
    trigger_verdict first_due(const growth& since, instant now) noexcept {
        constexpr trigger::relative_bytes worth_it{.ratio = 1, .bytes_min = 0};
        const trigger_verdict by_time = interval.due(since, now);  // it remembers: always asked
        const trigger_verdict by_bytes = relative_bytes.due(since, now);
        const trigger_verdict by_count = entries.due(since, now);
        if (by_bytes) return by_bytes;
        if (by_count && worth_it.due(since, now)) return by_count;
        return by_time ? by_time : on_close{}.due(since, now);
    }
};

}  // namespace trigger

struct default_policies {
    trigger::standard trigger{};
    compaction::trailing compaction{};
    retention::newest retention{};
    throttle::adaptive throttle{};
    conflict::install_cancels_save conflict{};
    corruption::refuse corruption{};
    on_loop apply_on{};
    thread_executor work_on{};
    [[no_unique_address]] null_observer observer{};
};
// No thread and no queue: everything happens inside poll().
struct manual_policies : default_policies {
    inline_executor apply_on{}, work_on{};
};
static_assert(policies<default_policies> && policies<manual_policies>);
static_assert(!std::is_polymorphic_v<default_policies>);

RAFTKIT_NAMESPACE_END
