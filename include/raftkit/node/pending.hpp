#pragma once
// Proposals that were appended and wait for their end, by (index, term). The rules are those of
// design §8:
//
//   entry with its own term applied at its index ......... done
//   another term committed and applied there ............. leader_changed: certainly not done
//   a later term committed and applied below it .......... the same: terms never fall along a log,
//        so no log that agrees can have it (the log may end before its index, and rest)
//   deadline, cancel, close, failed disk, unknown_now .... outcome_unknown, the cause in `detail`
//   an installed snapshot covers its index ............... outcome_unknown; but if our log held the
//        snapshot's own (index, term), all at or below is committed: reply_lost if our log still
//        has the entry, leader_changed if another one stands there
//   truncated, leadership lost ........................... nothing: the entry may live on elsewhere
//
//   ring_      100 101 102 103 ...   contiguous, of this leadership: O(1) both ways
//   displaced_ 97 98 98 ...          sorted, rare: of earlier terms, their indexes may be reused
//
// Raft context only.

#include <algorithm>
#include <vector>

#include <raftkit/base/ring.hpp>
#include <raftkit/core/run.hpp>
#include <raftkit/port/operation.hpp>

RAFTKIT_NAMESPACE_BEGIN

constexpr error unknown_outcome(errc cause, const char* where) noexcept {
    return {errc::outcome_unknown, 0, where, static_cast<u64>(cause)};
}

class pending {
public:
    bool empty() const noexcept { return count_ == 0; }
    u64 size() const noexcept { return count_; }
    // No operation ends by its deadline before this instant.
    instant deadline() const noexcept { return deadline_; }

    void add(log_id at, operation& asked) {
        RAFTKIT_ASSERT(bool(at.index) && bool(at.term));
        make_room(at.index);
        ring_.push_back({at.term, &asked});
        ++count_;
        deadline_ = earliest(deadline_, asked.deadline);
    }

    // Whether a committed range of `term` that ends at `last` concerns anybody here.
    bool concerns(index_t last, term_t term) const noexcept {
        return (!ring_.empty() && (ring_.first() <= last.value || ring_.back().term < term)) ||
               !displaced_.empty();
    }
    // A committed range is on its way to the machine: its own operations are carried along, those
    // of other terms at its indexes are refused. carry(index, operation&), refuse(operation&).
    template <class Carry, class Refuse>
    void take(index_t first, index_t last, term_t term, Carry&& carry, Refuse&& refuse);

    // As a follower we stored entries of `term` at first..last: what stood there before is
    // replaced, for now.
    void stored(index_t first, term_t term, index_t last);

    // An installed snapshot covers everything up to `upto`; `held`: our log had its very (index,
    // term).
    template <class End>
    void covered(index_t upto, bool held, End&& end);

    // end(operation&, error). Deadlines that have come.
    template <class End>
    void expire(instant now, End&& end);
    // Those whose cancellation was asked for.
    template <class End>
    void cancel_asked(End&& end);
    template <class End>
    void end_all(errc cause, const char* where, End&& end);

private:
    struct slot {
        term_t term;
        operation* asked = nullptr;  // null: not ours, or ended
    };
    struct displaced_slot {
        log_id at;
        operation* asked;
        bool replaced;  // our log has another entry there now
    };
    static constexpr u64 gap_max = 64;  // barriers and membership entries between proposals

    void make_room(index_t index);
    void displace_ring();
    template <class Which, class End>
    void end_where(Which&& which, End&& end);

    ring<slot> ring_;
    std::vector<displaced_slot>
        displaced_;  // sorted by index; filled by changes of leadership only
    u64 count_ = 0;
    instant deadline_ = never;
};

// Ensures: the next push_back of ring_ is at `index`.
inline void pending::make_room(index_t index) {
    if (ring_.empty()) return ring_.restart(index.value);
    const bool continues = index.value >= ring_.end() && index.value - ring_.end() <= gap_max;
    if (!continues) {
        displace_ring();
        return ring_.restart(index.value);
    }
    while (ring_.end() < index.value) ring_.push_back({});
}

inline void pending::displace_ring() {
    for (u64 index = ring_.first(); index != ring_.end(); ++index) {
        const slot& each = ring_[index];
        if (each.asked != nullptr) displaced_.push_back({{{index}, each.term}, each.asked, false});
    }
    ring_.clear();
    std::stable_sort(
        displaced_.begin(), displaced_.end(),
        [](const displaced_slot& a, const displaced_slot& b) { return a.at.index < b.at.index; });
}

