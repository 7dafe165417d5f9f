#pragma once
// Two policies of one's own, and the set of all policies that the nodes of this program have.

#include <algorithm>

#include <raftkit/policy/defaults.hpp>

namespace custom {

// Due after `entries`, or with anything at all once the newest snapshot is `age` old.
struct sooner_or_later {
    raftkit::u64 entries = 500;
    raftkit::duration age = raftkit::minutes(10);
    raftkit::instant asked{};  // what a question has seen wakes nobody

    raftkit::trigger_verdict due(const raftkit::growth& since, raftkit::instant now) noexcept {
        asked = now;
        if (since.entries >= entries) return {"enough entries"};
        return {since.entries != 0 && now >= old_at(since) ? "an old snapshot" : nullptr};
    }
    raftkit::instant wake_at(const raftkit::growth& since) const noexcept {
        const raftkit::instant at = old_at(since);
        return since.entries != 0 && at > asked ? at : raftkit::never;
    }

private:
    raftkit::instant old_at(const raftkit::growth& since) const noexcept {
        const bool none = since.snapshot_at <= since.serving_since;
        return (none ? since.serving_since : since.snapshot_at) + age;
    }
};
static_assert(raftkit::timed_trigger<sooner_or_later>);

// What a snapshot covers and everybody has, but never more than `entries` for the slowest.
struct wait_for_the_slowest {
    raftkit::u64 entries = 200;

    raftkit::index_t keep_from(const raftkit::log_shape& log) const noexcept {
        const raftkit::index_t needed = std::min(log.snapshot, log.slowest_match).next();
        const raftkit::u64 last = log.last.value;
        const raftkit::index_t bound{last < entries ? 1 : last - entries + 1};
        return std::max(needed, bound);
    }
};
static_assert(raftkit::compaction_policy<wait_for_the_slowest>);

struct rules : raftkit::manual_policies {
    sooner_or_later trigger{};
    wait_for_the_slowest compaction{};
};
static_assert(raftkit::policies<rules>);

}  // namespace custom
