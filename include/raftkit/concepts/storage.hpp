#pragma once
// Storage: where hard state and log live. Called in the raft context only; every call begins work
// and returns; one FIFO. persist() returns what is durable already; the rest comes as persisted{}
// through the port.

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
