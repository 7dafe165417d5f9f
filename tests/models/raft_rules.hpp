#pragma once
// Which rules of recovery.md §3 and §4 a model of Raft goes by, and the sizes of it.

#include "raft_state.hpp"

#include <raftkit/core/fence.hpp>

namespace models::raft {

enum class hold_off : u8 { none, vote_reply, vote_request, own_vote, append_reply, own_match };
enum class lift : u8 { kit, first_append, leader_commit, own_term_commit, whole_log, own_log };
enum class fenced_vote : u8 { kit, by_short_log, not_own, at_least_damage };
enum class lost_term : u8 { all_others, trusted, leader_contact, few_others, majority_of_others };
enum class harm : u8 { suffix, hard_state, everything };

struct setup {
    u8 voters = 3, terms = 2, entries = 1;
    u8 crashes = 1, damages = 0, waits_max = 0;  // waits_max: batches on their way to a disk
    hold_off off = hold_off::none;
    harm kind = harm::suffix;
    bool acked_known = true;  // L is in the proving header
    lift lifts = lift::kit;
    fenced_vote votes = fenced_vote::kit;
    lost_term learns = lost_term::all_others;
    bool drops_old_acks = true;     // R3
    bool fence_durable = true;      // R4
    bool says_undone = false;       // of a truncated entry that it is not done
    u8 old_half = 0, new_half = 0;  // masks of a joint configuration; 0: all are one
    u8 candidates = 0xff;           // masks: who may campaign,
    u8 may_break = 0xff;            // and who may be damaged; alike nodes need not be tried
};

inline bool most(u8 mask, u8 of) {
    return __builtin_popcount(mask & of) * 2 > __builtin_popcount(of);
}
inline bool quorum(const setup& how, u8 mask) {
    const u8 all = static_cast<u8>((1u << how.voters) - 1);
    if (how.old_half == 0) return most(mask, all);
    return most(mask, how.old_half) && most(mask, how.new_half);
}

inline raftkit::log_id last_of(const entries& log) { return {{length(log)}, {last_term(log)}}; }

// The kit's class as it stands for this node.
inline raftkit::core::fence_state built(const fence& from) {
    raftkit::core::fence_state made({});
    if (from.up == 0) return made;
    made.raise({from.known != 0, {{from.acked}, {from.acked_term}}, {from.at_damage}});
    if (from.to != 0) made.introduced({from.to}, {from.to_term});
    if (from.whole_at != 0) made.heard({from.to}, {from.to_term}, {from.whole_at - 1u});
    return made;
}

// May a fenced node vote for whoever has this last entry? `own` is its own.
inline bool allows(const setup& how, const fence& from, raftkit::log_id last, raftkit::log_id own) {
    const bool as_new = raftkit::at_least_as_new(last, own);
    if (from.up == 0) return as_new;
    switch (how.votes) {
        case fenced_vote::kit: return built(from).allows(last, own);
        case fenced_vote::by_short_log: return as_new;
        case fenced_vote::not_own: return last.term > raftkit::term_t{from.at_damage};
        case fenced_vote::at_least_damage:
            return as_new && last.term >= raftkit::term_t{from.at_damage};
    }
    return false;
}

// An append of `term` that matched up to `matched` arrived, from a leader with this commit index.
inline bool lifted(const setup& how, fence& by, const entries& log, u8 matched, u8 leader, u8 term,
                   u8 leader_commit, bool own_term_committed) {
    const bool introduced = by.to == leader && by.to_term == term;
    switch (how.lifts) {
        case lift::kit: {
            if (introduced && by.whole_at == 0) by.whole_at = static_cast<u8>(by.to_last + 1);
            return built(by).try_lift(last_of(log), {matched});
        }
        case lift::first_append: return true;
        case lift::leader_commit: return matched >= leader_commit;
        case lift::own_term_commit: return own_term_committed && matched >= leader_commit;
        case lift::whole_log: return introduced && term >= by.at_damage && matched >= by.to_last;
        case lift::own_log:
            return by.known != 0 &&
                   raftkit::at_least_as_new(last_of(log), {{by.acked}, {by.acked_term}});
    }
    return false;
}

}  // namespace models::raft
