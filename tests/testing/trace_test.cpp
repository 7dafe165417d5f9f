// Traces of simulated clusters are accepted as they are, and refused with any one of the defects
// below in them, each by the rule that it breaks.

#include <doctest/doctest.h>

#include <raftkit/testing/sim/cluster.hpp>

#include <string>
#include <vector>

#include <support/sanitizer.hpp>

#include "trace_defects.hpp"

using namespace raftkit;
using namespace raftkit::testing;
using namespace trace_test;

namespace {

#if RAFTKIT_TEST_SANITIZED
constexpr u64 seeds_of_cores = 6, seeds_of_nodes = 3;
#elif defined(NDEBUG)
constexpr u64 seeds_of_cores = 80, seeds_of_nodes = 40;
#else
constexpr u64 seeds_of_cores = 10, seeds_of_nodes = 5;
#endif

template <class Cluster>
std::string trace_of(u64 seed) {
    std::string text;
    trace_writer writer({&text, [](void* who, std::string_view line) {
                             static_cast<std::string*>(who)->append(line) += '\n';
                         }});
    const trace_of_run wanted(writer);
    const run_outcome ended = Cluster(draw_swarm(seed)).run();
    CHECK_MESSAGE(ended.ok, ended.why);
    return text;
}

struct totals {
    u64 lines = 0, committed = 0, elections = 0;
};

template <class Cluster>
totals accepted(u64 seeds) {
    totals seen;
    for (u64 seed = 1; seed <= seeds; ++seed) {
        trace_checker check;
        check.take_all(trace_of<Cluster>(seed));
        CHECK_MESSAGE(check.ok(), "seed " << seed << ": " << check.violation().text());
        seen.lines += check.lines();
        seen.committed += check.committed().value;
        seen.elections += check.terms_led();
    }
    return seen;
}

// Tries the defect at its first places in the trace; how often it was found.
std::size_t found(const defect& tried, const lines& good, std::size_t places_max) {
    std::size_t places = 0;
    lines bad = good;  // as it was until a place fits
    for (std::size_t at = 1; at < good.size() && places < places_max; ++at) {
        if (!tried.inject(bad, at)) continue;
        ++places;
        trace_checker check;
        for (const trace_line& each : bad) {
            if (!check.take(each.text())) break;
        }
        CAPTURE(std::string(tried.name));
        CAPTURE(at);
        CHECK_FALSE(check.ok());
        if (check.ok()) continue;
        CHECK_MESSAGE(std::string(check.violation().rule) == tried.rule, check.violation().text());
        CHECK(check.violation().line <= check.lines());
        bad = good;
        at += good.size() / 7;  // not only the beginning
    }
    return places;
}

}  // namespace

TEST_CASE("every trace of simulated cores is accepted") {
    const totals seen = accepted<core_cluster>(seeds_of_cores);
    CHECK(seen.lines > seeds_of_cores * 2000);
    CHECK(seen.committed > seeds_of_cores * 100);
    CHECK(seen.elections >= seeds_of_cores);
}

TEST_CASE("every trace of simulated nodes is accepted") {
    const totals seen = accepted<cluster>(seeds_of_nodes);
    CHECK(seen.lines > seeds_of_nodes * 500);
    CHECK(seen.committed > seeds_of_nodes * 10);
    CHECK(seen.elections >= seeds_of_nodes);
}

TEST_CASE("each kind of defect in a good trace is found by the rule that it breaks") {
    std::vector<lines> good;
    for (const u64 seed : {3U, 18U, 40U})
        good.push_back(parsed(trace_of<core_cluster>(seed), 6000));
    std::size_t kinds = 0;
    for (const auto& group : {defects_of_offices(), defects_of_logs(), defects_of_machines()}) {
        for (const defect& each : group) {
            std::size_t places = 0;
            for (const lines& trace : good) places += found(each, trace, 2);
            CHECK_MESSAGE(places > 0, std::string(each.name));
            ++kinds;
        }
    }
    CHECK(kinds >= 30);
}
