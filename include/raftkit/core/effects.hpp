#pragma once
// What the core wants done. Across kinds no order matters; within a kind order is FIFO (design §3).
// There are two instances, flipped by take_effects(); only members named in `has` are read, and
// every capacity is kept, so that a steady state allocates nothing.

#include <optional>
#include <variant>
#include <vector>

#include <raftkit/base/error.hpp>
#include <raftkit/core/message.hpp>
#include <raftkit/core/persist.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct read_ready {  // may be served once `at` is applied
    request_id id;
    index_t at;
    error status;
};
struct ship_snapshot {
    node_id to;
    index_t at_least;
};
struct cancel_ship {
    node_id to;
};
struct accept_snapshot {
    node_id from;
    term_t term;
    snapshot_meta meta;
    buffer manifest;
    index_t leader_first = {};  // of its log, as the offer said
};
struct cancel_accept {
    snapshot_id id;
};
struct restore_snapshot {
    snapshot_id id;
};
using snapshot_effect =
    std::variant<ship_snapshot, cancel_ship, accept_snapshot, cancel_accept, restore_snapshot>;

struct role_change {
    role_kind role = role_kind::follower;
    term_t term;
    node_id leader;
};

struct effects {
    enum : u32 {
        persisting = 1,
        loading = 2,
        sending = 4,
        applying = 8,
        reading = 16,
        rarely = 32
    };
    u32 has = 0;
    persist_batch persist;           // disk: -> Storage::persist
    std::vector<load_request> load;  // disk: -> Storage::load, answered by loaded{}
    std::vector<envelope> send;      // wire: -> Transport::send; all are free to leave now
    std::vector<run_view> apply;     // machine: -> applier, lent until applied{}
    std::vector<read_ready> reads;   // machine: run when the applier's own applied reaches `at`
    struct {
        std::optional<log_base> compact;       // disk: -> Storage::compact
        std::optional<configuration> members;  // wire: -> Transport::members, before send
        std::vector<snapshot_effect>
            snapshots;                    // -> coordinator, sender, receiver; restore: machine
        std::optional<role_change> role;  // notice: -> observer, on_leadership
        std::optional<error> transfer;    // notice: it ended (code ok: the target leads)
    } rare;
};

RAFTKIT_NAMESPACE_END
