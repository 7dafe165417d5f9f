#pragma once
// The follower's side of an install: it decides about offers, fetches what it lacks, verifies it
// into the store and leads it through the restore. Raft §7; design §10 "Install". The core keeps
// the gates, this class keeps the bytes.
//
//   accept -> go -> creating -> fetching -> publishing -> deciding -> restoring -> filled
//              |                                             ^  |         |          |  committed()
//              +-- probing: stored here already -------------+  +---------+          v
//                                              received(false), cancel -> idle <- committed
//                                                                            answered()
//
// Fetching keeps at most snapshot_window_chunks pieces asked for or in memory, in `slots_`: chunks
// below `next_` that are in no slot are in the store, so nothing grows with the snapshot and a
// hostile manifest reserves nothing. After a loss, a reconnect or a change of leader only slots are
// asked for again: that is the resume. After a restart, or when a leader was silent for too long,
// the store's writer knows what is staged (resumable_writer), and only the rest is asked for. A
// piece that no slot asked for, or that differs in place or length from what the manifest says, is
// dropped (scenario D56).
//
// Calling convention as in coordinator.hpp. What the driver must call, beside advance() and
// stepped():
//   accept         effect accept_snapshot
//   go, refuse     after order::install_began: what coordinator.install_began said
//   piece          after core.admits()
//   received       after order::tell_received: core.snapshot_received's answer
//   restore_ended  the restore job is filled, or failed
//   committed      after the restore writer's commit() and core.snapshot_restored
//   answered       when snapshot_done leaves
//   cancel         effect cancel_accept, with the commit index
//   log_reached    when the stable index rose: the marker `installing` goes only when the log
//                  reaches the snapshot; until then a crash leaves a log that ends before it

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <raftkit/concepts/snapshot_store.hpp>
#include <raftkit/snapshot/actions.hpp>
#include <raftkit/snapshot/bounds.hpp>
#include <raftkit/snapshot/install_rules.hpp>
#include <raftkit/snapshot/manifest.hpp>
#include <raftkit/snapshot/options.hpp>
#include <raftkit/snapshot/pins.hpp>
#include <raftkit/snapshot/receive_job.hpp>
#include <raftkit/snapshot/transfer_chunks.hpp>

RAFTKIT_NAMESPACE_BEGIN

enum class receive_phase : u8 {
    idle,
    asking,  // the conflict policy, within the same poll
    probing,
    creating,
    fetching,
    publishing,
    deciding,
    restoring,
    filled,
    committed
};

struct receive_counts {
    u64 pieces = 0, dropped = 0, asked_again = 0, bytes = 0;
    u64 reused = 0;  // chunks that an earlier install had staged
};

template <class Store>
class receiver {
public:
    // retry_after: the least silence after which wants are repeated. piece_bytes_max:
    // message_bytes_max.
    receiver(Store& store, snapshot_pins& pins, const snapshot_options& options, u64 incarnation,
             duration retry_after, u32 piece_bytes_max, completion_port to)
        : store_(&store),
          pins_(&pins),
          options_(options),
          incarnation_(incarnation),
          retry_after_(retry_after),
          piece_bytes_max_(piece_bytes_max),
          port_(to) {}
    receiver(receiver&&) = delete;

    // The store may hold what an earlier process staged.
    void opened(instant now) noexcept {
        moved_at_ = now;
        staged_ = true;
    }
    void reconfigure(const snapshot_options& options) noexcept { options_ = options; }
    void accept(const accept_snapshot& offered, index_t commit, const kept_snapshots& kept,
                instant now, snapshot_actions& out);
    void go(instant now, snapshot_actions& out);
    void refuse(snapshot_actions& out);
    void piece(node_id from, const snapshot_piece& got, instant now, snapshot_actions& out);
    void received(bool restore, snapshot_actions& out);
    void restore_ended(error status, snapshot_actions& out);
    void committed(snapshot_id id) noexcept;
    void answered(snapshot_id id, install_status status, snapshot_actions& out);
    void cancel(snapshot_id id, index_t commit, snapshot_actions& out);
    void log_reached(index_t stable, snapshot_actions& out);

