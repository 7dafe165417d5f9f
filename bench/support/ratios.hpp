#pragma once
// Ratios measured side by side: google-benchmark interleaves the repetitions of all benchmarks at
// random, and this reporter divides the median of each by the median of its control in the same
// run. Benchmarks are named <kind>/<case>; the control of <kind>/<case> is floor/<case>.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace bench {

inline double median(std::vector<double> of) {
    std::sort(of.begin(), of.end());
    return of.empty() ? 0 : of[of.size() / 2];
}

class ratio_reporter : public benchmark::ConsoleReporter {
public:
    void ReportRuns(const std::vector<Run>& runs) override {
        for (const Run& each : runs) {
            if (each.run_type != Run::RT_Iteration || each.error_occurred) continue;
            const double items = each.counters.count("items_per_second") != 0
                                     ? double(each.counters.at("items_per_second"))
                                     : 0;
            if (items > 0)
                nanoseconds_[each.run_name.function_name + "/" + each.run_name.args].push_back(
                    1e9 / items);
        }
        ConsoleReporter::ReportRuns(runs);
    }
    void Finalize() override {
        std::printf(
            "\nns an item, min / median / max of all rounds; ratio of medians to the floor of the "
            "same run\n");
        for (const auto& [name, rounds] : nanoseconds_) {
            const auto [low, high] = std::minmax_element(rounds.begin(), rounds.end());
            std::printf("%-24s %8.1f / %8.1f / %8.1f", name.c_str(), *low, median(rounds), *high);
            const std::size_t slash = name.find('/');
            const auto control = nanoseconds_.find("floor" + name.substr(slash));
            if (control != nanoseconds_.end() && control->first != name) {
                std::printf("   x %.2f", median(rounds) / median(control->second));
            }
            std::printf("\n");
        }
        print_load();
    }

private:
    static void print_load() {
        std::ifstream load("/proc/loadavg");
        std::string line;
        if (std::getline(load, line)) std::printf("load average now: %s\n", line.c_str());
    }
    std::map<std::string, std::vector<double>> nanoseconds_;
};

}  // namespace bench
