#pragma once
// What is durable, as one number. Batches complete in order; each open ticket remembers which index
// it covers. The subtle part is truncation: a completion must never prove an entry that replaced
// the one it wrote (known bugs 27, 31). Rules from the model (recovery.md §5): truncation at k
// clamps every open ticket to k-1; a reset clamps them to 0 and sets stable to 0 until its own
// ticket, because a base is never durable at once.

#include <algorithm>

#include <raftkit/base/ring.hpp>
#include <raftkit/core/types.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

class stable_watermark {
public:
    explicit stable_watermark(index_t stable) noexcept : stable_(stable), covered_(stable) {}

    index_t stable() const noexcept { return stable_; }
    bool reset_open() const noexcept { return reset_ > completed_; }
    ticket completed() const noexcept { return completed_; }
    ticket issued() const noexcept { return issued_; }
    // The ticket that the next batch will get.
    ticket upcoming() const noexcept { return issued_.next(); }

    // The next batch: after it everything up to `last` is written.
    ticket issue(index_t last) noexcept {
        issued_ = issued_.next();
        covered_ = last;
        open_.push_back({issued_, last});
        return issued_;
    }
    // Tickets <= upto are durable. Late and repeated completions are harmless (known bug 28).
    // Returns true if anything new completed.
    bool complete(ticket upto) noexcept {
        upto = std::min(upto, issued_);
        if (upto <= completed_) return false;
        completed_ = upto;
        while (!open_.empty() && open_.front().id <= upto) {
            stable_ = std::max(stable_, open_.front().covers);
            open_.pop_front();
        }
        return true;
    }
    void truncate(index_t from) noexcept { clamp(from.previous()); }
    // The reset goes out with the upcoming ticket.
    void reset() noexcept {
        clamp({});
        reset_ = upcoming();
    }

private:
    struct outstanding {
        ticket id;
        index_t covers;
    };

    void clamp(index_t to) noexcept {
        for (u64 at = open_.first(); at != open_.end(); ++at) {
            open_[at].covers = std::min(open_[at].covers, to);
        }
        stable_ = std::min(stable_, to);
        covered_ = std::min(covered_, to);
    }

    index_t stable_, covered_;
    ticket issued_, completed_, reset_;
    ring<outstanding> open_;
};

}  // namespace core

RAFTKIT_NAMESPACE_END
