#pragma once
// What the plain programs share: a clock, a histogram of latencies, spreads over rounds, and the
// lines that say on what machine and beside what load a number was made.

#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

inline std::int64_t now_ns() {
    timespec at{};
    clock_gettime(CLOCK_MONOTONIC, &at);
    return std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec;
}

// Of a process that need not be our own.
inline std::int64_t cpu_ns(pid_t of) {
    clockid_t clock{};
    timespec at{};
    if (clock_getcpuclockid(of, &clock) != 0 || clock_gettime(clock, &at) != 0) return 0;
    return std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec;
}

// Nanoseconds in buckets of 1/32 of a power of two: a quantile is at most 3 % too high.
class histogram {
public:
    void add(std::int64_t ns) {
        const auto value = static_cast<std::uint64_t>(ns < 1 ? 1 : ns);
        ++counts_[bucket(value)];
        ++total_;
        largest_ = std::max(largest_, value);
    }
    std::uint64_t count() const { return total_; }
    double max_us() const { return static_cast<double>(largest_) / 1e3; }
    double quantile_us(double part) const {
        const auto wanted = static_cast<std::uint64_t>(part * static_cast<double>(total_));
        std::uint64_t seen = 0;
        for (std::size_t at = 0; at < counts_.size(); ++at) {
            seen += counts_[at];
            if (seen > wanted) return static_cast<double>(std::min(upper(at), largest_)) / 1e3;
        }
        return max_us();
    }
    void clear() { *this = histogram(); }

private:
    static constexpr unsigned fine_bits = 5;
    static std::size_t bucket(std::uint64_t value) {
        const auto power = static_cast<unsigned>(std::bit_width(value)) - 1;
        if (power < fine_bits) return static_cast<std::size_t>(value);
        const std::uint64_t fine = (value >> (power - fine_bits)) & ((1u << fine_bits) - 1);
        return ((power - fine_bits + 1) << fine_bits) + static_cast<std::size_t>(fine);
    }
    static std::uint64_t upper(std::size_t at) {
        if (at < (1u << fine_bits)) return at;
        const auto power = (at >> fine_bits) + fine_bits - 1;
        const std::uint64_t fine = (at & ((1u << fine_bits) - 1)) + 1;
        return (std::uint64_t{1} << power) + (fine << (power - fine_bits));
    }
    std::array<std::uint64_t, (64 - fine_bits + 1) << fine_bits> counts_{};
    std::uint64_t total_ = 0, largest_ = 0;
};

struct spread {
    double low = 0, middle = 0, high = 0;
};
inline spread spread_of(std::vector<double> of) {
    if (of.empty()) return {};
    std::sort(of.begin(), of.end());
    const std::size_t half = of.size() / 2;
    return {of.front(), of.size() % 2 != 0 ? of[half] : (of[half - 1] + of[half]) / 2, of.back()};
}
inline double middle_of(const std::vector<double>& of) { return spread_of(of).middle; }

inline std::string first_line(const char* path, std::string_view key = {}) {
    std::ifstream in(path);
    std::string line;
    while (std::getline(in, line)) {
        if (line.compare(0, key.size(), key) == 0) return line;
    }
    return {};
}
inline void print_load(const char* when) {
    std::printf("load average %s: %s\n", when, first_line("/proc/loadavg").c_str());
}
inline void print_machine() {
    const std::string model = first_line("/proc/cpuinfo", "model name");
    const std::size_t colon = model.find(": ");
    utsname system{};
    uname(&system);
    std::printf("machine: %ld x %s, %s %s, g++ %s\n", sysconf(_SC_NPROCESSORS_ONLN),
                colon == std::string::npos ? "?" : model.c_str() + colon + 2, system.sysname,
                system.release, __VERSION__);
}

// --name value
class arguments {
public:
    arguments(int count, char** words) : words_(words + 1, words + count) {}
    std::string text(const char* name, const char* otherwise) {
        used_.push_back(name);
        for (std::size_t at = 0; at + 1 < words_.size(); ++at) {
            if (words_[at] == name) return words_[at + 1];
        }
        return otherwise;
    }
    double number(const char* name, double otherwise) {
        const std::string word = text(name, "");
        return word.empty() ? otherwise : std::atof(word.c_str());
    }
    std::vector<unsigned> list(const char* name, const char* otherwise) {
        std::vector<unsigned> made;
        const std::string words = text(name, otherwise);
        for (const char* at = words.c_str(); *at != '\0';) {
            char* end = nullptr;
            made.push_back(static_cast<unsigned>(std::strtoul(at, &end, 10)));
            at = *end == ',' ? end + 1 : end + std::strlen(end);
        }
        return made;
    }
    // After all were asked for.
    bool all_known() const {
        for (std::size_t at = 0; at < words_.size(); at += 2) {
            if (at + 1 < words_.size() &&
                std::find(used_.begin(), used_.end(), words_[at]) != used_.end()) {
                continue;
            }
            std::fprintf(stderr, "unknown or without a value: %s; options:", words_[at].c_str());
            for (const std::string& each : used_) std::fprintf(stderr, " %s", each.c_str());
            std::fprintf(stderr, "\n");
            return false;
        }
        return true;
    }

private:
    std::vector<std::string> words_, used_;
};

// A directory of this run, gone with all it holds at the end.
class scratch {
public:
    explicit scratch(const std::string& parent) : path_(parent + "/raftkit-bench-XXXXXX") {
        if (mkdtemp(path_.data()) == nullptr) {
            std::perror(path_.c_str());
            std::exit(1);
        }
    }
    scratch(const scratch&) = delete;
    ~scratch() { clear(""); }
    const std::string& path() const { return path_; }
    void clear(const std::string& below) const {
        const std::string command = "rm -rf '" + path_ + below + "'";
        if (std::system(command.c_str()) != 0) std::fprintf(stderr, "left: %s\n", path_.c_str());
    }

private:
    std::string path_;
};

}  // namespace bench
