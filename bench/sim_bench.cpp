// How much simulated time of a whole cluster one core gets through: real nodes, logs and stores on
// simulated disks and a simulated network, every checker at work, no faults. Wanted: at least 1,000
// simulated seconds a second for five nodes that are idle or moderately busy.
//
//   sim_bench [--seconds 200] [--rounds 5]

#include <raftkit/testing/sim/cluster.hpp>

#include <time.h>

#include "support/measure.hpp"

using namespace raftkit;
using namespace raftkit::testing;

namespace {

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

struct load_case {
    const char* words;
    duration write_every, read_every;
};

// The numbers are the defaults of a node, the network is a good one.
swarm five_nodes(u64 seed, const load_case& load, duration run_for) {
    swarm made;
    made.seed = seed;
    made.voters = 5;
    made.run_for = run_for * 2;  // half of it is a run's first phase, then it is brought to rest
    made.disk_min = microseconds(20);
    made.disk_max = milliseconds(1);
    made.write_every = load.write_every;
    made.read_every = load.read_every;
    made.value_bytes_max = 128;
    made.snapshot_every = 1000;
    made.trailing = 100;
    made.staging_ttl = minutes(60);
    return made;
}

}  // namespace

int main(int count, char** words) {
    bench::arguments asked(count, words);
    const auto run_for = seconds(static_cast<i64>(asked.number("--seconds", 200)));
    const auto rounds = static_cast<u64>(asked.number("--rounds", 5));
    if (!asked.all_known()) return 2;
    bench::print_machine();
    bench::print_load("before");
    constexpr load_case loads[] = {
        {"idle", {}, {}},
        {"10 writes/s, 10 reads/s", milliseconds(100), milliseconds(100)},
        {"50 writes/s, 20 reads/s", milliseconds(20), milliseconds(50)},
    };
    bool met = true;
    for (const load_case& each : loads) {
        std::vector<double> rates;
        for (u64 round = 1; round <= rounds; ++round) {
            const double begin = cpu_seconds();
            const run_outcome ended = cluster(five_nodes(round, each, run_for), {}, false).run();
            const double took = cpu_seconds() - begin;
            if (!ended.ok) {
                std::fprintf(stderr, "round %llu: %s\n", static_cast<unsigned long long>(round),
                             ended.why.c_str());
                return 1;
            }
            rates.push_back(static_cast<double>(ended.ended_at.ns) / 1e9 / took);
        }
        const bench::spread seen = bench::spread_of(rates);
        met = met && seen.middle >= 1000;
        std::printf("five nodes, %-24s %7.0f simulated seconds a second (%.0f to %.0f)\n",
                    each.words, seen.middle, seen.low, seen.high);
    }
    bench::print_load("after");
    std::printf("at least 1000: %s\n", met ? "met" : "missed");
}
