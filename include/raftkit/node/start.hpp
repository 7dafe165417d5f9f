#pragma once
// Choosing the start plan with a look at the one snapshot that would cost the log (start plan row
// 7; recovery.md §2): an install that a crash interrupted is read through before its reset is
// issued, for afterwards there is nothing to fall back to.
//
//   gather, reconcile --> row 7 --> read through --> sound: reset to it
//         ^                              | damaged
//         +---- without it --------------+---> no plan without it: open() fails and names its file
//
// Nothing is changed unless a plan was found; then what is damaged is set aside and reported.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <raftkit/concepts/observer.hpp>
#include <raftkit/concepts/policies.hpp>
#include <raftkit/node/opening.hpp>
#include <raftkit/snapshot/read_through.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct chosen_start {
    core::recovered seen;
    core::start_plan plan;
    std::vector<damage> rotten;     // snapshots that the plan does without
    std::optional<damage> refused;  // there is no plan
};

template <class Parts>
void tell_found(Parts& parts, const std::vector<damage>& found) {
    for (const damage& each : found) parts.tell(damage_found{each, damage_verdict::refuse});
}

template <class Store>
result<void> set_aside(Store& store, snapshot_id id) {
    if constexpr (quarantining_store<Store>) {
        return store.quarantine(id);
    } else {
        return store.remove(id);
    }
}

// `listing` loses what is set aside. An error: the disk can't be read, or can't be changed.
template <class Store>
result<chosen_start> choose_start(const recovered_log& log, std::vector<snapshot_manifest>& listing,
                                  std::optional<log_id> durable, Store& store, u32 chunk_bytes) {
    chosen_start made;
    std::vector<snapshot_manifest> left = listing;
    for (;;) {
        made.seen = gather(log, left, durable);
        made.plan =
            judge_machine(made.seen, core::reconcile(made.seen), durable.value_or(log_id{}));
        const bool resets = made.plan.action == core::start_action::reset_to_snapshot;
        if (!resets || made.seen.restore_skipped) break;
        const snapshot_id id = made.seen.snapshot->id;
        u32 section = 0;
        const error why = read_through(store, id, chunk_bytes, section);
        if (!why) break;
        if (why.code != errc::corrupt) return why;
        std::string file;
        if constexpr (locating_store<Store>) file = store.file_of(id, section);
        made.rotten.push_back({damaged_part::snapshot, id.at.index, id.at.index, why.detail,
                               why.where, std::move(file)});
        left.erase(left.begin());
    }
    if (made.plan.action == core::start_action::damaged) {
        made.refused = made.rotten.empty() ? damage_of(made.plan) : made.rotten.front();
        return made;
    }
    for (std::size_t gone = 0; gone < made.rotten.size(); ++gone) {
        if (result<void> done = set_aside(store, listing.front().meta.id); !done) return done.why();
        listing.erase(listing.begin());
    }
    return made;
}

RAFTKIT_NAMESPACE_END
