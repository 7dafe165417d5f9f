// Plans that no seed is left to draw by chance: one kind of fault, at its worst.
#include <raftkit/testing/sim/core_cluster.hpp>

#include <doctest/doctest.h>

#include <support/sanitizer.hpp>

using namespace raftkit;
using namespace raftkit::testing;

namespace {

#if RAFTKIT_TEST_SANITIZED
constexpr u64 seeds = 4;
#else
constexpr u64 seeds = 25;
#endif

// A drawn cluster without any fault.
swarm calm(u64 seed) {
    swarm plan = draw_swarm(seed);
    plan.wire = {};
    plan.crash_every = plan.power_every = plan.partition_every = plan.cut_every = {};
    plan.pause_every = plan.transfer_every = plan.change_every = {};
    plan.spares = 0;
    return plan;
}

template <class Change>
void run_all(Change change) {
    set_assert_handler(tell_of_run);
    u64 writes = 0;
    for (u64 seed = 1; seed <= seeds; ++seed) {
        swarm plan = calm(seed);
        change(plan);
        const run_outcome ended = core_cluster(plan).run();
        writes += ended.writes;
        if (ended.ok) continue;
        FAIL_CHECK("seed " << seed << ": " << ended.why << "\n"
                           << core_cluster(plan, true).run().tail);
    }
    CHECK(writes > seeds * 5);
}

}  // namespace

TEST_CASE("logs are equal after loss of 30 %, repetition of 50 % and reordering") {
    // Scenario B23.
    run_all([](swarm& plan) {
        plan.voters = plan.seed % 2 == 0 ? 3 : 5;
        plan.wire.loss = 300'000;
        plan.wire.repeat = 500'000;
        plan.wire.linger = 200'000;
        plan.wire.delay_max = milliseconds(20);
        plan.wire.linger_max = seconds(1);
    });
}

TEST_CASE("partitions of every shape change all the time, and afterwards all is well") {
    // Scenario H113: halves, one alone, the leader alone, ring, bridge, and single directions.
    run_all([](swarm& plan) {
        plan.voters = plan.seed % 2 == 0 ? 4 : 5;
        plan.numbers.prevote = plan.numbers.check_quorum = true;
        plan.partition_every = milliseconds(900);
        plan.cut_every = milliseconds(700);
        plan.heal_every = seconds(3);
    });
}

TEST_CASE("a follower that is always a little behind is not sent snapshots for ever") {
    // Scenario D73: a snapshot after every entry, and no entry is kept behind it.
    run_all([](swarm& plan) {
        plan.voters = 3;
        plan.snapshot_every = 1;
        plan.trailing = 0;
        plan.wire.loss = 100'000;
        plan.wire.delay_max = milliseconds(20);
    });
}

TEST_CASE("in a ring everybody hears two neighbours, a bridge hears all") {
    for (const u64 count : {3U, 4U, 5U, 7U}) {
        scheduler time(1);
        network net(time, 1);
        std::vector<node_id> all;
        for (u64 id = 1; id <= count; ++id) all.push_back({id});
        const auto reached = [&](node_id from) {
            u64 others = 0;
            for (const node_id to : all) others += to != from && net.connected(from, to);
            return others;
        };
        net.ring(all);
        for (const node_id each : all) CHECK(reached(each) == 2);
        net.bridge(all, {2});
        CHECK(reached({2}) == count - 1);
        if (count > 3) CHECK(reached({1}) < count - 1);
        for (const node_id a : all) {
            for (const node_id b : all) CHECK(net.connected(a, b) == net.connected(b, a));
        }
    }
}
