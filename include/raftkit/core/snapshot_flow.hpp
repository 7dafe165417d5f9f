#pragma once
// The gates of an install on the receiving side (design §10): which step the one running install
// has reached, and what is allowed meanwhile.
//
//   idle -> fetching -> stored -> filled -> restoring -> resetting -> idle
//              (pieces)   (durable)  (staged)  (swap out)   (ticket)

#include <raftkit/core/types.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

enum class install_step : u8 { idle, fetching, stored, filled, restoring, resetting };

struct snapshot_flow {
    install_step step = install_step::idle;
    snapshot_meta meta;
    node_id from;
    ticket reset_ticket;
    // A machine that is restored in place was overwritten, and its restore failed: nothing is
    // applied and nobody campaigns until another install, which this outlives, has succeeded.
    bool machine_lost = false;

    bool is(snapshot_id id) const noexcept { return step != install_step::idle && meta.id == id; }
    // No new range may go to the machine.
    bool pauses_apply() const noexcept { return machine_lost || step >= install_step::filled; }
    // The state machine is being replaced: nothing is cancelled, nobody campaigns, entries are not
    // taken.
    bool past_return() const noexcept { return step >= install_step::restoring; }
    void close() noexcept {
        step = install_step::idle;
        meta = {};
        from = {};
        reset_ticket = {};
    }
};

}  // namespace core

RAFTKIT_NAMESPACE_END
