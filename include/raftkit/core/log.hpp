#pragma once
// The log as the core sees it: a base, the terms of everything above it, and the resident tail.
// Entries between base and tail are on disk and come back through load requests.
//
//   base        first resident                last
//    |  on disk  |        tail (memory)        |
//    +-----------+-----------------------------+
//    term_at() answers for all of it

#include <raftkit/core/log_tail.hpp>
#include <raftkit/core/term_runs.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

class log {
public:
    log(log_id base, std::vector<log_id> starts, index_t last) noexcept
        : terms_(base, std::move(starts), last), tail_(last) {}

    log_id base() const noexcept { return terms_.base(); }
    index_t first() const noexcept { return terms_.base().index.next(); }
    index_t last_index() const noexcept { return terms_.last(); }
    log_id last() const noexcept { return {terms_.last(), terms_.last_term()}; }
    term_t term_at(index_t at) const noexcept { return terms_.term_at(at); }
    const term_runs& terms() const noexcept { return terms_; }
    log_tail& tail() noexcept { return tail_; }
    const log_tail& tail() const noexcept { return tail_; }

    void append(const run_view& next) noexcept {
        terms_.append(next.term, next.last());
        tail_.append(next);
    }
    void truncate(index_t from, ticket lent) noexcept {
        terms_.truncate(from);
        tail_.truncate(from, lent);
    }
    void compact(index_t to) noexcept { terms_.compact(to); }
    void reset(log_id base, ticket lent) noexcept {
        terms_.reset(base);
        tail_.reset(base.index, lent);
    }

private:
    term_runs terms_;
    log_tail tail_;
};

}  // namespace core

RAFTKIT_NAMESPACE_END
