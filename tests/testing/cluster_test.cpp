// A cluster of real nodes, logs and stores under seeded faults: include/raftkit/testing/README.md
// says what is checked. RAFTKIT_SEEDS sets how many seeds, RAFTKIT_FIRST_SEED where to begin,
// RAFTKIT_SEED runs one with its trace. tests/sim/run.sh runs very many.

#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <raftkit/testing/sim/cluster.hpp>
#include <raftkit/testing/sim/cluster/shrink.hpp>
#include <support/sanitizer.hpp>

using namespace raftkit;
using namespace raftkit::testing;

namespace {

u64 number_from(const char* name, u64 otherwise) {
    const char* text = std::getenv(name);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

#if RAFTKIT_TEST_SANITIZED
constexpr u64 seeds_default = 40;
#elif defined(NDEBUG)
constexpr u64 seeds_default = 2000;
#else
constexpr u64 seeds_default = 100;
#endif

void run_one_in_words(u64 seed) {
    const swarm drawn = draw_swarm(seed);
    const fault_plan plan = draw_faults(drawn);
    cluster tried(drawn, plan, true);
    tried.tail_lines = ~std::size_t{0};
    const run_outcome ended = tried.run();
    MESSAGE(ended.tail << "the plan was:\n" << words(plan));
    CHECK_MESSAGE(ended.ok, "seed " << seed << ": " << ended.why);
}

void add(run_outcome& total, const run_outcome& ended) {
    total.writes += ended.writes;
    total.reads += ended.reads;
    total.installs += ended.installs;
    total.changes += ended.changes;
    total.transfers += ended.transfers;
    total.crashes += ended.crashes;
    total.rotted += ended.rotted;
    for (std::size_t kind = 0; kind < total.performed.size(); ++kind) {
        total.performed[kind] += ended.performed[kind];
    }
}

// A simulation in which nothing happens proves nothing.
void check_enough_happened(const run_outcome& total, u64 seeds) {
    CHECK(total.writes > seeds * 10);
    CHECK(total.reads > seeds);
    CHECK(total.installs > 0);
    CHECK(total.changes > 0);
    CHECK(total.crashes > seeds / 4);
    // The rare ones need many seeds; RAFTKIT_SEEDS=2000 reaches them all.
    std::string never = never_reached(sim_marks);
    if (seeds < 1500) {
        INFO("never reached: ", never);
        CHECK(std::count(never.begin(), never.end(), ' ') < 12);
        return;
    }
    // These need luck even so: images are small and installs short.
    for (const char* rare : {"sim_install_busy", "sim_install_resumed", "sim_reply_lost"}) {
        const std::size_t place = never.find(rare);
        if (place == std::string::npos) continue;
        never.erase(place, std::strlen(rare));
    }
    const bool all = never.find_first_not_of(' ') == std::string::npos;
    CHECK_MESSAGE(all, "never reached: " << never);
    CHECK(total.rotted > 0);
    for (std::size_t kind = 0; kind < std::variant_size_v<fault_kind>; ++kind) {
        CAPTURE(kind);
        // Faults of disks are drawn where a test asks for them: sim_disk_actions_test.cpp.
        if (kind != fault_kind(fault::disk{}).index()) CHECK(total.performed[kind] > 0);
    }
}

swarm sabotaged(u64 seed, sabotage defect) {
    swarm made = draw_swarm(seed);
    made.defect = defect;
    return made;
}
// The first seed whose run shows the defect.
u64 seed_that_shows(sabotage defect) {
    for (u64 seed = 1; seed <= 60; ++seed) {
        if (!cluster(sabotaged(seed, defect)).run().ok) return seed;
    }
    return 0;
}

}  // namespace

TEST_CASE("a cluster of real nodes keeps its promises under every seed and comes to rest") {
    // scenarios D50, F105, J139: reads and writes of clients on several keys are judged (I-8),
    // under partitions, crashes, power cuts and nodes that stand still
    set_assert_handler(tell_of_run);
    if (const u64 only = number_from("RAFTKIT_SEED", 0)) return run_one_in_words(only);
    const u64 first = number_from("RAFTKIT_FIRST_SEED", 1);
    const u64 seeds = number_from("RAFTKIT_SEEDS", seeds_default);
    run_outcome total;
    for (u64 seed = first; seed < first + seeds; ++seed) {
        const swarm drawn = draw_swarm(seed);
        const fault_plan plan = draw_faults(drawn);
        const run_outcome ended = cluster(drawn, plan, false).run();
        add(total, ended);
        if (ended.ok) continue;
        FAIL_CHECK("seed " << seed << ": " << ended.why << "\n"
                           << words(shrink(drawn, plan, ended, 200)));
    }
    if (seeds >= 20) check_enough_happened(total, seeds);
}

TEST_CASE("the same seed gives the same run of real nodes") {  // I-15
    for (u64 seed : {4U, 21U}) {
        const run_outcome once = cluster(draw_swarm(seed)).run();
        const run_outcome twice = cluster(draw_swarm(seed), true).run();
        CHECK(once.fingerprint == twice.fingerprint);
        CHECK(once.committed == twice.committed);
        CHECK(once.tail.empty());
        CHECK_FALSE(twice.tail.empty());
    }
}

TEST_CASE("without an action a run is the same up to where it would have struck") {
    // The trace of the smaller plan begins like that of the whole one.
    const swarm drawn = draw_swarm(21);
    fault_plan plan = draw_faults(drawn);
    REQUIRE(plan.actions.size() > 6);
    const auto lines_of = [&](const fault_plan& of) {
        cluster tried(drawn, of, true);
        tried.tail_lines = ~std::size_t{0};
        return tried.run().tail;
    };
    const std::string whole = lines_of(plan);
    const std::size_t last = plan.actions.size() - 1;
    const std::string struck = "nemesis: " + words(plan.actions[last].what);
    std::size_t until = 0;  // the line of that action
    for (std::size_t nth = 0; nth <= last; ++nth) until = whole.find("nemesis: ", until + 1);
    REQUIRE(until != std::string::npos);
    CHECK(whole.compare(until, struck.size(), struck) == 0);
    until = whole.rfind('\n', until);
    plan.actions.erase(plan.actions.begin() + static_cast<std::ptrdiff_t>(last));
    const std::string smaller = lines_of(plan);
    REQUIRE(until > 500);
    CHECK(smaller.substr(0, until) == whole.substr(0, until));
    CHECK(smaller != whole);
}

TEST_CASE("what is broken on purpose is found, and its plan becomes small") {
    struct row {
        sabotage defect;
        const char* kind;
        std::size_t actions_max;
    };
    for (const row& each :
         {row{sabotage::early_acknowledgement, "I-5", 2}, row{sabotage::forgotten_vote, "I-5", 2},
          row{sabotage::misread_command, "I-4", 3}}) {
        CAPTURE(each.kind);
        const u64 seed = seed_that_shows(each.defect);
        REQUIRE(seed != 0);
        CAPTURE(seed);
        const swarm drawn = sabotaged(seed, each.defect);
        const fault_plan plan = draw_faults(drawn);
        const run_outcome failed = cluster(drawn, plan, false).run();
        CHECK(failure_kind(failed.why) == each.kind);
        const shrunk_failure small = shrink(drawn, plan, failed, 120);
        INFO(words(small));
        CHECK_FALSE(small.outcome.ok);
        CHECK(failure_kind(small.outcome.why) == each.kind);
        CHECK(small.plan.actions.size() <= each.actions_max);
        CHECK(small.plan.actions.size() <= plan.actions.size());
        CHECK(words(small).find("replay: RAFTKIT_SEED=" + std::to_string(seed)) !=
              std::string::npos);
        // It is the defect that fails, not the plan.
        swarm sound = small.in;
        sound.defect = sabotage::none;
        CHECK(cluster(sound, small.plan, false).run().ok);
        CHECK(cluster(draw_swarm(seed)).run().ok);
    }
}

TEST_CASE("a minority that never comes back is not waited for") {
    u64 buried = 0;
    for (u64 seed = 1; seed < 400 && buried < 3; ++seed) {
        swarm drawn = draw_swarm(seed);
        if (drawn.dead_at_rest == 0) continue;
        const run_outcome ended = cluster(drawn, true).run();
        CHECK_MESSAGE(ended.ok, ended.why);
        ++buried;
    }
    CHECK(buried == 3);
}

TEST_CASE("seeds that once failed") {
    struct row {
        u64 seed;
        const char* what;
    };
    for (const row& each : {
             row{213, "a kept install beyond what is applied let the log begin behind nothing"},
             row{244, "a start resets to a snapshot in the last of a change"},
             row{697, "a leader for less than a poll"},
             row{4656, "damage that a life did not live to find is found by the next one"},
             row{7700,
                 "one step commits a joint configuration, leaves it and commits what is behind"},
             row{9860, "a proposal behind an entry of a later term, in a log that rests there"},
             row{2292, "a leader alone commits while it waits for its disk"},
         }) {
        CAPTURE(each.seed);
        CAPTURE(each.what);
        const run_outcome ended = cluster(draw_swarm(each.seed)).run();
        CHECK_MESSAGE(ended.ok, ended.why);
    }
}

TEST_CASE("a proposal at a leader that is removed behind it is answered") {
    // Seed 181: node 3 leads, and is removed by entry 159 while 160 and 161 wait. Nobody tells it
    // what became of them.
    const run_outcome ended = cluster(draw_swarm(181)).run();
    CHECK_MESSAGE(ended.ok, ended.why);
    CHECK(ended.changes > 0);
}

TEST_CASE("a removed member that is added again while it is still being told starts from nothing") {
    // Seed 398: node 4 is removed by entry 22 and comes back as a learner with entry 27. What it
    // had acknowledged counted until its first word, as if the directory had to be the same.
    const run_outcome ended = cluster(draw_swarm(398)).run();
    CHECK_MESSAGE(ended.ok, ended.why);
    CHECK(ended.changes > 0);
}
