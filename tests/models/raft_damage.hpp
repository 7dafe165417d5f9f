#pragma once
// The damage of a voter, and how it finds its way back: the fence of recovery.md §4 (i), and what a
// voter that lost its hard state has to hear first, (ii) and (iii).

#include "raft_rules.hpp"

namespace models::raft {

class damage {
public:
    explicit damage(setup how) : how_(how) {}

    template <class Tell>
    void steps(const state& from, u8 who, Tell& tell) const {
        const voter& node = from.nodes[who];
        const bool mine = (how_.may_break >> who & 1) != 0;
        if (from.damages != 0 && node.damaged == 0 && mine) {
            if (how_.kind == harm::suffix) lose_suffix(from, who, tell);
            if (how_.kind != harm::suffix) lose_hard_state(from, who, tell);
        }
        if (node.damaged != 0) introduce(from, who, tell);
        if (node.blocked != 0) listen(from, who, tell);
    }

    // What a leader believes this peer to have: until it knows of the new incarnation it counts
    // what the old one said.
    u8 match(const state& now, u8 term, u8 who) const {
        if (now.nodes[who].damaged == 0) return now.acked[term][who];
        const u8 before = now.acked_before[term][who];
        const bool known = (now.introduced[term] >> who & 1) != 0;
        if (!known) return before;
        return how_.drops_old_acks ? now.acked[term][who] : std::max(before, now.acked[term][who]);
    }
    // An append matched; the fence may fall.
    void matched(state& to, u8 who, u8 term, u8 leader_commit) const {
        voter& node = to.nodes[who];
        if (node.behind.up == 0) return;
        const entries& log = to.leader_log[term];
        const bool own = leader_commit != 0 && log[leader_commit - 1u] == term;
        const u8 leader = to.leader[term];
        if (lifted(how_, node.behind, node.memory.log, node.verified, leader, term, leader_commit,
                   own)) {
            node.behind = {};
        }
    }
    void crashed(voter& node) const {
        node.behind.to = node.behind.to_term = node.behind.to_last = node.behind.whole_at = 0;
        if (!how_.fence_durable) node.behind = {};
    }

private:
    static void end_life(state& to, u8 who) {
        voter& node = to.nodes[who];
        --to.damages;
        node.damaged = 1;
        node.as = role::follower;
        node.commit = node.verified = 0;
        for (u8 term = 1; term <= terms_max; ++term) {
            to.acked_before[term][who] = to.acked[term][who];
            to.acked[term][who] = 0;
            to.introduced[term] = static_cast<u8>(to.introduced[term] & ~(1u << who));
        }
    }
    template <class Tell>
    void lose_suffix(const state& from, u8 who, Tell& tell) const {
        const image& had = from.nodes[who].disk;
        for (u8 kept = 0; kept < length(had.log); ++kept) {
            state to = from;
            voter& node = to.nodes[who];
            end_life(to, who);
            node.behind = {};
            node.behind.up = how_.votes == fenced_vote::by_short_log ? u8{0} : u8{1};
            if (how_.acked_known) {
                node.behind.known = 1;
                node.behind.acked = length(had.log);
                node.behind.acked_term = last_term(had.log);
            }
            node.behind.at_damage = had.term;
            for (u8 gone = kept; gone < entries_max; ++gone) node.disk.log[gone] = 0;
            node.memory = node.disk;
            tell(to, "loses the end of its log; left", who, kept);
        }
    }
    template <class Tell>
    void lose_hard_state(const state& from, u8 who, Tell& tell) const {
        if (from.nodes[who].disk.term == 0) return;
        state to = from;
        voter& node = to.nodes[who];
        end_life(to, who);
        node.disk.term = 0;
        node.disk.vote = nobody;
        if (how_.kind == harm::everything) node.disk.log = {};
        node.memory = node.disk;
        node.blocked = how_.learns == lost_term::trusted ? u8{0} : u8{1};
        tell(to, "loses its hard state", who);
    }
    // The leader of this moment registers the new incarnation, and what it sends from now on
    // answers that one.
    template <class Tell>
    void introduce(const state& from, u8 who, Tell& tell) const {
        for (u8 leader = 0; leader < how_.voters; ++leader) {
            const voter& office = from.nodes[leader];
            if (leader == who || office.as != role::leader) continue;
            const u8 term = office.memory.term;
            const bool known = (from.introduced[term] >> who & 1) != 0;
            const bool told =
                from.nodes[who].behind.to == leader + 1 && from.nodes[who].behind.to_term == term;
            if (known && (told || from.nodes[who].behind.up == 0)) continue;
            if (from.nodes[who].memory.term > term) continue;
            state to = from;
            to.introduced[term] = static_cast<u8>(from.introduced[term] | 1u << who);
            fence& by = to.nodes[who].behind;
            if (by.up != 0) {
                by.to = static_cast<u8>(leader + 1);
                by.to_term = term;
                by.to_last = length(office.memory.log);
                by.whole_at = 0;
            }
            tell(to, "is introduced to", who, leader);
        }
    }
    // Another voter registers the new incarnation, forgets what the old one said, and tells its
    // durable term.
    template <class Tell>
    void listen(const state& from, u8 who, Tell& tell) const {
        if (how_.learns == lost_term::leader_contact) return;
        for (u8 other = 0; other < how_.voters; ++other) {
            const bool again = (from.nodes[who].heard >> other & 1) != 0;
            if (other == who || again || from.nodes[other].blocked != 0) continue;
            state to = from;
            voter& node = to.nodes[who];
            node.heard = static_cast<u8>(node.heard | 1u << other);
            node.heard_term = std::max(node.heard_term, from.nodes[other].disk.term);
            for (u8 term = 1; term <= terms_max; ++term) {
                if (from.granted[term][who] == other + 1) to.granted[term][who] = nobody;
                if (from.leader[term] != other + 1) continue;
                to.introduced[term] = static_cast<u8>(to.introduced[term] | 1u << who);
            }
            if (enough(node.heard)) return_to_work(node);
            tell(to, "is registered by", who, other);
        }
    }
    bool enough(u8 heard) const {
        const int others = how_.voters - 1, failures = others / 2;
        const int count = __builtin_popcount(heard);
        switch (how_.learns) {
            case lost_term::few_others: return count >= failures;
            case lost_term::majority_of_others: return count >= failures + 1;
            default: return count == others;
        }
    }
    void return_to_work(voter& node) const {
        node.blocked = node.heard = 0;
        node.memory.term = node.heard_term;
        node.memory.vote = no_more_votes;
        if (how_.kind == harm::everything) {
            node.behind.up = 1;
            node.behind.at_damage = node.heard_term;
        }
        node.heard_term = 0;
        node.disk = node.memory;
    }

    setup how_;
};

}  // namespace models::raft
