#pragma once
// What one sees while it runs. On a terminal a row with one mark for every 20 ms: a dot where
// something was acknowledged, a cross where nothing was, so that an outage is as long as it looks.
// In a pipe a line a second.

#include <raftkit/base/instant.hpp>

namespace kvload {

class display {
public:
    display(const char* what, raftkit::instant now);
    // Call it about every millisecond, with what was acknowledged so far.
    void tick(raftkit::u64 acknowledged, raftkit::instant now);
    void end();

    raftkit::duration longest_gap() const { return longest_gap_; }

private:
    void mark(bool alive);

    const char* what_;
    bool terminal_;
    int column_ = 0;
    raftkit::instant begun_, next_mark_, next_line_, last_progress_;
    raftkit::u64 at_mark_ = 0, at_line_ = 0, at_tick_ = 0;
    raftkit::duration longest_gap_{};
};

}  // namespace kvload
