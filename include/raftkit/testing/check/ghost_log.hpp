#pragma once
// A log as the checkers remember it: term, kind and a hash of everything up to each entry. Two logs
// that agree in the chain at an index agree in every entry up to it, so log matching is one
// comparison (Raft §5.3).
//
// Ghost logs forget nothing at compaction: only a reset, which replaces the log by a snapshot,
// moves their base.

#include <vector>

#include <raftkit/core/run.hpp>
#include <raftkit/testing/machine/register_map.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

struct ghost_entry {
    term_t term;
    u64 chain = 0;
    entry_kind kind = entry_kind::command;
    friend bool operator==(const ghost_entry&, const ghost_entry&) noexcept = default;
};

inline u64 entry_chain(u64 before, const entry_view& entry) noexcept {
    u64 chain = chained(before, entry.at.index.value);
    chain = chained(chain, entry.at.term.value);
    return chained(chain, hash_of(entry.body) + static_cast<u64>(entry.kind));
}

class ghost_log {
public:
    log_id base() const noexcept { return base_; }
    index_t last_index() const noexcept { return {base_.index.value + entries_.size()}; }
    log_id last() const noexcept { return {last_index(), term_at(last_index())}; }
    bool holds(index_t index) const noexcept {
        return index > base_.index && index <= last_index();
    }
    // Requires: holds(index).
    const ghost_entry& at(index_t index) const noexcept {
        RAFTKIT_ASSERT(holds(index));
        return entries_[index.value - base_.index.value - 1];
    }
    // Of the base too; 0 outside.
    term_t term_at(index_t index) const noexcept {
        if (index == base_.index) return base_.term;
        return holds(index) ? at(index).term : term_t{};
    }
    // Requires: index is the base or held.
    u64 chain_at(index_t index) const noexcept {
        return index == base_.index ? base_chain_ : at(index).chain;
    }
    bool knows(index_t index) const noexcept { return index == base_.index || holds(index); }

    void append(const ghost_entry& entry) {
        entries_.push_back(entry);
        if (entry.kind == entry_kind::membership) members_.push_back(last_index());
    }
    // Requires: from > base.
    void truncate(index_t from) noexcept {
        RAFTKIT_ASSERT(from > base_.index);
        if (from <= last_index()) entries_.resize(from.value - base_.index.value - 1);
        while (!members_.empty() && members_.back() >= from) members_.pop_back();
    }
    void reset(log_id base, u64 chain) noexcept {
        entries_.clear();
        members_.clear();
        base_ = base;
        base_chain_ = chain;
    }
    // The newest membership entry at or below `upto`; the base if there is none.
    index_t members_at(index_t upto) const noexcept {
        for (auto each = members_.rbegin(); each != members_.rend(); ++each) {
            if (*each <= upto) return *each;
        }
        return base_.index;
    }

private:
    log_id base_;
    u64 base_chain_ = 0;
    std::vector<ghost_entry> entries_;
    std::vector<index_t> members_;  // of membership entries, rising
};

}  // namespace testing

RAFTKIT_NAMESPACE_END
