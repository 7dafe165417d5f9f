#pragma once
// The needs of the concepts without their qualifiers: what is there, but not noexcept or not const.
// Only diagnose.hpp asks; no overload and no concept of the kit depends on one.

#include <raftkit/concepts/observer.hpp>
#include <raftkit/concepts/snapshot_store.hpp>
#include <raftkit/concepts/state_machine.hpp>
#include <raftkit/concepts/transport.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace detail {

namespace lax {

template <class S>
concept persist = requires(S& s, const persist_batch& b) {
    { s.persist(b) } -> std::same_as<persisted>;
};
template <class S>
concept load = requires(S& s, load_request r) {
    { s.load(r) } -> std::same_as<void>;
};
template <class S>
concept compact = requires(S& s, const log_base& b) {
    { s.compact(b) } -> std::same_as<void>;
};
template <class S>
concept close = requires(S& s) {
    { s.close() } -> std::same_as<void>;
};
template <class T>
concept send = requires(T& t, const envelope& e) {
    { t.send(e) } -> std::same_as<void>;
};
template <class T>
concept send_bulk = requires(T& t, const bulk_envelope& e) {
    { t.send(e) } -> std::same_as<void>;
};
template <class T>
concept members = requires(T& t, const configuration& c) {
    { t.members(c) } -> std::same_as<void>;
};
template <class T>
concept drain = requires(T& t, need::mail_sink<0>& one, need::mail_sink<1>& two) {
    t.drain(one);
    t.drain(two);
};
template <class R>
concept commit = requires(R& r) {
    { r.commit() } -> std::same_as<void>;
};
template <class M>
concept digest = requires(M& m) { m.digest(); };
template <class M>
concept durable_index = requires(M& m) { m.durable_index(); };
template <class I>
concept at = requires(I& i) { i.at(); };
template <class I>
concept section = requires(I& i) { i.section(); };
template <class R>
concept manifest = requires(R& r) {
    { r.manifest() } -> std::same_as<const snapshot_manifest&>;
};
template <class T>
concept due = requires(T& t, const growth& g, instant n) {
    { t.due(g, n) } -> std::same_as<trigger_verdict>;
};
template <class W>
concept suspends = requires(W& w) { w.suspend(); };
template <class W>
concept is_timed = requires(W& w, duration time) { w.took(time); };
template <class T>
concept wake_at = requires(T& t, const growth& g) { t.wake_at(g); };
template <class C>
concept wake_at_shape = requires(C& c, const log_shape& l) { c.wake_at(l); };
template <class C>
concept keep_from = requires(C& c, const log_shape& l) {
    { c.keep_from(l) } -> std::same_as<index_t>;
};
template <class R>
concept keeps = requires(R& r, const kept_snapshot& s, instant n) {
    { r.keeps(s, n) } -> std::same_as<bool>;
};
template <class T>
concept admit = requires(T& t, const bulk_request& r, instant n) {
    { t.admit(r, n) } -> std::same_as<instant>;
};
template <class C>
concept decide_clash = requires(C& c, const install_clash& k) {
    { c.decide(k) } -> std::same_as<clash_verdict>;
};
template <class C>
concept decide_damage = requires(C& c, const damage& d) {
    { c.decide(d) } -> std::same_as<damage_verdict>;
};
template <class C>
concept repairs = requires { requires C::repairs || !C::repairs; };
template <class X>
concept run = requires(X& x, operation& job) {
    { x.run(job) } -> std::same_as<void>;
};
template <class X>
concept bind = requires(X& x, completion_port p) { x.bind(p); };

}  // namespace lax

}  // namespace detail

RAFTKIT_NAMESPACE_END
