#pragma once
// The coordinator decides when a snapshot of our own is made, by whom it was wanted and what comes
// of it. A pure state machine of the raft context: it acts by appending orders, and hears of
// everything as calls. Raft §7; design §10.
//
//        request, due, wanted_by_peers         captured           may_publish
//   idle -----------------------------> capturing ------> saving -----------> publishing
//    ^    nothing new: the old id           |                |  cancelled,        |
//    |                                      | error          |  overtaken         |
//    +--------------------------------------+----------------+-- saved() ---------+
//
// Calling convention: every input takes `now` and a snapshot_actions to append to; the driver
// executes the orders afterwards, first to last, and calls advance() no later than deadline(). What
// it must call:
//   listed       once, with the listing of open()
//   serving      when the node begins to serve
//   applied      after each apply batch
//   request      snapshot_now; the ticket ends by an order
//   due          with a trigger's cause, if asks_trigger()
//   captured     the answer to order::capture
//   may_publish  before the job's step that publishes
//   saved        when the save job is done
//   install_*    what the receiver orders; the conflict policy's verdict is handed in
//   removed      after a removal; relisted: after any other change of the store
//
// A ticket is in exactly one of two lists: `waiting_` (for the next capture) or `sharing_` (in the
// running save), and leaves them by one order::finish_ticket. No two snapshots have the same index,
// and none is older than what is listed (known bugs 58 and 72): an attempt that would be is
// dropped.

#include <vector>

#include <raftkit/base/result.hpp>
#include <raftkit/snapshot/actions.hpp>
#include <raftkit/snapshot/bounds.hpp>
#include <raftkit/snapshot/options.hpp>

RAFTKIT_NAMESPACE_BEGIN

enum class save_phase : u8 { idle, capturing, saving, publishing };

struct save_counts {
    u64 saved = 0, failed = 0, cancelled = 0, installed = 0;
    u32 failures = 0;  // in a row
};

class coordinator {
public:
    coordinator(const snapshot_options& options, const identity& who) noexcept;

    void listed(const std::vector<snapshot_manifest>& listing, instant now);
    void serving(bool on) noexcept { serving_ = on; }
    void applied(index_t upto) noexcept { applied_ = std::max(applied_, upto); }
    void reconfigure(const snapshot_options& options) noexcept { options_ = options; }

    void request(snapshot_ticket& asked, instant now, snapshot_actions& out);
    // The sender: some peers need a snapshot at or above `at_least`; one save serves all of them.
    void wanted_by_peers(index_t at_least, instant now, snapshot_actions& out);
    bool asks_trigger(instant now) const noexcept;
    void due(const char* cause, instant now, snapshot_actions& out);

    // basis: consensus::basis_at(the image's index). Orders start_save or drop_image.
    void captured(result<snapshot_basis> basis, i64 unix_ms, instant now, snapshot_actions& out);
    // False: the save was cancelled or overtaken; the driver cancels the job and runs it once more.
    bool may_publish() noexcept;
    // `published` is null if `status` is an error; `listing` may be null (unknown).
    void saved(error status, const snapshot_manifest* published,
               const std::vector<snapshot_manifest>* listing, instant now, snapshot_actions& out);

    // An install meets what runs here. False: it has to wait; answer it with install_status::busy.
    bool install_began(clash_verdict verdict, snapshot_actions& out);
    void install_filled() noexcept {
        install_ = install_phase::filled;
    }  // the gate and commit() follow
    void install_stored(const snapshot_manifest& stored, instant now, snapshot_actions& out);
    void install_ended(bool installed, instant now, snapshot_actions& out);

    void relisted(const std::vector<snapshot_manifest>& listing, instant now,
                  snapshot_actions& out);
    void removed(snapshot_id id, error status, snapshot_actions& out);
    template <class Retention, class Pinned>
    void retain(const Retention& policy, instant now, Pinned&& pinned, snapshot_actions& out) {
        kept_.retain(policy, now, pinned,
                     [&](snapshot_id id) { out.add(order::remove_snapshot{id}); });
    }

    void cancel(snapshot_ticket& asked, snapshot_actions& out);
    // Intake stops. A running save goes on, and one may still be begun by due(), until `deadline`.
    void close(instant deadline, snapshot_actions& out);
    void advance(instant now, snapshot_actions& out);
    instant deadline() const noexcept;

    save_phase phase() const noexcept { return phase_; }
    log_id saving() const noexcept { return saving_.at; }
    bool quiet() const noexcept { return phase_ == save_phase::idle && waiting_.empty(); }
    const kept_snapshots& kept() const noexcept { return kept_; }
    const save_counts& counts() const noexcept { return counts_; }
    // Fills what a log_shape and the clamps say of snapshots.
    void describe(log_shape& shape) const noexcept;
    void describe(log_bounds& bounds) const noexcept;

private:
    enum class install_phase : u8 { none, fetching, filled };
    using tickets = std::vector<snapshot_ticket*>;

    index_t newest() const noexcept;
    bool held() const noexcept;
    void begin(const char* cause, snapshot_actions& out);
    void pump(instant now, snapshot_actions& out);
    void answer_nothing_new(tickets& list, snapshot_actions& out);
    void cancel_save(snapshot_actions& out);
    void note_failure(error why, instant now, snapshot_actions& out);
    void end_attempt(error status, instant now, snapshot_actions& out);
    void finish_all(tickets& list, error status, snapshot_actions& out);
    void sweep(tickets& list, instant now, snapshot_actions& out);
    snapshot_id next_id(log_id at) noexcept;

    snapshot_options options_;
    identity who_;
    kept_snapshots kept_;
    index_t applied_;
    bool serving_ = false, closing_ = false;
    instant close_at_ = never;

    save_phase phase_ = save_phase::idle;
    const char* cause_ = "";
    snapshot_id saving_;
    bool cancelled_ = false;
    bool peers_wait_ = false, peers_share_ = false;
    tickets waiting_, sharing_;

    install_phase install_ = install_phase::none;
    bool install_holds_ = false;  // saves wait for its end

    u64 sequence_ = 0;  // highest ever listed or given
    instant retry_at_{};
    bool backing_off_ = false;
    save_counts counts_;
};

RAFTKIT_NAMESPACE_END

#include <raftkit/snapshot/coordinator_bodies.hpp>
