#pragma once
// Observers: what a node tells about itself, as plain structs. An observer has a `void on(const
// Event&) noexcept` for every event that it wants to hear; an absent one costs nothing. It is
// called on the raft context only, after the batch that caused the event, and must not call the
// node. What happened on another thread (a sync, an apply, a save) arrives as the data of its
// completion.

#include <concepts>

#include <raftkit/concepts/policies.hpp>

RAFTKIT_NAMESPACE_BEGIN

// The life of a node: recovering -> restoring -> replaying -> serving; the others are left by an
// install or never.
enum class node_phase : u8 {
    recovering,
    restoring,
    replaying,
    serving,
    needs_install,
    failed,
    stopped
};

constexpr const char* name_of(node_phase phase) noexcept {
    switch (phase) {
        case node_phase::recovering: return "recovering";
        case node_phase::restoring: return "restoring";
        case node_phase::replaying: return "replaying";
        case node_phase::serving: return "serving";
        case node_phase::needs_install: return "needs_install";
        case node_phase::failed: return "failed";
        case node_phase::stopped: return "stopped";
    }
    return "?";
}

struct role_changed {
    role_kind role = role_kind::follower;
    term_t term{};     // of a leader: its fencing token
    node_id leader{};  // 0: none known
};
struct committed {  // the commit index rose
    index_t upto{};
};
struct log_persisted {  // once a completion, whatever it covers
    ticket upto{};
    u64 log_bytes = 0;  // sizes of the log's files
    duration write{}, sync{};
    error status{};  // not ok: the node stops for good
};
struct apply_batch {
    index_t first{}, last{};
    duration took{};
};
struct snapshot_begun {
    log_id at{};
    const char* cause = "";  // of the trigger's verdict; "request" by hand
};
struct snapshot_progress {  // once a `progress_interval` and job
    bulk_use use{};
    snapshot_id id{};     // nonce 0 while the store has not named it
    node_id peer{};       // send and receive: the other side
    u64 bytes = 0;        // so far
    u64 bytes_total = 0;  // 0: not known yet
};
struct snapshot_published {  // durable and listed: saved here, or received and not yet restored
    snapshot_id id{};
    snapshot_origin origin{};
    u64 bytes = 0;
    duration took{};
    bool large = false;  // the first one above `snapshot_bytes_warn`
};
struct snapshot_failed {
    bulk_use use{};
    log_id at{};  // of the snapshot that was to be; 0 if unknown
    error why{};
};
struct snapshot_shipped {  // `to` has it durably
    node_id to{};
    snapshot_id id{};
    u64 bytes = 0;
    duration took{};
};
struct snapshot_restored {  // the machine's state is that of the snapshot
    snapshot_id id{};
    u64 bytes = 0;
    duration took{};
};
struct compacted {  // the log begins at `first` now
    index_t first{};
};
struct rejected {    // what a peer or a disk said and nobody believed
    node_id peer{};  // 0: unknown
    error why{};
    u64 count = 1;  // since the last such event
};
struct peer_changed {
    node_id peer{};
    bool reachable = false;
};
struct phase_changed {
    node_phase from{}, to{};
};
struct damage_found {
    damage what{};
    damage_verdict verdict{};
};
struct stopped {  // the last event
    error why{};  // ok: it was asked to
};

// Nothing to say, nothing to pay. The only observer that may hear nothing.
struct null_observer {};

// The call compiles; whether it may be made is what `observes` says.
template <class Observer, class Event>
concept hears = requires(Observer& observer, const Event& event) { observer.on(event); };
template <class Observer, class Event>
concept observes = requires(Observer& observer, const Event& event) {
    { observer.on(event) } noexcept -> need::gives_nothing;
};

template <class... Events>
struct event_list {
    template <class Observer>
    static constexpr bool any_heard = (hears<Observer, Events> || ...);
    template <class Observer>
    static constexpr bool any_refused =
        ((hears<Observer, Events> && !observes<Observer, Events>) || ...);
};
using observed_events = event_list<role_changed, committed, log_persisted, apply_batch,
                                   snapshot_begun, snapshot_progress, snapshot_published,
                                   snapshot_failed, snapshot_shipped, snapshot_restored, compacted,
                                   rejected, peer_changed, phase_changed, damage_found, stopped>;

// A hook with a misspelt name or a wrong parameter is silence: hence an observer must hear
// something.
template <class Observer>
concept event_observer =
    !observed_events::any_refused<Observer> &&
    (std::same_as<Observer, null_observer> || observed_events::any_heard<Observer>);

template <class Observer, class Event>
constexpr void tell(Observer& observer, const Event& what) noexcept {
    if constexpr (hears<Observer, Event>) observer.on(what);
}

RAFTKIT_NAMESPACE_END
