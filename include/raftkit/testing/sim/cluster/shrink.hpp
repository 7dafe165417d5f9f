#pragma once
// What a person gets of a seed that fails: the seed, what was violated, the fewest actions that
// still violate it, whatever of the swarm can be calm meanwhile, and the end of the trace of that
// run.

#include <raftkit/testing/sim/cluster.hpp>
#include <raftkit/testing/sim/nemesis/shrink.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

struct shrunk_failure {
    swarm in;
    fault_plan plan;
    std::vector<std::string> calm;  // what is not needed for it
    run_outcome outcome;            // of the smallest run, with words
    std::size_t actions_before = 0;
    u32 runs = 0;
};

// What may be unneeded of a swarm, for people who have to read the trace.
struct calmer {
    const char* words;
    void (*make)(swarm& of);
};
inline constexpr calmer calmers[] = {
    {"a perfect network", [](swarm& of) { of.wire = link_faults{}; }},
    {"no reads", [](swarm& of) { of.read_every = {}; }},
    {"short commands", [](swarm& of) { of.value_bytes_max = 0; }},
    {"fewer commands", [](swarm& of) { of.write_every = of.write_every * 4; }},
    {"no snapshots of their own accord", [](swarm& of) { of.snapshot_every = 0; }},
    {"a fast disk", [](swarm& of) { of.disk_max = microseconds(200); }},
    {"no spare nodes", [](swarm& of) { of.spares = 0; }},
    {"everybody comes back", [](swarm& of) { of.dead_at_rest = 0; }},
};

// Requires: cluster(in, plan, false).run() fails with `failed`.
inline shrunk_failure shrink(const swarm& in, const fault_plan& plan, const run_outcome& failed,
                             u32 runs_max) {
    shrunk_failure made{in, plan, {}, {}, plan.actions.size(), 0};
    const std::string kind = failure_kind(failed.why);
    u32 runs_left = runs_max;
    const auto fails = [&kind](const swarm& with, const fault_plan& done) {
        const run_outcome ended = cluster(with, done, false).run();
        return !ended.ok && failure_kind(ended.why) == kind;
    };
    // What would have come after the failure never came.
    std::erase_if(made.plan.actions,
                  [&failed](const fault_action& each) { return each.at > failed.ended_at; });
    made.plan.actions =
        minimised(std::move(made.plan.actions), runs_left, [&](std::vector<fault_action> rest) {
            return fails(in, {std::move(rest), {}});
        });
    for (const calmer& each : calmers) {
        if (runs_left == 0) break;
        swarm tried = made.in;
        each.make(tried);
        --runs_left;
        if (!fails(tried, made.plan)) continue;
        made.in = tried;
        made.calm.push_back(each.words);
    }
    made.runs = runs_max - runs_left;
    made.outcome = cluster(made.in, made.plan, true).run();
    return made;
}

inline std::string words(const shrunk_failure& of) {
    std::string text = "seed " + std::to_string(of.in.seed) + ": " + of.outcome.why + "\n" +
                       std::to_string(of.plan.actions.size()) + " of " +
                       std::to_string(of.actions_before) + " actions are enough (" +
                       std::to_string(of.runs) + " runs):\n" + words(of.plan);
    for (const std::string& each : of.calm) text += "with " + each + "\n";
    return text + "the end of its trace:\n" + of.outcome.tail +
           "replay: RAFTKIT_SEED=" + std::to_string(of.in.seed) + "\n";
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
