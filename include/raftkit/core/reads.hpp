#pragma once
// Linearizable reads without log entries (Raft §8, thesis §6.4): a read notes the commit index, a
// later heartbeat round that a majority answers proves that this node still led, and the read may
// be served once that index is applied. Rounds are numbers of the leader's own, never the client's,
// so that a late answer can't confirm a newer read (known bug 94). One round confirms every read
// before it.

#include <raftkit/base/ring.hpp>
#include <raftkit/core/types.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

class read_queue {
public:
    struct waiting {
        request_id id;
        index_t at;
        u64 round = 0;  // 0: not sent yet
    };

    u64 round() const noexcept { return round_; }
    u64 confirmed() const noexcept { return confirmed_; }
    bool empty() const noexcept { return waiting_.empty(); }
    bool wants_round() const noexcept { return !waiting_.empty() && waiting_.back().round == 0; }

    void add(request_id id, index_t at) noexcept { waiting_.push_back({id, at, 0}); }

    // A heartbeat round begins now; all reads so far ride on it.
    u64 begin_round(instant now) noexcept {
        ++round_;
        for (u64 at = waiting_.end(); at != waiting_.first() && waiting_[at - 1].round == 0; --at) {
            waiting_[at - 1].round = round_;
        }
        sent_at_[round_ % rounds_kept] = now;
        return round_;
    }
    // A majority answered rounds <= `round`. When the newest confirmed one was sent is what a lease
    // counts from: the time of sending, never of receiving (known bug 95).
    void confirm(u64 round) noexcept {
        if (round <= confirmed_ || round > round_) return;
        confirmed_ = round;
        if (round_ - round < rounds_kept) lease_from_ = sent_at_[round % rounds_kept];
    }
    instant lease_from() const noexcept { return lease_from_; }

    // Takes the oldest read whose round is confirmed; false if none is.
    bool take_confirmed(waiting& into) noexcept {
        if (waiting_.empty() || waiting_.front().round == 0 ||
            waiting_.front().round > confirmed_) {
            return false;
        }
        into = waiting_.front();
        waiting_.pop_front();
        return true;
    }
    bool take_any(waiting& into) noexcept {
        if (waiting_.empty()) return false;
        into = waiting_.front();
        waiting_.pop_front();
        return true;
    }

private:
    static constexpr u64 rounds_kept = 64;

    ring<waiting> waiting_;
    u64 round_ = 0, confirmed_ = 0;
    instant sent_at_[rounds_kept]{};
    instant lease_from_{};
};

}  // namespace core

RAFTKIT_NAMESPACE_END
