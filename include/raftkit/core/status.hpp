#pragma once
// What the core shows of itself: a plain copyable struct, updated after every input.

#include <raftkit/base/error.hpp>
#include <raftkit/core/types.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

enum class peer_mode : u8 { probing, replicating, snapshotting };

struct peer_status {  // only a leader has them
    node_id id;
    member_role role = member_role::none;
    peer_mode mode = peer_mode::probing;
    bool reachable = false, active = false;  // active: heard within the current election timeout
    index_t match, next;
    u64 lag = 0;  // entries behind `last`
    u64 inflight_bytes = 0;
};

struct status {
    role_kind role = role_kind::follower;
    term_t term;
    node_id leader;  // 0: none known
    node_id voted_for;
    index_t first, last, stable, commit, applied;
    term_t last_term;
    index_t snapshot;  // newest durable
    term_t snapshot_term;
    bool serving_reads = false;  // leader whose barrier of this term is committed
    bool joined = false;         // false: waits for the other voters' introductions
    bool fenced = false;
    bool joint = false;
    bool stopped = false;
    node_id transfer_target;
    u64 uncommitted_bytes = 0, tail_bytes = 0;
    u64 rejected = 0;  // messages of peers that were dropped as invalid or stale
    u64 elections = 0, leaderships = 0;
    u32 peer_count = 0;
    peer_status peers[peers_max];
    error stop_cause;
};

}  // namespace core

RAFTKIT_NAMESPACE_END
