#pragma once
// Completions and arrivals: what comes back to the raft context from storage, transports, the
// applier and jobs.

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <raftkit/base/error.hpp>
#include <raftkit/core/message.hpp>
#include <raftkit/core/persist.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct operation;

struct persisted {  // tickets <= upto are durable; an error: the next one failed, for good
    ticket upto;
    error status;
    u64 log_bytes = 0;  // sizes of the wal-* files, spares not counted
    duration write, sync;
};
struct loaded {
    request_id id;
    error status;
    std::vector<run> entries;
};
struct received {  // from a transport's own thread; keep owns what mail points to
    envelope mail;
    buffer keep;
};
struct received_bulk {
    bulk_envelope mail;
    buffer keep;
};
struct peer_state {
    node_id peer;
    bool reachable = false;
};
struct applied {
    index_t upto;
    error status;
};
struct snapshot_step {  // the job, owned by its state machine, holds the result
    operation* job = nullptr;
    error status;
};
using event =
    std::variant<persisted, loaded, received, received_bulk, peer_state, applied, snapshot_step>;

enum class damaged_part : u8 { log, hard_state, snapshot, log_behind_snapshot, no_snapshot };

struct damage {
    damaged_part part{};
    index_t first, last;
    u64 offset = 0;
    const char* where = "";
    std::string file;
};

struct recovered_log {
    identity self;  // as stored
    hard_state hard;
    std::optional<fence_mark> fence;
    peer_book peers;
    log_base base;
    log_id last;
    std::vector<log_id> term_runs;       // first position of every term in the log
    std::vector<configuration> members;  // every membership entry above base
    std::optional<damage> found;         // nothing was changed; the node asks corruption
};

RAFTKIT_NAMESPACE_END
