#pragma once
// What the core asks of the log's storage. A batch is atomic: after a crash all of it is there or
// nothing. The span and the pointers are valid during the call, the bytes of the runs until
// persisted{id}.

#include <span>
#include <utility>
#include <vector>

#include <raftkit/core/run.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct fence_mark {  // design §11: L (if known) and H
    bool acked_known = false;
    log_id acked;
    term_t at_damage;
};

struct peer_book {  // design §11; lives in node.identity
    bool joined = false;
    std::vector<std::pair<node_id, u64>> incarnations;  // sorted by id

    u64 find(node_id id) const noexcept {
        for (const auto& [known, incarnation] : incarnations) {
            if (known == id) return incarnation;
        }
        return 0;
    }
    friend bool operator==(const peer_book&, const peer_book&) = default;
};

struct persist_batch {
    ticket id;
    const hard_state* hard = nullptr;
    const fence_mark* fence = nullptr;
    // Always alone in its batch (another file: write, fsync, rename, fsync directory); its ticket
    // is the barrier for what follows.
    const peer_book* peers = nullptr;
    const log_base* reset = nullptr;   // the whole log goes; the next entry is at.index + 1
    std::span<const run_view> append;  // entries at or above the first index on disk are superseded
};

struct load_request {
    request_id id;
    index_t first, last;
    u32 bytes_max = 0;
};

RAFTKIT_NAMESPACE_END
