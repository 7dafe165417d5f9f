#pragma once
// The log beside the snapshot store: a follower of two leaders that saves, compacts and installs
// while its log's batches complete late, and may crash before any of these steps, also in the
// middle of opening again. What it starts with is judged by the kit's own start plan.

#include "two_stores_state.hpp"

#include <raftkit/node/opening.hpp>

#include <string>
#include <vector>

namespace models::stores {

class model {
public:
    using state = stores::state;

    explicit model(setup how) : how_(how) {}

    std::vector<state> starts() const {
        state first{};
        first.leader = 1;
        first.up = 1;
        first.crashes = how_.crashes;
        first.saves = how_.saves;
        first.installs = how_.installs;
        first.faults = how_.faults;
        return {first};
    }
    const char* broken(const state& now) const {
        switch (now.wrong) {
            case 1: return "a crash alone is never refused";
            case 2: return "what was acknowledged is there";
            case 3: return "the term that was answered in is there";
            case 4: return "the machine holds a prefix of what is committed";
            case 5: return "a log that lost its end is noticed";
            case 6: return "the log begins where the machine is";
            case 7: return "the bounds of the model suffice";
        }
        return nullptr;
    }

    template <class Visit>
    void steps(const state& from, Visit&& visit) const {
        const auto tell = [&](state to, const char* words) {
            acknowledge(to);
            visit(to, [&] { return std::string(words); });
        };
        if (from.up == 0) {
            lose_end(from, tell);
            state to = from;
            open(to);
            tell(to, "open");
            return;
        }
        follow(from, tell);
        if (from.waits != 0) {
            state to = from;
            take(to.disk, to.waiting[0]);
            std::rotate(to.waiting.begin(), to.waiting.begin() + 1, to.waiting.end());
            to.waiting[--to.waits] = {};
            tell(to, "a batch is durable");
        }
        save(from, tell);
        receive(from, tell);
        crash(from, visit);
    }

private:
    bool is(order with) const { return how_.with == with; }

    // ---- the log ------------------------------------------------------------------------------

    void put(state& to, batch what) const {
        if (to.waits == to.waiting.size()) {
            to.wrong = 7;
            return;
        }
        what.term = to.memory.term;
        const u8 certain = is(order::hint_unclamped) ? to.commit : std::min(to.commit, stable(to));
        what.hint = std::max(to.memory.hint, certain);
        to.waiting[to.waits++] = what;
        take(to.memory, what);
    }
    // ---- what a leader makes of it ------------------------------------------------------------

    template <class Tell>
    void follow(const state& from, Tell& tell) const {
        state to = from;
        if (from.leader == 1) {
            to.leader = 2;
            tell(to, "there is a second leader");
            to = from;
        }
        if (full(from)) return;
        if (from.memory.term < from.leader) {
            to.memory.term = from.leader;
            put(to, {});
            tell(to, "hears of the term");
            return;
        }
        // The next entry that the log lacks, or the first that differs.
        u8 next = static_cast<u8>(from.memory.base + 1);
        while (next <= from.memory.last && fits(from.leader, next, from.memory.terms[next])) ++next;
        const u8 most = from.leader == 1 ? 3 : index_max;
        const bool gated =
            from.installing == install::published || from.installing == install::resetting;
        if (next <= most && !gated) {
            put(to, {.first = next, .entry_term = from.leader == 1 ? u8{1} : truth[next]});
            tell(to, "appends");
            to = from;
        }
        const u8 known = matched(from);
        if (from.leader == 2 && from.commit < known) {
            ++to.commit;
            tell(to, "learns of a commit");
            to = from;
        }
        const u8 limit = how_.applies_ahead ? from.commit : std::min(from.commit, stable(from));
        if (!gated && from.applied < limit) {
            ++to.applied;
            if (how_.durable_machine) to.machine = to.applied;
            tell(to, "applies");
        }
    }
    static bool fits(u8 leader, u8 index, u8 term) {
        return leader == 1 ? term == 1 : term == truth[index];
    }
    // How far the log is the cluster's.
    static u8 matched(const state& now) {
        u8 upto = now.memory.base;
        while (upto < now.memory.last && now.memory.terms[upto + 1u] == truth[upto + 1u]) ++upto;
        return upto;
    }
    // The worst case: whatever may be promised is, at once.
    void acknowledge(state& to) const {
        if (to.up == 0 || to.disk.term < to.memory.term) return;
        to.promised = std::max(to.promised, to.disk.term);
        if (!opening_resets(to)) to.acked = std::max(to.acked, std::min(matched(to), stable(to)));
    }
    static bool opening_resets(const state& now) { return reset_open(now); }

