#pragma once
// Start plan: what to do with what storage and snapshot store hold (design §10, recovery.md §2).
// reconcile() is pure; its rows are model-checked, and the first row that holds decides.

#include <optional>
#include <vector>

#include <raftkit/core/persist.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

// What a node starts with. Filled from recovered_log and the newest snapshot.
struct recovered {
    hard_state hard;
    std::optional<fence_mark> fence;
    peer_book peers;
    log_base base;
    log_id last;
    std::vector<log_id> term_runs;          // first position of every term in the log above base
    std::vector<configuration> members;     // every membership entry above base, rising
    std::optional<snapshot_meta> snapshot;  // newest whose manifest verifies
    bool restore_skipped = false;           // a durable machine that already holds at least base
    index_t machine_applied;                // of a durable machine; else 0
};

enum class start_action : u8 { replay, keep_log, reset_to_snapshot, damaged };

struct start_plan {
    start_action action = start_action::replay;
    u8 row = 0;            // of the table, for reports and tests
    const char* why = "";  // damaged: what was seen
    index_t first, last;   // damaged: the entries concerned
};

// The term of the log at `index` as the recovered term runs tell; 0 if the log has no such entry.
inline term_t term_at(const recovered& seen, index_t index) noexcept {
    if (index == seen.base.at.index) return seen.base.at.term;
    if (index < seen.base.at.index || index > seen.last.index) return {};
    term_t found;
    for (const log_id& start : seen.term_runs) {
        if (start.index <= index) found = start.term;
    }
    return found;
}

inline start_plan reconcile(const recovered& seen) noexcept {
    const auto damaged = [](u8 row, const char* why, index_t first, index_t last) {
        return start_plan{start_action::damaged, row, why, first, last};
    };
    const index_t base = seen.base.at.index;
    const index_t last = seen.last.index;
    const snapshot_meta* snapshot = seen.snapshot ? &*seen.snapshot : nullptr;
    const log_id at = snapshot != nullptr ? snapshot->id.at : log_id{};

    if (seen.last.term > seen.hard.term) {
        return damaged(1, "the log's last term is above the hard state's: hard state lost", last,
                       last);
    }
    if (snapshot != nullptr && at.term > seen.hard.term) {
        return damaged(1, "the snapshot's term is above the hard state's: hard state lost",
                       at.index, at.index);
    }
    if (seen.hard.commit_hint > last &&
        !(snapshot != nullptr && snapshot->installing && at.index >= seen.hard.commit_hint)) {
        return damaged(2, "the log ends before what was committed: acknowledged suffix lost",
                       last.next(), seen.hard.commit_hint);
    }
    if (snapshot == nullptr && !base) return {start_action::replay, 3, "", {}, {}};
    if (snapshot == nullptr || at.index < base) {
        return damaged(4, "no snapshot reaches the log", at.index.next(), base);
    }
    const term_t here = term_at(seen, at.index);
    if (at.index <= last && here == at.term) return {start_action::keep_log, 5, "", {}, {}};
    if (at.index <= last && here > at.term) {
        return damaged(6, "the log has a newer term at the snapshot's index", at.index, at.index);
    }
    if (snapshot->installing) return {start_action::reset_to_snapshot, 7, "", {}, {}};
    return damaged(8, "the log ends before the snapshot: acknowledged suffix lost", last.next(),
                   at.index);
}

}  // namespace core

RAFTKIT_NAMESPACE_END
