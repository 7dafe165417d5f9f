#pragma once
// One node as the checkers see it from outside: what it asked its disk to keep, what the disk has
// kept, and what a crash may leave. The batches between the two are a queue; a crash keeps a prefix
// of it, at least what was reported.

#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include <raftkit/core/persist.hpp>
#include <raftkit/core/status.hpp>
#include <raftkit/testing/check/ghost_log.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

struct ghost_batch {
    ticket id;
    std::optional<hard_state> hard;
    std::optional<log_id> reset;
    u64 reset_chain = 0;
    index_t first;  // of entries
    std::vector<ghost_entry> entries;
};

struct ghost_disk {
    hard_state hard;
    ghost_log log;

    void keep(const ghost_batch& batch) {
        if (batch.hard) hard = *batch.hard;
        if (batch.reset) log.reset(*batch.reset, batch.reset_chain);
        if (batch.entries.empty()) return;
        log.truncate(batch.first);
        for (const ghost_entry& each : batch.entries) log.append(each);
    }
};

struct ghost_node {
    bool up = false, failed = false;
    ghost_disk memory;   // as if everything asked for were done
    ghost_disk durable;  // what a power cut leaves for certain
    std::deque<ghost_batch> waiting;
    index_t compacted;                     // the highest base it asked for in this life or before
    std::vector<snapshot_meta> snapshots;  // durable and listed
    index_t applied;
    index_t rotten;  // a snapshot that may be passed over, though it was the newest
    std::optional<core::status> seen;  // in this life

    index_t newest_snapshot() const noexcept {
        index_t newest;
        for (const snapshot_meta& each : snapshots) newest = std::max(newest, each.id.at.index);
        return newest;
    }
    const snapshot_meta* snapshot(snapshot_id id) const noexcept {
        for (const snapshot_meta& each : snapshots) {
            if (each.id == id) return &each;
        }
        return nullptr;
    }
    // The entry is in the durable log, or below the base that a durable snapshot carries.
    bool holds_durably(index_t index, u64 chain) const noexcept {
        if (index < durable.log.base().index) return true;
        return durable.log.knows(index) && durable.log.chain_at(index) == chain;
    }
};

}  // namespace testing

RAFTKIT_NAMESPACE_END
