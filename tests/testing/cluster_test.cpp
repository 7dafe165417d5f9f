// A cluster of real nodes, logs and stores under seeded faults: tests/testing/README of the layer
// says what is checked. RAFTKIT_SEEDS sets how many seeds, RAFTKIT_SEED runs one with its trace.

#include <doctest/doctest.h>

#include <cstdlib>
#include <raftkit/testing/sim/cluster.hpp>

using namespace raftkit;
using namespace raftkit::testing;

namespace {

u64 number_from(const char* name, u64 otherwise) {
    const char* text = std::getenv(name);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr u64 seeds_default = 40;
#elif defined(NDEBUG)
constexpr u64 seeds_default = 2000;
#else
constexpr u64 seeds_default = 100;
#endif

}  // namespace

TEST_CASE("a cluster of real nodes keeps its promises under every seed and comes to rest") {
    // scenarios F105 and J139: reads and writes of clients on several keys are judged (I-8),
    // under partitions, crashes, power cuts and nodes that stand still
    const u64 only = number_from("RAFTKIT_SEED", 0);
    const u64 first = only != 0 ? only : number_from("RAFTKIT_FIRST_SEED", 1);
    const u64 last = only != 0 ? only : first - 1 + number_from("RAFTKIT_SEEDS", seeds_default);
    set_assert_handler(tell_of_run);
    run_outcome total;
    for (u64 seed = first; seed <= last; ++seed) {
        cluster tried(draw_swarm(seed), only != 0);
        if (only != 0) tried.tail_lines = ~std::size_t{0};
        const run_outcome ended = tried.run();
        total.writes += ended.writes;
        total.reads += ended.reads;
        total.installs += ended.installs;
        total.changes += ended.changes;
        total.crashes += ended.crashes;
        total.rotted += ended.rotted;
        if (only != 0) MESSAGE(ended.tail);
        if (ended.ok) continue;
        const run_outcome again = cluster(draw_swarm(seed), true).run();
        FAIL_CHECK("seed " << seed << ": " << ended.why << "\nreplay: RAFTKIT_SEED=" << seed << "\n"
                           << again.tail);
    }
    if (only != 0 || last - first < 20) return;
    // A simulation in which nothing happens proves nothing.
    const u64 seeds = last - first + 1;
    CHECK(total.writes > seeds * 10);
    CHECK(total.reads > seeds);
    CHECK(total.installs > 0);
    if (seeds >= 500) CHECK(total.rotted > 0);  // scenario D50; rare: 57 in 2000 seeds
    CHECK(total.changes > 0);
    CHECK(total.crashes > seeds / 4);
}

TEST_CASE("the same seed gives the same run of real nodes") {  // I-15
    for (u64 seed : {4U, 21U}) {
        const run_outcome once = cluster(draw_swarm(seed)).run();
        const run_outcome twice = cluster(draw_swarm(seed)).run();
        CHECK(once.fingerprint == twice.fingerprint);
        CHECK(once.committed == twice.committed);
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
