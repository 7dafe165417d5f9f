// Plans of the nemesis: how they are drawn, admitted, said and made smaller. What they do to
// clusters is in cluster_test.cpp.

#include <doctest/doctest.h>

#include <raftkit/testing/sim/nemesis.hpp>
#include <raftkit/testing/sim/nemesis/shrink.hpp>
#include <set>

using namespace raftkit;
using namespace raftkit::testing;

namespace {

// With every kind of fault on.
swarm stormy(u64 seed) {
    swarm made = draw_swarm(seed);
    made.voters = 5;
    made.spares = 2;
    made.run_for = seconds(20);
    made.down_for = seconds(1);
    made.crash_every = made.power_every = made.restart_every = made.pause_every = milliseconds(700);
    made.partition_every = made.cut_every = made.slow_every = milliseconds(700);
    made.heal_every = made.weather_every = made.clock_every = milliseconds(700);
    made.transfer_every = made.change_every = made.snapshot_at_every = milliseconds(700);
    made.lease_reads = false;
    return made;
}
template <class Kind>
std::string all_but(const fault_plan& of) {
    std::string text;
    for (const fault_action& each : of.actions) {
        if (!std::holds_alternative<Kind>(each.what)) text += words(each) + "\n";
    }
    return text;
}

}  // namespace

TEST_CASE("a plan is drawn from its swarm alone, by time, and every kind is drawn") {
    std::set<std::size_t> kinds;
    for (u64 seed = 1; seed <= 20; ++seed) {
        const fault_plan plan = draw_faults(stormy(seed));
        CHECK(words(plan) == words(draw_faults(stormy(seed))));
        CHECK(words(plan) != words(draw_faults(stormy(seed + 1))));
        CHECK(std::is_sorted(
            plan.actions.begin(), plan.actions.end(),
            [](const fault_action& a, const fault_action& b) { return a.at < b.at; }));
        for (const fault_action& each : plan.actions) {
            CHECK(each.at < instant{} + faults_last(stormy(seed)));
            kinds.insert(each.what.index());
        }
    }
    // What a swarm of other fields draws is tested where it is drawn.
    for (std::size_t kind = 0; kind <= fault_kind(fault::snapshot{}).index(); ++kind) {
        CAPTURE(kind);
        CHECK(kinds.contains(kind));
    }
}

TEST_CASE("without one kind of fault the others are what they were") {
    for (u64 seed = 1; seed <= 20; ++seed) {
        swarm calm = stormy(seed);
        calm.pause_every = {};
        CHECK(words(draw_faults(calm)) == all_but<fault::pause>(draw_faults(stormy(seed))));
        calm = stormy(seed);
        calm.clock_every = {};
        CHECK(words(draw_faults(calm)) == all_but<fault::clock>(draw_faults(stormy(seed))));
    }
}

TEST_CASE("where leases are read, a plan leaves out clocks that are too wrong, and says so") {
    swarm leases = draw_swarm(1);
    leases.lease_reads = true;  // 50 ms an election timeout of 1 s
    const fault::clock fine{{1, false}, -24'999}, wrong{{2, false}, 25'000};
    const std::vector<fault_action> wanted{{instant{} + seconds(1), fine},
                                           {instant{} + seconds(2), wrong}};
    const fault_plan plan = admit(leases, wanted);
    REQUIRE(plan.actions.size() == 1);
    CHECK(std::get<fault::clock>(plan.actions[0].what).ppm == -24'999);
    REQUIRE(plan.dropped.size() == 1);
    CHECK(plan.dropped[0] ==
          "dropped:   2000.000ms the clock of n3 gains 25000 ppm: leases need truer clocks");
    leases.lease_reads = false;
    CHECK(admit(leases, wanted).actions.size() == 2);
}

TEST_CASE("a budget gives a minority away, each once, and nobody while the members change") {
    swarm in = draw_swarm(1);
    in.voters = 5;
    in.change_every = {};
    fault_budget two(in);
    CHECK(two.spend(3));
    CHECK(two.spend(0));
    CHECK(two.spend(3));
    CHECK_FALSE(two.spend(1));
    CHECK(two.spend(0));
    in.change_every = seconds(1);
    CHECK_FALSE(fault_budget(in).spend(3));
    in.change_every = {};
    in.voters = 2;
    CHECK_FALSE(fault_budget(in).spend(0));
}

TEST_CASE("what is left of a failing list is all that it takes") {
    for (const std::vector<u32>& needed :
         {std::vector<u32>{}, {7}, {0, 99}, {3, 4, 50}, {1, 20, 21, 64, 98}}) {
        std::vector<u32> all(100);
        for (u32 each = 0; each < 100; ++each) all[each] = each;
        u32 left = 500, asked = 0;
        const auto fails = [&](const std::vector<u32>& rest) {
            ++asked;
            return std::includes(rest.begin(), rest.end(), needed.begin(), needed.end());
        };
        CHECK(minimised(all, left, fails) == needed);
        CHECK(asked == 500 - left);
        CHECK(asked < 150);
    }
}

TEST_CASE("a list that is made smaller in few runs still fails, and nobody asks more often") {
    std::vector<u32> all(64);
    for (u32 each = 0; each < 64; ++each) all[each] = each;
    for (u32 runs = 0; runs < 40; ++runs) {
        u32 left = runs, asked = 0;
        const auto fails = [&](const std::vector<u32>& rest) {
            ++asked;
            return std::count(rest.begin(), rest.end(), 13U) != 0;
        };
        const std::vector<u32> kept = minimised(all, left, fails);
        CHECK(asked <= runs);
        CHECK(std::count(kept.begin(), kept.end(), 13U) == 1);
    }
}

TEST_CASE("the kind of a failure is its invariant, else its words without numbers") {
    CHECK(failure_kind("I-5 node 3: recovered term 4") == "I-5");
    CHECK(failure_kind("I-14 node 3: sends") == "I-14");
    CHECK(failure_kind("node 0: I-11 nobody leads") == "I-11");
    CHECK(failure_kind("node 12: does not open: io in wal 7") ==
          failure_kind("node 3: does not open: io in wal 19"));
    CHECK(failure_kind("node 1: does not open") != failure_kind("node 1: stopped by itself"));
}
