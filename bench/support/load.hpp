#pragma once
// The client of the cluster benches. It lives inside the leader's loop and keeps `in_flight`
// proposals of 128 bytes open: what ends is proposed again. One stamp a turn: everything that ends
// in a turn ends at its first end, and what is proposed again begins there, for every system alike.

#include <vector>

#include "support/measure.hpp"

namespace bench {

inline constexpr std::uint32_t command_bytes = 128;

struct order {
    std::uint32_t in_flight = 0;
    double warm = 0, seconds = 0;
};
struct outcome {
    bool good = false;
    std::uint64_t entries = 0, all_entries = 0;  // in the measured time; with warming up
    double a_second = 0, p50 = 0, p99 = 0, p999 = 0, max = 0;  // microseconds
    double cpu_us = 0;                                         // an entry, all three processes
};

class load {
public:
    bool running() const { return open_ != 0 || wants_; }
    bool may_propose() const { return wants_; }
    std::uint32_t slots() const { return static_cast<std::uint32_t>(began_.size()); }

    void begin(const order& wanted, std::int64_t now) {
        began_.assign(wanted.in_flight, 0);
        from_ = now + static_cast<std::int64_t>(wanted.warm * 1e9);
        until_ = from_ + static_cast<std::int64_t>(wanted.seconds * 1e9);
        seen_.clear();
        all_ = 0;
        failed_ = false;
        wants_ = true;
        open_ = 0;
    }
    void proposed(std::uint32_t slot, std::int64_t now) {
        began_[slot] = now;
        ++open_;
    }
    // True: propose it again.
    bool ended(std::uint32_t slot, bool good, std::int64_t now) {
        --open_;
        ++all_;
        if (!good) failed_ = true;
        if (now >= from_ && now < until_) seen_.add(now - began_[slot]);
        if (now >= until_ || failed_) wants_ = false;
        return wants_;
    }
    bool over() const { return !wants_ && open_ == 0; }
    outcome result() const {
        outcome made;
        made.good = !failed_ && seen_.count() != 0;
        made.entries = seen_.count();
        made.all_entries = all_;
        made.a_second =
            static_cast<double>(made.entries) * 1e9 / static_cast<double>(until_ - from_);
        made.p50 = seen_.quantile_us(0.5);
        made.p99 = seen_.quantile_us(0.99);
        made.p999 = seen_.quantile_us(0.999);
        made.max = seen_.max_us();
        return made;
    }

private:
    std::vector<std::int64_t> began_;
    histogram seen_;
    std::int64_t from_ = 0, until_ = 0;
    std::uint64_t all_ = 0;
    std::uint32_t open_ = 0;
    bool wants_ = false, failed_ = false;
};

}  // namespace bench
