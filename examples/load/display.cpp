#include "display.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace kvload {

namespace {
constexpr raftkit::duration step = raftkit::milliseconds(20);
constexpr raftkit::duration second = raftkit::seconds(1);
constexpr int columns = 100;  // two seconds a row
}  // namespace

display::display(const char* what, raftkit::instant now)
    : what_(what),
      terminal_(::isatty(STDOUT_FILENO) == 1),
      begun_(now),
      next_mark_(now + step),
      next_line_(now + second),
      last_progress_(now) {}

void display::tick(raftkit::u64 acknowledged, raftkit::instant now) {
    longest_gap_ = std::max(longest_gap_, now - last_progress_);
    if (acknowledged != at_tick_) last_progress_ = now;
    at_tick_ = acknowledged;
    const bool alive = acknowledged != at_mark_;
    if (now >= next_mark_) at_mark_ = acknowledged;
    for (; now >= next_mark_; next_mark_ = next_mark_ + step) mark(alive);
    if (now < next_line_) return;
    next_line_ = next_line_ + second;
    if (!terminal_) {
        std::printf("  %3lld s: %llu %s\n",
                    static_cast<long long>((now - begun_).ns / 1'000'000'000),
                    static_cast<unsigned long long>(acknowledged - at_line_), what_);
    }
    std::fflush(stdout);
    at_line_ = acknowledged;
}

void display::mark(bool alive) {
    if (!terminal_) return;
    std::fputs(alive ? "." : "x", stdout);
    if (++column_ % columns == 0) std::fputs("\n", stdout);
    std::fflush(stdout);
}

void display::end() {
    if (terminal_ && column_ % columns != 0) std::fputs("\n", stdout);
}

}  // namespace kvload
