#pragma once
// The terms of the whole log, as the first position of each: a few dozen numbers for any length, so
// that `term_at` never does I/O and memory stays flat.

#include <vector>

#include <raftkit/base/assert.hpp>
#include <raftkit/core/types.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

class term_runs {
public:
    term_runs() noexcept = default;
    // `starts`: first position of every term above `base`, rising.
    term_runs(log_id base, std::vector<log_id> starts, index_t last) noexcept
        : base_(base), last_(last), starts_(std::move(starts)) {}

    log_id base() const noexcept { return base_; }
    index_t last() const noexcept { return last_; }
    term_t last_term() const noexcept { return starts_.empty() ? base_.term : starts_.back().term; }

    // Defined on [base, last] only; elsewhere 0 (known bug 57).
    term_t term_at(index_t at) const noexcept {
        if (at > last_ || at < base_.index) return {};
        if (at == base_.index) return base_.term;
        if (starts_.back().index <= at) return starts_.back().term;  // nearly always
        for (std::size_t k = starts_.size(); k > 0; --k) {
            if (starts_[k - 1].index <= at) return starts_[k - 1].term;
        }
        return {};
    }
    bool contains(log_id at) const noexcept {
        return at.index >= base_.index && at.index <= last_ && term_at(at.index) == at.term;
    }
    // The largest index <= `at` whose term is <= `term`: the conflict hint, from either side. At
    // least the base.
    log_id last_not_above(index_t at, term_t term) const noexcept {
        index_t limit = at < last_ ? at : last_;
        for (std::size_t k = starts_.size(); k > 0; --k) {
            const log_id& start = starts_[k - 1];
            if (start.index > limit) continue;
            if (start.term <= term) return {limit, start.term};
            limit = start.index.previous();
        }
        return base_;
    }
    // The first index above the base in [from, last] whose term differs from `term`; last + 1 if
    // none.
    index_t first_other(index_t from, term_t term) const noexcept {
        index_t at = from;
        for (std::size_t k = 0; k < starts_.size(); ++k) {
            const index_t end = k + 1 < starts_.size() ? starts_[k + 1].index : last_.next();
            if (end <= at) continue;
            if (starts_[k].term != term) return at;
            at = end;
        }
        return at;
    }

    // Entries up to `last` of `term` follow. Requires: term does not fall.
    void append(term_t term, index_t last) noexcept {
        RAFTKIT_ASSERT(term >= last_term());
        RAFTKIT_ASSERT(last > last_);
        if (starts_.empty() || starts_.back().term != term) begin(term);
        last_ = last;
    }
    // Requires: from is above the base.
    void truncate(index_t from) noexcept {
        RAFTKIT_ASSERT(from > base_.index);
        while (!starts_.empty() && starts_.back().index >= from) starts_.pop_back();
        if (last_ >= from) last_ = from.previous();
    }
    // Requires: base <= to <= last.
    void compact(index_t to) noexcept {
        RAFTKIT_ASSERT(to >= base_.index && to <= last_);
        base_ = {to, term_at(to)};
        std::size_t gone = 0;
        while (gone + 1 < starts_.size() && starts_[gone + 1].index <= to.next()) ++gone;
        starts_.erase(starts_.begin(), starts_.begin() + static_cast<std::ptrdiff_t>(gone));
        if (!starts_.empty() && starts_.front().index <= to) {
            if (to == last_) {
                starts_.clear();
            } else {
                starts_.front().index = to.next();
            }
        }
    }
    void reset(log_id base) noexcept {
        base_ = base;
        last_ = base.index;
        starts_.clear();
    }

private:
    [[gnu::noinline]] void begin(term_t term) noexcept { starts_.push_back({last_.next(), term}); }

    log_id base_;
    index_t last_;
    std::vector<log_id> starts_;
};

}  // namespace core

RAFTKIT_NAMESPACE_END
