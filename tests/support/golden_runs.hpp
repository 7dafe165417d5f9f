#pragma once
// Fingerprints of simulated runs, kept in a file: every compiler, optimisation and sanitizer must
// make the same ones (I-15). Whatever changes what a node does changes them; RAFTKIT_REWRITE=1 then
// writes the file anew: see that nothing else failed, and commit it with the change.

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <raftkit/testing/sim/core_cluster.hpp>
#include <sstream>
#include <string>

namespace golden_runs {

// `run` makes a run_outcome of a seed. A line of the file: seed, fingerprint, entries committed.
template <class Run>
void check(const std::string& name, Run run) {
    const std::string path = std::string(RAFTKIT_SOURCE_DIRECTORY) + "/tests/" + name;
    std::string made;
    for (const raftkit::u64 seed : {1U, 2U, 3U, 5U, 8U, 13U}) {
        const raftkit::testing::run_outcome ended = run(seed);
        CAPTURE(seed);
        CHECK_MESSAGE(ended.ok, ended.why);
        made += std::to_string(seed) + " " + std::to_string(ended.fingerprint) + " " +
                std::to_string(ended.committed) + "\n";
    }
    if (std::getenv("RAFTKIT_REWRITE") != nullptr) {
        std::ofstream(path) << made;
        return;
    }
    std::ostringstream kept;
    kept << std::ifstream(path).rdbuf();
    CHECK_MESSAGE(kept.str() == made, path << " has\n"
                                           << kept.str() << "this build makes\n"
                                           << made);
}

}  // namespace golden_runs
