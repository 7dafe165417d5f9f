#pragma once
// SnapshotStore: blocking; called on the work executor only; cancelled between two calls, never
// inside one. What is not published leaves nothing visible. What else conform/snapshot_store.hpp
// (in testing) tries:
//
// - publish() returns when the snapshot is durable: the log behind it is given up next. A power cut
//   leaves a snapshot whole, with the manifest that was told, or not at all.
// - Without sections in its manifest a writer takes sections and chunks in order; with them, pieces
//   in any order, cut anywhere, repeated, and what differs from a digest is `corrupt`.
// - The first error of a writer is its end. An id is stored once; an open reader outlives removal.

#include <concepts>
#include <string>
#include <vector>

#include <raftkit/concepts/storage.hpp>
#include <raftkit/port/apply.hpp>
#include <raftkit/port/manifest.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct store_report {
    u32 published = 0, resumable = 0, removed = 0, quarantined = 0;
    std::vector<damage> found;
};

namespace need {

template <class W>
concept writer_section = requires(W& w, const section_meta& s) {
    { w.begin_section(s) } -> gives<void>;
};
template <class W>
concept writer_chunk = requires(W& w, const chunk& c) {
    { w.write(c) } -> gives<void>;
};
template <class W>
concept writer_publishes = requires(W& w) {  // durable and listed, or an error
    { w.publish() } -> gives<snapshot_manifest>;
};
template <class R>
concept reader_manifest = requires(const R& r) {
    { r.manifest() } noexcept -> std::same_as<const snapshot_manifest&>;
};
template <class R>
concept reader_chunk = requires(R& r, u32 section, u64 offset, u32 bytes_max) {
    { r.read(section, offset, bytes_max) } -> gives<chunk>;
};
template <class S>
concept store_recover = requires(S& s, const identity& who) {  // once, first: lock, probe, clean
    { s.recover(who) } -> gives<store_report>;
};
template <class S>
concept store_create = requires(S& s, const snapshot_manifest& m) {
    typename S::writer;
    { s.create(m) } -> gives<typename S::writer>;
};
template <class S>
concept store_opens = requires(S& s, snapshot_id id) {
    typename S::reader;
    { s.open(id) } -> gives<typename S::reader>;
};
template <class S>
concept store_lists = requires(S& s) {  // newest first
    { s.list() } -> gives<std::vector<snapshot_manifest>>;
};
template <class S>
concept store_removes =
    requires(S& s, snapshot_id id) {  // unlisted now, reclaimed when the last reader closes
        { s.remove(id) } -> gives<void>;
    };
template <class S>
concept store_settles =
    requires(S& s, snapshot_id id) {  // the install is finished: drop `installing`
        { s.settle(id) } -> gives<void>;
    };

}  // namespace need

template <class W>
concept snapshot_writer = std::movable<W> && need::writer_section<W> && need::writer_chunk<W> &&
                          need::writer_publishes<W>;
template <class R>
concept snapshot_reader =
    std::movable<R> && need::reader_manifest<R> && need::reader_chunk<R>;  // a pin
template <class S>
concept snapshot_store = need::store_recover<S> && need::store_create<S> && need::store_opens<S> &&
                         need::store_lists<S> && need::store_removes<S> && need::store_settles<S> &&
                         snapshot_writer<typename S::writer> && snapshot_reader<typename S::reader>;

// Refinements: detected, never required.
template <class S>
concept quarantining_store = requires(S& s, snapshot_id id) {
    { s.quarantine(id) } -> need::gives<void>;
};
template <class S>
concept measured_store = requires(S& s) {
    { s.free_bytes() } -> need::gives<u64>;
};
template <class S>
concept locating_store = requires(S& s, snapshot_id id, u32 section) {  // for people who look at it
    { s.file_of(id, section) } -> std::same_as<std::string>;
};
// An install that ends early leaves what it wrote to a later writer of the same snapshot, also of a
// later process. What is found is looked at a little at a time, as every job's step is bounded.
template <class W>
concept resumable_writer =
    snapshot_writer<W> && requires(W& w, const W& asked, u32 section, u64 offset, u64 bytes) {
        { w.recheck() } -> need::gives<u64>;  // bytes that this call looked at; 0: nothing is left
        { asked.holds(section, offset, bytes) } noexcept -> std::same_as<bool>;
        { w.suspend() } -> need::gives<void>;  // ends it; an error: nothing is left to go on from
    };
// A store has no clock: it is told when nobody went on with what an install left in it.
template <class S>
concept forgetting_store = requires(S& s) {
    { s.forget_staged() } -> need::gives<void>;
};
// For the same reason before it publishes it is told what the manifest says of the save's time.
template <class W>
concept timed_writer = requires(W& w, duration time) {
    { w.took(time) } noexcept -> need::gives_nothing;
};

RAFTKIT_NAMESPACE_END
