#pragma once
// Messages between nodes. Every alternative is trivially copyable; what it points to is valid
// during send() and receive() only (design §3). Bulk messages carry snapshot bytes on a lane of
// their own and never enter the core.

#include <variant>

#include <raftkit/base/error.hpp>
#include <raftkit/core/run.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct vote_request {
    term_t term;
    log_id last;
    u64 round = 0;
    bool pre = false, forced = false;
};
struct vote_reply {
    term_t term;
    u64 round = 0;
    bool pre = false, granted = false;
};
struct append_request {
    term_t term;
    log_id previous;
    index_t commit, last;  // last: the leader's
    u64 read_round = 0;
    run_view entries;
};
struct append_reply {
    term_t term;
    index_t match, rejected;  // rejected: the `previous` it refuses; 0: accepted
    log_id conflict;          // index 0: none
    u64 read_round = 0;
};
struct timeout_now {
    term_t term;
};
struct introduce {  // design §11: answered, with the durable term, once the incarnation is in the
                    // peer_book
    term_t term;
    bool answer = false;
};

enum class install_status : u8 {
    installed,
    already_have,
    installing,
    busy,
    stale,
    corrupt,
    restore_failed,
    cancelled
};

struct snapshot_offer {
    term_t term;
    snapshot_id id;
    bytes_view meta, manifest;  // encoded snapshot_meta; manifest and holders, opaque to the core
    index_t first = {};         // of the leader's log, when this left; 0: unknown
};
struct snapshot_done {
    term_t term;
    snapshot_id id;
    install_status status = install_status::installed;
    index_t match;
};

using message = std::variant<vote_request, vote_reply, append_request, append_reply, timeout_now,
                             introduce, snapshot_offer, snapshot_done>;

struct envelope {  // to or from; the sender's incarnation
    node_id peer;
    u64 incarnation = 0;
    message body;
};

struct snapshot_want {
    term_t term;
    snapshot_id id;
    u32 section = 0;
    u64 offset = 0, bytes = 0;
};
struct snapshot_piece {
    term_t term;
    snapshot_id id;
    u32 section = 0;
    u64 offset = 0;
    bytes_view bytes;
    errc status = errc::ok;
};
using bulk_message = std::variant<snapshot_want, snapshot_piece>;

struct bulk_envelope {
    node_id peer;
    u64 incarnation = 0;
    bulk_message body;
};

static_assert(std::is_trivially_copyable_v<envelope> &&
              std::is_trivially_copyable_v<bulk_envelope>);

RAFTKIT_NAMESPACE_END
