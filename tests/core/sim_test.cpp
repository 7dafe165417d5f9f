// Thousands of seeds of the bare core: N cores on one scheduler with late disks, machines and
// networks. RAFTKIT_SEEDS sets how many, RAFTKIT_SEED runs one with its trace.

#include <doctest/doctest.h>

#include <cstdlib>
#include <raftkit/testing/sim/core_cluster.hpp>

#include "support/golden_runs.hpp"
#include "support/sanitizer.hpp"

using namespace raftkit;
using namespace raftkit::testing;

namespace {

u64 number_from(const char* name, u64 otherwise) {
    const char* text = std::getenv(name);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

#if RAFTKIT_TEST_SANITIZED
constexpr u64 seeds_default = 60;
#elif defined(NDEBUG)
constexpr u64 seeds_default = 1000;
#else
constexpr u64 seeds_default = 200;
#endif

}  // namespace

TEST_CASE("a cluster of bare cores keeps its promises under every seed and comes to rest") {
    // S001-28, S001-39: after every step
    const u64 only = number_from("RAFTKIT_SEED", 0);
    const u64 first = only != 0 ? only : number_from("RAFTKIT_FIRST_SEED", 1);
    const u64 last = only != 0 ? only : first - 1 + number_from("RAFTKIT_SEEDS", seeds_default);
    set_assert_handler(tell_of_run);
    run_outcome total;
    for (u64 seed = first; seed <= last; ++seed) {
        core_cluster cluster(draw_swarm(seed), only != 0);
        if (only != 0) cluster.tail_lines = ~std::size_t{0};
        const run_outcome ended = cluster.run();
        total.writes += ended.writes;
        total.reads += ended.reads;
        total.installs += ended.installs;
        total.changes += ended.changes;
        if (only != 0) MESSAGE(ended.tail);
        if (ended.ok) continue;
        const run_outcome again = core_cluster(draw_swarm(seed), true).run();
        FAIL_CHECK("seed " << seed << ": " << ended.why << "\nreplay: RAFTKIT_SEED=" << seed << "\n"
                           << again.tail);
    }
    if (only != 0 || last - first < 20) return;
    // A simulation in which nothing happens proves nothing.
    const u64 seeds = last - first + 1;
    CHECK(total.writes > seeds * 20);
    CHECK(total.reads > seeds);
    CHECK(total.installs > 0);
    CHECK(total.changes > 0);
}

TEST_CASE("the same seed gives the same run") {  // I-15
    for (u64 seed : {3U, 17U, 92U}) {
        const run_outcome once = core_cluster(draw_swarm(seed)).run();
        const run_outcome twice = core_cluster(draw_swarm(seed)).run();
        CHECK(once.fingerprint == twice.fingerprint);
        CHECK(once.committed == twice.committed);
    }
}

TEST_CASE("every compiler and optimisation gives the golden runs of bare cores") {  // I-15
    golden_runs::check("core/sim_golden.txt",
                       [](u64 seed) { return core_cluster(draw_swarm(seed)).run(); });
}
