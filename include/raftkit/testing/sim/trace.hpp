#pragma once
// What a run did, as a fingerprint always and as text when asked. Formatting every event of
// thousands of seeds would cost more than running them; a failing seed is run again with the text
// on, which gives the same events (I-15).

#include <cstdio>
#include <string>
#include <vector>

#include <raftkit/base/instant.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

class trace {
public:
    explicit trace(bool in_words = false) noexcept : in_words_(in_words) {}

    bool in_words() const noexcept { return in_words_; }
    u64 fingerprint() const noexcept { return fingerprint_; }
    const std::vector<std::string>& lines() const noexcept { return lines_; }

    void note(u64 word) noexcept {
        fingerprint_ ^= word + 0x9e3779b97f4a7c15ULL + (fingerprint_ << 6) + (fingerprint_ >> 2);
        fingerprint_ *= 0xff51afd7ed558ccdULL;
    }
    // Requires: in_words(), so that callers build text only when somebody reads it.
    void say(instant now, const std::string& words) {
        char stamp[32];
        std::snprintf(stamp, sizeof stamp, "%10.3fms ", static_cast<double>(now.ns) / 1e6);
        lines_.push_back(stamp + words);
    }
    std::string tail(std::size_t lines_max) const {
        std::string text;
        const std::size_t from = lines_.size() > lines_max ? lines_.size() - lines_max : 0;
        for (std::size_t line = from; line < lines_.size(); ++line) text += lines_[line] + "\n";
        return text;
    }

private:
    bool in_words_;
    u64 fingerprint_ = 0;
    std::vector<std::string> lines_;
};

// The run of this thread that is under way, for an assertion that fails in the middle of it.
struct run_under_way {
    u64 seed = 0;
    const trace* log = nullptr;
};
inline thread_local run_under_way running_now;

// An assert_handler: a broken invariant of the code under test names the seed before it aborts.
inline void tell_of_run(const char* fact, const char* file, int line) {
    std::fprintf(stderr, "raftkit: assertion failed: %s (%s:%d)\n", fact, file, line);
    if (running_now.log == nullptr) return;
    std::fputs(running_now.log->tail(150).c_str(), stderr);
    std::fprintf(stderr, "replay: RAFTKIT_SEED=%llu\n",
                 static_cast<unsigned long long>(running_now.seed));
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