template <class Carry, class Refuse>
void pending::take(index_t first, index_t last, term_t term, Carry&& carry, Refuse&& refuse) {
    while (!ring_.empty() && ring_.first() <= last.value) {
        const index_t index{ring_.first()};
        const slot front = ring_.front();
        ring_.pop_front();
        if (front.asked == nullptr) continue;
        RAFTKIT_ASSERT(index >= first);  // applied ranges have no gaps
        --count_;
        if (front.term == term) {  // known bug 31: (index, term), never the index alone
            carry(index, *front.asked);
        } else {
            refuse(*front.asked);
        }
    }
    std::size_t taken = 0;
    while (taken < displaced_.size() && displaced_[taken].at.index <= last) ++taken;
    for (std::size_t i = 0; i < taken; ++i) {
        const displaced_slot& each = displaced_[i];
        RAFTKIT_ASSERT(each.at.index >= first);
        --count_;
        if (each.at.term == term) {
            carry(each.at.index, *each.asked);
        } else {
            refuse(*each.asked);
        }
    }
    displaced_.erase(displaced_.begin(), displaced_.begin() + static_cast<std::ptrdiff_t>(taken));
    if (!ring_.empty() && ring_.back().term < term) displace_ring();
    std::erase_if(displaced_, [&](const displaced_slot& each) {
        if (each.at.term >= term) return false;
        --count_;
        refuse(*each.asked);
        return true;
    });
    if (count_ == 0) deadline_ = never;
}

inline void pending::stored(index_t first, term_t term, index_t last) {
    if (count_ == 0) return;
    if (!ring_.empty() && ring_.end() > first.value) displace_ring();
    for (displaced_slot& each : displaced_) {
        if (each.at.index < first) continue;
        // Beyond the new entries the log ends, until more is stored.
        each.replaced = each.at.index > last || each.at.term != term;
    }
}

template <class End>
void pending::covered(index_t upto, bool held, End&& end) {
    displace_ring();
    std::erase_if(displaced_, [&](const displaced_slot& each) {
        if (each.at.index > upto) return false;
        --count_;
        if (!held) {
            end(*each.asked,
                unknown_outcome(errc::compacted, "propose: a snapshot covers its index"));
        } else if (each.replaced) {
            end(*each.asked,
                error{errc::leader_changed, 0, "propose: another entry is committed there"});
        } else {
            end(*each.asked, error{errc::reply_lost, 0, "propose: applied by way of a snapshot"});
        }
        return true;
    });
    if (count_ == 0) deadline_ = never;
}

// Ends those for which `which` names a cause; finds the next deadline among the rest.
template <class Which, class End>
void pending::end_where(Which&& which, End&& end) {
    instant next = never;
    const auto ends = [&](operation& asked) {
        const errc cause = which(asked);
        if (cause == errc::ok) {
            next = earliest(next, asked.deadline);
            return false;
        }
        --count_;
        end(asked, unknown_outcome(cause, "propose"));
        return true;
    };
    for (u64 index = ring_.first(); index != ring_.end(); ++index) {
        slot& each = ring_[index];
        if (each.asked != nullptr && ends(*each.asked)) each.asked = nullptr;
    }
    std::erase_if(displaced_, [&](const displaced_slot& each) { return ends(*each.asked); });
    if (count_ == 0) ring_.clear();
    deadline_ = next;
}

template <class End>
void pending::expire(instant now, End&& end) {
    if (now < deadline_) return;
    end_where(
        [now](const operation& asked) {
            return asked.deadline <= now ? errc::timed_out : errc::ok;
        },
        end);
}

template <class End>
void pending::cancel_asked(End&& end) {
    if (count_ == 0) return;
    end_where(
        [](const operation& asked) {
            return asked.cancel_asked.load(std::memory_order_relaxed) ? errc::cancelled : errc::ok;
        },
        end);
}

template <class End>
void pending::end_all(errc cause, const char* where, End&& end) {
    end_where([cause](const operation&) { return cause; },
              [&](operation& asked, error) { end(asked, unknown_outcome(cause, where)); });
}

RAFTKIT_NAMESPACE_END
