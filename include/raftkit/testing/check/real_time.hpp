#pragma once
// Linearizability of clients whose every answer is a position in one log. A write answered from
// index i saw the first i entries; a read that ran at applied index i saw the same. Since all of
// them are prefixes of one sequence, the history is linearizable if and only if real time agrees
// with positions: an operation that begins after another has ended must not have a lower one (I-8).
// That is checked online, without a search.
//
// Histories of single values, where positions are hidden, need check/linearizable.hpp.

#include <string>

#include <raftkit/core/types.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

class real_time {
public:
    // What an operation that begins now must have seen at least.
    index_t begin() const noexcept { return ended_; }

    void write_ended(index_t began, index_t at) {
        if (at <= began && violation_.empty()) {
            violation_ = "I-8 a write got a position that was taken when it began: " +
                         std::to_string(at.value) + " <= " + std::to_string(began.value);
        }
        if (ended_ < at) ended_ = at;
        ++writes;
    }
    void read_ended(index_t began, index_t at) {
        if (at < began && violation_.empty()) {
            violation_ = "I-8 a stale read: saw " + std::to_string(at.value) + ", " +
                         std::to_string(began.value) + " had been answered when it began";
        }
        if (ended_ < at) ended_ = at;
        ++reads;
    }

    bool ok() const noexcept { return violation_.empty(); }
    const std::string& violation() const noexcept { return violation_; }
    u64 writes = 0, reads = 0;

private:
    index_t ended_;
    std::string violation_;
};

}  // namespace testing

RAFTKIT_NAMESPACE_END
