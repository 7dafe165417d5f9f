#pragma once
// The fence of a damaged voter (design §11, recovery.md §4): it may have acknowledged entries up to
// L that it no longer holds. Until its log is whole again it never campaigns and serves no read,
// and votes only for candidates that can't lack what it once acknowledged. Lifted by its own
// durable log, never by a commit index alone.

#include <optional>

#include <raftkit/core/persist.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

class fence_state {
public:
    // An empty mark is how storage remembers that the fence was lifted.
    explicit fence_state(const std::optional<fence_mark>& mark) noexcept {
        if (mark && (mark->acked_known || mark->at_damage)) mark_ = mark;
    }

    bool up() const noexcept { return mark_.has_value(); }
    const std::optional<fence_mark>& mark() const noexcept { return mark_; }
    void raise(const fence_mark& mark) noexcept {
        mark_ = mark;
        whole_at_ = {};
        introduced_to_ = {};
    }

    // May a candidate with this last entry have the vote? `own` is our last entry.
    bool allows(log_id candidate, log_id own) const noexcept {
        if (!mark_) return true;
        if (!at_least_as_new(candidate, own)) return false;
        if (mark_->acked_known) return at_least_as_new(candidate, mark_->acked);
        return candidate.term > mark_->at_damage;
    }

    // This leader has registered our incarnation: what it sends from now on answers the node as it
    // is.
    void introduced(node_id leader, term_t term) noexcept {
        introduced_to_ = leader;
        introduced_term_ = term;
    }
    // An append that may lift the fence arrived: `last` is the leader's last index when it was
    // sent.
    void heard(node_id leader, term_t term, index_t last) noexcept {
        if (!mark_ || leader != introduced_to_ || term != introduced_term_) return;
        if (term < mark_->at_damage) return;
        if (!whole_at_) whole_at_ = last;
    }
    // `matched`: durable and equal to the leader's log up to there. Returns true if the fence fell.
    bool try_lift(log_id durable, index_t matched) noexcept {
        if (!mark_) return false;
        const bool own = mark_->acked_known && at_least_as_new(durable, mark_->acked);
        const bool leaders = whole_at_ && matched >= whole_at_;
        if (!own && !leaders) return false;
        mark_.reset();
        return true;
    }
    void leader_gone() noexcept { whole_at_ = {}; }

private:
    std::optional<fence_mark> mark_;
    node_id introduced_to_;
    term_t introduced_term_;
    index_t whole_at_;
};

}  // namespace core

RAFTKIT_NAMESPACE_END
