#pragma once
// What the rooms of one node share: its parts, the core and the machine queue. The driver's rooms
// (intake, effects, snapshots, opening, closing) hold a reference to this and nothing of each
// other's.

#include <memory>
#include <optional>
#include <utility>

#include <raftkit/concepts/observer.hpp>
#include <raftkit/concepts/snapshot_store.hpp>
#include <raftkit/concepts/transport.hpp>
#include <raftkit/core/consensus.hpp>
#include <raftkit/node/applier.hpp>
#include <raftkit/node/options.hpp>
#include <raftkit/port/mailbox.hpp>

RAFTKIT_NAMESPACE_BEGIN

// Clocks beside the `now` of poll(): for time slices, measuring and stamps. All null (a simulator's
// choice): nothing is measured or stamped, and a run depends on its inputs alone.
struct node_clocks {
    clock_fn monotonic = nullptr;
    i64 (*unix_ns)() noexcept = nullptr;
};

template <class Storage, class Transport, class StateMachine, class SnapshotStore, class Policies>
struct node_parts {
    using storage_type = Storage;
    using transport_type = Transport;
    using machine_type = StateMachine;
    using store_type = SnapshotStore;
    using policies_type = Policies;

    node_parts(node_options numbers, Storage log, Transport wire, StateMachine state,
               SnapshotStore store, Policies& rules)
        : options(std::move(numbers)),
          storage(std::move(log)),
          transport(std::move(wire)),
          machine(std::move(state)),
          snapshots(std::move(store)),
          policies(rules) {}

    completion_port port() noexcept { return {&inbox}; }
    // Every operation of the node ends by this, once, and finishes in the apply context.
    void end(operation& who, error how) {
        RAFTKIT_ASSERT(operations > 0);
        --operations;
        queue.finish(who, how);
    }
    auto ender() noexcept {
        return [this](operation& who, error how) { end(who, how); };
    }
    template <class Event>
    void tell(const Event& what) noexcept {
        raftkit::tell(policies.observer, what);
    }

    node_options options;
    node_clocks clocks;
    mailbox inbox;
    Storage storage;
    Transport transport;
    StateMachine machine;
    SnapshotStore snapshots;
    Policies& policies;
    applier<StateMachine> queue{machine};
    std::optional<core::consensus> core;  // from the end of recovering on
    identity self;                        // as stored
    node_phase phase = node_phase::recovering;
    bool closing = false;
    instant now{};
    u64 operations = 0;  // begun and not ended
    u64 log_bytes = 0;
    instant appended_at{-1'000'000'000};  // the last persist with entries
    u64 appended_entries = 0, appended_bytes = 0;
};

RAFTKIT_NAMESPACE_END