    void peer_changed(node_id peer, bool reachable, instant now, snapshot_actions& out);
    bool owns(const operation* job) const noexcept;
    void stepped(const operation* job, instant now, snapshot_actions& out);
    void advance(instant now, snapshot_actions& out);
    instant deadline() const noexcept;

    receive_phase phase() const noexcept { return phase_; }
    snapshot_id id() const noexcept { return manifest_.meta.id; }
    const receive_counts& counts() const noexcept { return counts_; }
    // Chunks asked for or in memory; the bound of the latter.
    std::size_t outstanding() const noexcept { return slots_.size(); }
    bool idle() const noexcept {
        return phase_ == receive_phase::idle && dying_.empty() && job_ == nullptr;
    }

private:
    struct slot {
        transfer_chunk place;
        instant asked_at;
        enum state_t : u8 { asked, held, writing } state = asked;  // held: in memory
        bool again = false;  // asked for more than once: its answer says nothing of the link
    };

    // The first pieces come on the heels of their offer, and often in one turn with it, before its
    // effect is carried out.
    struct early_piece {
        node_id from;
        snapshot_piece got;
        buffer keep;  // what `got` points to
    };

    bool transferring() const noexcept {
        return phase_ == receive_phase::creating || phase_ == receive_phase::fetching;
    }
    install_stage stage() const noexcept;
    void begin(const accept_snapshot& offered, snapshot_manifest manifest, bool stored,
               snapshot_actions& out);
    void create(instant now, snapshot_actions& out);
    void keep_early(node_id from, const snapshot_piece& got);
    void fill_window(instant now, snapshot_actions& out);
    void want(slot& one, instant now, snapshot_actions& out);
    void ask_again(instant now, snapshot_actions& out);
    instant retry_at() const noexcept;
    void write_held(snapshot_actions& out);
    void written(instant now, snapshot_actions& out);
    void began(instant now, snapshot_actions& out);
    void go_on(instant now, snapshot_actions& out);
    void run(typename receive_job<Store>::command_t command, snapshot_actions& out);
    void obeyed(instant now, snapshot_actions& out);
    void buried(const operation* job, snapshot_actions& out);
    void decide(snapshot_actions& out);
    void fail(install_status status, snapshot_actions& out);
    void close(bool installed, snapshot_actions& out);
    instant forget_at() const noexcept;

    using job_t = receive_job<Store>;

    Store* store_;
    snapshot_pins* pins_;
    snapshot_options options_;
    u64 incarnation_;
    duration retry_after_;
    u32 piece_bytes_max_;
    completion_port port_;

    receive_phase phase_ = receive_phase::idle;
    node_id from_;
    term_t term_;
    snapshot_manifest manifest_;
    bool stored_ = false;  // listed here under this very id
    transfer_chunks chunks_;
    std::vector<slot> slots_;
    std::vector<early_piece> early_;  // until the end of the turn in which they came
    std::vector<chunk> held_;         // arrived, not yet handed to the job
    u64 next_ = 0;                    // first chunk that was never in a slot
    u64 written_ = 0;
    instant moved_at_{};   // the last progress of the transfer
    bool staged_ = false;  // an install ended early, and nobody has gone on with it
    duration retry_gap_;   // of silence, before wants are repeated
    std::unique_ptr<job_t> job_;
    std::vector<std::unique_ptr<job_t>> dying_;  // cancelled, their last step still to come
    std::vector<snapshot_id> unsettled_;
    receive_counts counts_;
};

RAFTKIT_NAMESPACE_END

#include <raftkit/snapshot/receiver_bodies.hpp>
#include <raftkit/snapshot/receiver_ends.hpp>
