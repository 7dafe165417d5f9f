#pragma once
// What the snapshot state machines want done. Coordinator, sender and receiver never act: they
// append to one snapshot_actions, and the driver empties it after every call. Orders are executed
// first to last; offers and bulk are free to leave at any time, and own the bytes that their
// messages point to.

#include <optional>
#include <variant>
#include <vector>

#include <raftkit/core/effects.hpp>
#include <raftkit/port/manifest.hpp>
#include <raftkit/snapshot/work_job.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct outgoing_offer {  // control lane; the driver adds the log's first index when it leaves
    envelope mail;
    buffer meta, manifest;
};
struct outgoing_bulk {  // bulk lane
    bulk_envelope mail;
    buffer keep;
};

namespace order {

struct run_job {  // ask throttle.admit(job->use, job->bytes) if bytes != 0, then work_on.run(*job)
    work_job* job;
};
struct hurry_job {  // cancelled: if it waits for the throttle, it waits no longer
    work_job* job;
};
// To the apply context: capture() at the next batch boundary, then coordinator.captured().
struct capture {};
struct drop_image {};  // what was captured is not needed; it dies on the work executor
struct start_save {    // a save_job with the captured image
    snapshot_manifest manifest;
    const char* cause;
};
struct cancel_save {};
struct finish_ticket {  // id and nothing_new stand in the ticket already
    snapshot_ticket* ticket;
    error status;
};
struct save_failed {  // for the observer
    error why;
    const char* cause;
    u32 failures;
};
struct want_capture {  // the sender's: coordinator.wanted_by_peers(at_least)
    index_t at_least;
};
struct look_again {};      // sender.look_again(): a save for its peers ended, well or not
struct ask_trigger {};     // trigger.due(), if coordinator.asks_trigger(now)
struct ask_compaction {};  // keep_from, clamped by bounds.hpp -> core.compact_to
struct ask_retention {};   // coordinator.retain()
struct remove_snapshot {
    snapshot_id id;
};
struct settle_snapshot {
    snapshot_id id;
};
struct quarantine_snapshot {
    snapshot_id id;
};
struct forget_staged {};  // nobody went on with an install that ended early
struct start_restore {    // machine.restore(meta) in the apply context, then a restore_job
    snapshot_meta meta;
};
struct cancel_restore {};  // the job's writer dies on the work executor
struct install_began {     // conflict.decide -> coordinator.install_began -> receiver.go or refuse
    snapshot_id id;
};
struct install_filled {};  // coordinator.install_filled
struct install_stored {    // the listing after its publish -> coordinator.install_stored
    snapshot_manifest manifest;
};
struct install_ended {  // coordinator.install_ended
    bool installed;
};

// Inputs of the core, as data.
struct tell_published {
    snapshot_meta meta;
};
struct tell_received {  // its answer goes to receiver.received()
    snapshot_meta meta;
};
struct tell_filled {
    snapshot_id id;
};
struct tell_accept_failed {
    snapshot_id id;
    install_status status;
};
struct tell_ship_ended {
    node_id to;
    snapshot_id id;
    errc why;
};

}  // namespace order

using snapshot_order = std::variant<
    order::run_job, order::hurry_job, order::capture, order::drop_image, order::start_save,
    order::cancel_save, order::finish_ticket, order::save_failed, order::want_capture,
    order::look_again, order::ask_trigger, order::ask_compaction, order::ask_retention,
    order::remove_snapshot, order::settle_snapshot, order::quarantine_snapshot,
    order::forget_staged, order::start_restore, order::cancel_restore, order::install_began,
    order::install_stored, order::install_filled, order::install_ended, order::tell_published,
    order::tell_received, order::tell_filled, order::tell_accept_failed, order::tell_ship_ended>;

struct snapshot_actions {
    std::vector<outgoing_offer> offers;
    std::vector<outgoing_bulk> bulk;
    std::vector<snapshot_order> orders;

    bool empty() const noexcept { return offers.empty() && bulk.empty() && orders.empty(); }
    // Keeps every capacity.
    void clear() noexcept {
        offers.clear();
        bulk.clear();
        orders.clear();
    }
    template <class Order>
    void add(Order what) {
        orders.emplace_back(std::move(what));
    }
};

RAFTKIT_NAMESPACE_END
