#pragma once
// Transport: best effort. It may lose, reorder and repeat; it must not corrupt or block. What a
// signature cannot say (testing/conform/transport.hpp tries it):
//
// - A message reaches the peer that it names and nobody else, under the sender's id and
//   incarnation; nodes of another cluster or group hear nothing.
// - What a message points to is lent for send(), and for the call of a sink; who needs it longer
//   takes a reference or copies. What was handed over may be kept by a reference.
// - Two lanes: chunks (snapshot_piece), and everything else. Each has a bound, beyond which it
//   loses; a full one stops neither the other nor other peers.
// - After close() nothing is posted or drained, also not what had arrived. A peer that comes back
//   is reached again.

#include <raftkit/concepts/storage.hpp>

RAFTKIT_NAMESPACE_BEGIN

class poller;

namespace need {

template <class T>
concept transport_open = requires(T& t, const identity& who, completion_port p) {
    { t.open(who, p) } -> gives<void>;
};
template <class T>
concept transport_send = requires(T& t, const envelope& e) {  // keeps what it cannot write at once
    { t.send(e) } noexcept -> gives_nothing;
};
template <class T>
concept transport_bulk = requires(T& t, const bulk_envelope& e) {
    { t.send(e) } noexcept -> gives_nothing;
};
template <class T>
concept transport_members = requires(T& t, const configuration& c) {
    { t.members(c) } noexcept -> gives_nothing;
};
template <class T>
concept transport_close = requires(T& t) {
    { t.close() } noexcept -> gives_nothing;
};
template <class T>
concept transport_attach = requires(T& t, poller& loop) {  // before open
    { t.attach(loop) } -> gives<void>;
};

// Archetypes of what drain calls: two, because drain is a template.
template <int>
struct mail_sink {
    void operator()(const envelope&) noexcept;
    void operator()(const bulk_envelope&) noexcept;
    void operator()(peer_state) noexcept;
};
template <class T>
concept transport_drain = requires(T& t, mail_sink<0>& one, mail_sink<1>& other) {
    { t.drain(one) } noexcept -> gives_nothing;
    { t.drain(other) } noexcept -> gives_nothing;
};

}  // namespace need

template <class T>
concept transport = need::transport_open<T> && need::transport_send<T> && need::transport_bulk<T> &&
                    need::transport_members<T> && need::transport_close<T>;
// No thread, no mailbox, no lock: the drive's poller calls it.
template <class T>
concept pollable_transport = transport<T> && need::transport_attach<T> && need::transport_drain<T>;

RAFTKIT_NAMESPACE_END
