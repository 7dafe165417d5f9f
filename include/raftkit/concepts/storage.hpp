#pragma once
// Storage: where hard state and log live. Called in the raft context only; every call begins work
// and returns; one FIFO. persist() returns what is durable already; the rest comes as persisted{}
// through the port. What a signature cannot say (testing/conform/storage.hpp tries it):
//
// - A batch is atomic; tickets become durable in their order, and what was said stays said.
// - Spans and pointers of a batch are read during the call alone; the bytes of its runs until
//   persisted{id}, and later only by who took a reference.
// - A lower index supersedes: nothing of an old term comes back, also not after a restart.
// - The first failure is the last word: nothing behind it is acknowledged.
// - A load is answered once: `compacted` at or below the base, `not_found` above the end, else at
//   least one entry, whatever its bound. After close() nothing is posted.

#include <concepts>

#include <raftkit/port/events.hpp>
#include <raftkit/port/mailbox.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace need {

template <class T, class R>
concept gives = std::same_as<T, result<R>>;
template <class T>
concept gives_nothing = std::same_as<T, void>;

template <class S>
concept storage_open = requires(S& s, const identity& who, completion_port p) {
    { s.open(who, p) } -> gives<recovered_log>;
};
template <class S>
concept storage_persist = requires(S& s, const persist_batch& b) {
    { s.persist(b) } noexcept -> std::same_as<persisted>;
};
template <class S>
concept storage_load = requires(S& s, load_request r) {
    { s.load(r) } noexcept -> gives_nothing;
};
template <class S>
concept storage_compact = requires(S& s, const log_base& upto) {
    { s.compact(upto) } noexcept -> gives_nothing;
};
template <class S>
concept storage_close = requires(S& s) {  // no post after it returns
    { s.close() } noexcept -> gives_nothing;
};

}  // namespace need

template <class S>
concept storage = need::storage_open<S> && need::storage_persist<S> && need::storage_load<S> &&
                  need::storage_compact<S> && need::storage_close<S>;

RAFTKIT_NAMESPACE_END
