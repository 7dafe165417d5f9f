#pragma once
// Opening, the pure part: from what the log's storage and the snapshot store hold to what the core
// starts with (design §10 "Start plan", §11 "Bootstrap"). The driver does the calls.
//
//   storage.open -> recovered_log --+
//   store.recover, list ------------+--> recovered --reconcile--> replay, keep_log,
//   machine.durable_index ----------+                             reset_to_snapshot, damage
//
// reset_to_snapshot needs nothing here: the core issues the reset as its first batch, and holds
// back what must wait for it.

#include <optional>
#include <vector>

#include <raftkit/core/recovered.hpp>
#include <raftkit/port/events.hpp>
#include <raftkit/port/manifest.hpp>

RAFTKIT_NAMESPACE_BEGIN

// `listing` is newest first and holds only snapshots whose manifest verifies.
inline core::recovered gather(const recovered_log& log,
                              const std::vector<snapshot_manifest>& listing,
                              std::optional<log_id> durable_machine) {
    core::recovered seen;
    seen.hard = log.hard;
    seen.fence = log.fence;
    seen.peers = log.peers;
    seen.base = log.base;
    seen.last = log.last;
    seen.term_runs = log.term_runs;
    seen.members = log.members;
    if (!listing.empty()) seen.snapshot = listing.front().meta;
    // A machine that is durable by itself skips the restore if it is not behind the log's first
    // entry.
    if (durable_machine && seen.snapshot && durable_machine->index >= seen.base.at.index &&
        durable_machine->index >= seen.snapshot->id.at.index) {
        seen.restore_skipped = true;
    }
    if (durable_machine && !seen.snapshot) seen.restore_skipped = true;
    if (seen.restore_skipped) seen.machine_applied = durable_machine->index;
    return seen;
}

// A machine that is durable by itself is a third witness (recovery.md, "Two stores"): what it
// applied was committed and durable in the log, so the log must reach as far and agree there. Only
// an install whose log is not reset yet is ahead of its log by rights, and no further than its
// snapshot. Behind the log's base nothing can be compared, and the snapshot replaces it anyway.
// Else new entries at or below its index would silently never be applied.
inline core::start_plan judge_machine(const core::recovered& seen, const core::start_plan& plan,
                                      log_id durable) noexcept {
    if (plan.action == core::start_action::damaged || !durable.index) return plan;
    const auto damaged = [](u8 row, const char* why, index_t first, index_t last) {
        return core::start_plan{core::start_action::damaged, row, why, first, last};
    };
    if (durable.term > seen.hard.term) {
        return damaged(1, "the machine's term is above the hard state's: hard state lost",
                       durable.index, durable.index);
    }
    const log_id shot = seen.snapshot ? seen.snapshot->id.at : log_id{};
    const bool resets = plan.action == core::start_action::reset_to_snapshot;
    const index_t end = resets ? shot.index : seen.last.index;
    if (durable.index > end) {
        return damaged(9, "the log ends before what the machine applied: acknowledged suffix lost",
                       end.next(), durable.index);
    }
    const term_t here =
        durable.index == shot.index ? shot.term : core::term_at(seen, durable.index);
    if (here && here != durable.term) {
        return damaged(10, "the machine applied an entry of another term than the log's",
                       durable.index, durable.index);
    }
    return plan;
}

// A store that has never been used: only then the bootstrap list counts.
inline bool is_blank(const core::recovered& seen) noexcept {
    return !seen.base.at.index && !seen.last.index && !seen.snapshot &&
           seen.base.members.members.empty() && seen.members.empty();
}

inline damage damage_of(const core::start_plan& plan) {
    damage found;
    found.first = plan.first;
    found.last = plan.last;
    found.where = plan.why;
    switch (plan.row) {
        case 1: found.part = damaged_part::hard_state; break;
        case 4: found.part = damaged_part::no_snapshot; break;
        case 8: found.part = damaged_part::log_behind_snapshot; break;
        default: found.part = damaged_part::log; break;
    }
    return found;
}

RAFTKIT_NAMESPACE_END