    // ---- snapshots ----------------------------------------------------------------------------

    static void shelve(state& to, shot made) {
        if (to.shots == 2) {
            to.shelf[0] = to.shelf[1];
            --to.shots;
        }
        to.shelf[to.shots++] = made;
    }
    template <class Tell>
    void save(const state& from, Tell& tell) const {
        state to = from;
        const bool idle = from.installing == install::none && from.compact_due == 0;
        const u8 newest = from.shots == 0 ? 0 : from.shelf[from.shots - 1u].index;
        if (idle && from.captured == 0 && from.saves != 0) {
            const bool unclamped = is(order::capture_unstable);
            const u8 at = unclamped || from.applied <= stable(from) ? from.applied : 0;
            if (at > newest) {
                --to.saves;
                to.captured = at;
                if (is(order::compact_before_publish)) to.compact_due = at;
                tell(to, "captures");
                to = from;
            }
        }
        if (from.captured != 0 && from.installing == install::none) {
            const bool compacted = !is(order::compact_before_publish) || from.compact_due == 0;
            if (compacted) {
                if (from.captured > newest) shelve(to, {from.captured, truth[from.captured], 0});
                to.captured = 0;
                if (!is(order::compact_before_publish)) to.compact_due = from.captured;
                tell(to, "publishes");
                to = from;
            }
        }
        if (from.compact_due != 0 && !full(from)) {
            // No further than the oldest that is kept, so that it can be fallen back on.
            u8 upto = from.compact_due;
            if (from.shots != 0 && !is(order::compact_before_publish)) {
                upto = std::min(upto, from.shelf[0].index);
            }
            to.compact_due = 0;
            if (upto > from.memory.base && upto <= stable(from)) put(to, {.compact = upto});
            tell(to, "compacts");
        }
    }

    // ---- an install ---------------------------------------------------------------------------

    template <class Tell>
    void receive(const state& from, Tell& tell) const {
        state to = from;
        switch (from.installing) {
            case install::none: return stage(from, tell);
            case install::staged: {
                const bool reset_first = is(order::reset_before_publish) && from.restored == 0;
                if (reset_first) {
                    if (full(from)) return;
                    reset(to);
                    to.restored = 2;  // the reset is asked for; the publishing is not done
                    tell(to, "resets its log");
                    return;
                }
                shelve(to, {from.installs_at, truth[from.installs_at], 1});
                to.installing = install::published;
                to.restored = 0;
                if (is(order::reset_before_publish)) to.installing = install::resetting;
                if (is(order::ack_before_reset)) to.acked = std::max(to.acked, from.installs_at);
                tell(to, "publishes what it received");
                return;
            }
            case install::published:
                if (is(order::restore_before_reset) && from.restored == 0) {
                    restore(to);
                    tell(to, "restores");
                    return;
                }
                if (full(from)) return;
                reset(to);
                to.installing = install::resetting;
                tell(to, "resets its log, if it has to");
                return;
            case install::resetting:
                if (reset_open(from)) return;
                if (from.restored == 0) {
                    restore(to);
                    tell(to, "restores");
                    return;
                }
                // A log that had the entry may not have it on its disk yet.
                if (!is(order::marker_goes_early) && stable(from) < from.installs_at) return;
                if (!is(order::marker_stays)) to.shelf[to.shots - 1u].installing = 0;
                to.installing = install::none;
                to.installs_at = to.restored = 0;
                tell(to, "removes the marker");
                return;
        }
    }
    template <class Tell>
    void stage(const state& from, Tell& tell) const {
        const bool waits = !is(order::publish_before_term_durable);
        const bool ready = from.leader == 2 && from.memory.term == 2 && from.installs != 0 &&
                           from.captured == 0 && from.compact_due == 0;
        if (!ready || (waits && from.disk.term < 2)) return;
        for (u8 at = static_cast<u8>(from.applied + 1); at <= index_max; ++at) {
            if (at < 3 || at <= from.commit) continue;  // of the second leader; not needed below
            state to = from;
            --to.installs;
            to.installs_at = at;
            if (is(order::ack_before_publish)) to.acked = at;
            to.installing = install::staged;
            tell(to, "receives a snapshot");
        }
    }
    void reset(state& to) const {
        const u8 at = to.installs_at;
        if (to.memory.has(at, truth[at])) return;  // the log goes on behind it
        put(to, {.reset = at, .reset_term = truth[at]});
    }
    void restore(state& to) const {
        to.applied = to.installs_at;
        to.commit = std::max(to.commit, to.applied);
        if (how_.durable_machine) to.machine = to.applied;
        to.restored = 1;
    }

