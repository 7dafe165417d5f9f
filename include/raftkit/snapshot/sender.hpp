#pragma once
// The leader's side of shipping snapshots: one transfer a peer, one reader a transfer, reads in
// turn. It offers a stored snapshot if the log still has its successor, else it asks for one
// capture that all laggards share.
//
//   ship -> queued ----> opening -----> shipping -------------------> ending -> gone
//             |    a slot    reader open   offer, credit;    cancel, lease over,
//             |                            want -> piece     damage
//             +- waiting for look_again(): no stored snapshot is new enough
//
// The reader and a lease in `pins` are all that a transfer holds: no session. The offer is repeated
// until a want answers it, and slowly afterwards, so that a follower which restarted in the middle
// finds its way back (known bug 60); it asks for what it lacks. A transfer ends by cancel() (the
// core saw the answer), by its lease, or by an error; it owns its job until the last step ran,
// whatever became of peer, term and role meanwhile (known bug 40).
//
// Calling convention as in coordinator.hpp: inputs append to a snapshot_actions; advance() no later
// than deadline(); stepped() for every snapshot_step that owns() claims; wants only after
// core.admits().

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <raftkit/concepts/snapshot_store.hpp>
#include <raftkit/snapshot/actions.hpp>
#include <raftkit/snapshot/bounds.hpp>
#include <raftkit/snapshot/manifest.hpp>
#include <raftkit/snapshot/options.hpp>
#include <raftkit/snapshot/pins.hpp>
#include <raftkit/snapshot/send_job.hpp>
#include <raftkit/snapshot/transfer_chunks.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class Store>
class sender {
public:
    // Requires: store and pins outlive it. offer_interval: a heartbeat.
    sender(Store& store, snapshot_pins& pins, const snapshot_options& options, u64 incarnation,
           duration offer_interval, completion_port to)
        : store_(&store),
          pins_(&pins),
          options_(options),
          incarnation_(incarnation),
          offer_interval_(offer_interval),
          port_(to) {}
    sender(sender&&) = delete;

    void reconfigure(const snapshot_options& options) noexcept { options_ = options; }
    void ship(const ship_snapshot& asked, term_t term, const kept_snapshots& kept, instant now,
              snapshot_actions& out);
    void cancel(node_id to, snapshot_actions& out);
    void cancel_all(snapshot_actions& out);
    // A save that was wanted here ended, well or not.
    void look_again(const kept_snapshots& kept, instant now, snapshot_actions& out);
    void want(node_id from, const snapshot_want& asked, const kept_snapshots& kept, instant now,
              snapshot_actions& out);
    // A sign of life that asks for nothing: snapshot_done{installing}.
    void heard(node_id from, instant now) noexcept { pins_->progressed(from, now); }
    void peer_changed(node_id peer, bool reachable, instant now, snapshot_actions& out);
    bool owns(const operation* job) const noexcept;
    void stepped(const operation* job, instant now, snapshot_actions& out);
    void advance(instant now, snapshot_actions& out);
    instant deadline() const noexcept;

    bool idle() const noexcept { return transfers_.empty(); }
    u32 sending() const noexcept;  // transfers that hold a slot

private:
    enum class phase_t : u8 { waiting, queued, opening, shipping, ending };
    struct transfer {
        transfer(Store& store, completion_port port) noexcept : job(store, port) {}
        node_id to;
        term_t term;
        index_t at_least;
        phase_t phase = phase_t::waiting;
        snapshot_manifest manifest;
        transfer_chunks chunks;
        buffer meta_bytes, manifest_bytes;
        std::vector<u64> asked;  // chunks to read, first come first served; bounded
        bool reachable = true;
        bool credit = true;  // the first pieces leave unasked
        instant offer_at = never;
        duration offer_gap;
        send_job<Store> job;

        void chooses(const snapshot_manifest& stored) {
            manifest = stored;
            // The marker tells of an install here; the receiver sets its own.
            manifest.meta.installing = false;
            chunks = transfer_chunks(manifest.sections, manifest.chunk_bytes);
        }
        snapshot_id id() const noexcept { return manifest.meta.id; }
        bool live() const noexcept { return phase != phase_t::ending; }
        bool ships() const noexcept {
            return phase == phase_t::opening || phase == phase_t::shipping;
        }
    };
    static constexpr std::size_t asked_max = 64;  // the largest window there is
    static constexpr i64 offer_gaps_max = 10;     // offers slow down to one in ten intervals

    transfer* find(node_id to) noexcept;
    bool choose(transfer& one, const kept_snapshots& kept);
    transfer* turn_to(transfer& one, snapshot_id id, const kept_snapshots& kept, instant now,
                      snapshot_actions& out);
    void start_queued(instant now, snapshot_actions& out);
    void opened(transfer& one, instant now, snapshot_actions& out);
    void offer(transfer& one, instant now, snapshot_actions& out);
    void ask(transfer& one, u64 number);
    void start_reads(snapshot_actions& out);
    void deliver(transfer& one, snapshot_actions& out);
    void piece(const transfer& one, transfer_chunk place, buffer bytes, errc status,
               snapshot_actions& out);
    void fail(transfer& one, errc why, snapshot_actions& out);
    void end(transfer& one, snapshot_actions& out);
    void run(transfer& one, snapshot_actions& out);
    void sweep();

    Store* store_;
    snapshot_pins* pins_;
    snapshot_options options_;
    u64 incarnation_;
    duration offer_interval_;
    completion_port port_;
    std::vector<std::unique_ptr<transfer>> transfers_;
    std::size_t turn_ = 0;  // whose read is next
    u32 reading_ = 0;       // reads outstanding
};

RAFTKIT_NAMESPACE_END

#include <raftkit/snapshot/sender_bodies.hpp>