    // ---- crash and open -----------------------------------------------------------------------

    template <class Visit>
    void crash(const state& from, Visit& visit) const {
        if (from.crashes == 0) return;
        for (u8 kept = 0; kept <= from.waits; ++kept) {
            state to = from;
            --to.crashes;
            for (u8 at = 0; at < kept; ++at) take(to.disk, from.waiting[at]);
            // The hint is not part of any promise, so a storage may write it ahead of the entries.
            for (const batch& each : from.waiting) to.disk.hint = std::max(to.disk.hint, each.hint);
            to.waiting = {};
            to.memory = {};
            to.waits = to.up = to.commit = to.applied = to.captured = to.compact_due = 0;
            to.installing = install::none;
            to.installs_at = to.restored = 0;
            visit(to, [&] { return "crash; batches kept: " + std::to_string(kept); });
        }
    }
    // A fault of the log's disk that leaves no trace in the log itself.
    template <class Tell>
    void lose_end(const state& from, Tell& tell) const {
        if (from.faults == 0 || from.shots == 0) return;
        const shot& newest = from.shelf[from.shots - 1u];
        if (from.disk.last < newest.index || from.disk.base >= newest.index) return;
        // An install may be under way for all that the disk can tell.
        if (newest.installing != 0 && !is(order::marker_stays)) return;
        state to = from;
        --to.faults;
        to.faulted = 1;
        to.disk.last = static_cast<u8>(newest.index - 1);
        for (u8 gone = newest.index; gone <= index_max; ++gone) to.disk.terms[gone] = 0;
        tell(to, "the end of the log is lost, up to below the snapshot");
    }

    void open(state& to) const {
        using raftkit::core::start_action;
        const raftkit::core::recovered seen = seen_by_plan(to);
        const raftkit::log_id machine{{to.machine}, {truth[to.machine]}};
        const auto plan = raftkit::judge_machine(seen, raftkit::core::reconcile(seen), machine);
        to.up = 1;
        if (plan.action == start_action::damaged) {
            if (to.faulted == 0) to.wrong = 1;
            to.crashes = to.saves = to.installs = 0;
            to.up = 0;
            to.faults = 0;
            if (to.wrong == 0) to = {};  // refused for a reason: nothing more to see
            return;
        }
        if (to.faulted != 0) to.wrong = 5;
        to.memory = to.disk;
        const u8 newest = to.shots == 0 ? 0 : to.shelf[to.shots - 1u].index;
        to.applied = std::max(newest, to.machine);
        to.commit = std::max(to.applied, to.disk.hint);
        if (plan.action == start_action::reset_to_snapshot) {
            to.installs_at = newest;
            put(to, {.reset = newest, .reset_term = truth[newest]});
            to.installing = install::resetting;
            to.restored = 1;
        } else if (to.shots != 0) {
            to.shelf[to.shots - 1u].installing =
                is(order::marker_stays) && newest != 0 ? to.shelf[to.shots - 1u].installing : u8{0};
        }
        check_opened(to);
    }
    static void check_opened(state& to) {
        if (to.disk.term < to.promised) to.wrong = 3;
        if (to.memory.base > to.applied) to.wrong = 6;
        for (u8 at = 1; at <= to.acked; ++at) {
            const bool below = at <= to.applied;
            if (!below && !(at > to.memory.base && to.memory.has(at, truth[at]))) to.wrong = 2;
        }
        if (to.shots != 0) {
            const shot& newest = to.shelf[to.shots - 1u];
            if (newest.term != truth[newest.index]) to.wrong = 4;
        }
    }

    setup how_;
};

}  // namespace models::stores
