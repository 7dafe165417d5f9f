#pragma once
// Raft between a few voters: elections, appends, commits; disks that complete later; crashes; and
// damage with the fence behind it (raft_damage.hpp). Invariants: a term has one leader and one life
// of it; a leader has every committed entry; what is committed stays; what was said to be undone is
// never done.

#include "raft_damage.hpp"

#include <string>
#include <vector>

namespace models::raft {

class model {
public:
    using state = raft::state;

    explicit model(setup how) : how_(how), harm_(how) { first_ = {}; }
    model(setup how, state first) : how_(how), harm_(how), first_(first) {}

    std::vector<state> starts() const {
        state first = first_;
        first.crashes = how_.crashes;
        first.damages = how_.damages;
        return {first};
    }
    const char* broken(const state& now) const {
        switch (now.wrong) {
            case 1: return "a term has one leader";
            case 2: return "a node leads a term in one life";
            case 3: return "a leader has every committed entry";
            case 4: return "what is committed stays";
            case 5: return "what is undone is never done";
        }
        return nullptr;
    }

    template <class Visit>
    void steps(const state& from, Visit&& visit) const {
        const auto tell = [&](const state& to, const char* what, u8 node, u8 other = 0xff) {
            visit(to, [&] {
                std::string words = "node " + std::to_string(node) + " " + what;
                return other == 0xff ? words : words + " " + std::to_string(other);
            });
        };
        for (u8 node = 0; node < how_.voters; ++node) {
            campaign(from, node, tell);
            finish_write(from, node, tell);
            for (u8 other = 0; other < how_.voters; ++other) {
                if (other != node) vote(from, node, other, tell);
            }
            take_office(from, node, tell);
            propose(from, node, tell);
            for (u8 term = 1; term <= how_.terms; ++term) append(from, node, term, tell);
            commit(from, node, tell);
            crash(from, node, tell);
            harm_.steps(from, node, tell);
        }
    }

private:
    bool off(hold_off what) const { return how_.off == what; }
    bool busy(const voter& node) const {
        return how_.waits_max != 0 && node.waits >= how_.waits_max;
    }
    void write(state& to, u8 who) const {
        voter& node = to.nodes[who];
        if (how_.waits_max == 0) {
            node.disk = node.memory;
        } else {
            node.waiting[node.waits++] = node.memory;
        }
        speak(to, who);
    }
    // What may leave now, leaves.
    void speak(state& to, u8 who) const {
        voter& node = to.nodes[who];
        const u8 term = node.memory.term;
        const image& vote = off(hold_off::vote_reply) ? node.memory : node.disk;
        const bool spent = vote.vote != nobody && vote.vote != no_more_votes;
        if (spent && vote.vote != who + 1) to.granted[vote.term][who] = vote.vote;
        const image& own = off(hold_off::vote_request) ? node.memory : node.disk;
        if (node.as == role::candidate && own.term == term && own.vote == who + 1) {
            to.asked[term][who] = static_cast<u8>(length(node.memory.log) + 1);
            to.asked_term[term][who] = last_term(node.memory.log);
        }
        if (node.as != role::follower || node.blocked != 0) return;
        const bool early = off(hold_off::append_reply);
        if (!early && node.disk.term < term) return;
        const entries& log = early ? node.memory.log : node.disk.log;
        const u8 match = common(log, to.leader_log[term], node.verified);
        to.acked[term][who] = std::max(to.acked[term][who], match);
    }

    template <class Tell>
    void campaign(const state& from, u8 who, Tell& tell) const {
        const voter& node = from.nodes[who];
        const bool may = node.as != role::leader && node.behind.up == 0 && node.blocked == 0 &&
                         node.memory.term < how_.terms && !busy(node) &&
                         (how_.candidates >> who & 1) != 0;
        if (!may) return;
        state to = from;
        voter& now = to.nodes[who];
        ++now.memory.term;
        now.memory.vote = static_cast<u8>(who + 1);
        now.as = role::candidate;
        now.verified = 0;
        write(to, who);
        tell(to, "campaigns in term", who, now.memory.term);
    }
    template <class Tell>
    void finish_write(const state& from, u8 who, Tell& tell) const {
        if (from.nodes[who].waits == 0) return;
        state to = from;
        voter& node = to.nodes[who];
        node.disk = node.waiting[0];
        node.waiting[0] = node.waiting[1];
        node.waiting[--node.waits] = {};
        if (node.waits == 0) node.waiting = {};
        speak(to, who);
        tell(to, "has written", who);
    }
    static void hear_term(voter& node, u8 term) {
        if (node.memory.term >= term) return;
        node.memory.term = term;
        node.memory.vote = nobody;
        node.as = role::follower;
        node.verified = 0;
    }
    template <class Tell>
    void vote(const state& from, u8 who, u8 candidate, Tell& tell) const {
        if (busy(from.nodes[who]) || from.nodes[who].blocked != 0) return;
        for (u8 term = std::max<u8>(1, from.nodes[who].memory.term); term <= how_.terms; ++term) {
            if (from.asked[term][candidate] == 0) continue;
            state to = from;
            voter& node = to.nodes[who];
            hear_term(node, term);
            const raftkit::log_id last{{from.asked[term][candidate] - 1u},
                                       {from.asked_term[term][candidate]}};
            const bool free = node.memory.vote == nobody && node.as == role::follower;
            if (free && allows(how_, node.behind, last, last_of(node.memory.log))) {
                node.memory.vote = static_cast<u8>(candidate + 1);
            }
            if (node.memory == from.nodes[who].memory) continue;
            write(to, who);
            tell(to, "hears a candidate,", who, candidate);
        }
    }
    template <class Tell>
    void take_office(const state& from, u8 who, Tell& tell) const {
        const voter& node = from.nodes[who];
        if (node.as != role::candidate) return;
        const u8 term = node.memory.term;
        const image& own = off(hold_off::own_vote) ? node.memory : node.disk;
        u8 votes = own.term == term && own.vote == who + 1 ? static_cast<u8>(1u << who) : u8{0};
        for (u8 other = 0; other < how_.voters; ++other) {
            if (from.granted[term][other] == who + 1) votes |= static_cast<u8>(1u << other);
        }
        if (!quorum(how_, votes)) return;
        state to = from;
        if (from.leader[term] != 0) to.wrong = from.leader[term] == who + 1 ? 2 : 1;
        to.leader[term] = static_cast<u8>(who + 1);
        to.leader_log[term] = node.memory.log;
        to.nodes[who].as = role::leader;
        for (u8 at = 0; at < entries_max; ++at) {
            const bool owed = from.committed[at] != 0 && from.committed_in[at] < term;
            if (owed && node.memory.log[at] != from.committed[at]) to.wrong = 3;
        }
        tell(to, "leads term", who, term);
    }
    template <class Tell>
    void propose(const state& from, u8 who, Tell& tell) const {
        const voter& node = from.nodes[who];
        const u8 at = length(node.memory.log);
        if (node.as != role::leader || at >= how_.entries || busy(node)) return;
        state to = from;
        to.nodes[who].memory.log[at] = node.memory.term;
        to.leader_log[node.memory.term] = to.nodes[who].memory.log;
        write(to, who);
        tell(to, "appends entry", who, static_cast<u8>(at + 1));
    }
    // Any first part of the log that this term's leader ever had.
    template <class Tell>
    void append(const state& from, u8 who, u8 term, Tell& tell) const {
        const u8 leader = from.leader[term];
        const voter& before = from.nodes[who];
        if (leader == 0 || leader == who + 1 || busy(before)) return;
        if (before.memory.term > term || before.as == role::leader) return;
        if (before.blocked != 0 && how_.learns != lost_term::leader_contact) return;
        const entries& log = from.leader_log[term];
        for (u8 upto = 0; upto <= length(log); ++upto) {
            state to = from;
            voter& node = to.nodes[who];
            hear_term(node, term);
            if (before.blocked != 0) node.blocked = 0;
            node.as = role::follower;
            const u8 same = common(node.memory.log, log, upto);
            if (same < upto) {
                note_undone(to, who, same);
                node.memory.log = {};
                for (u8 at = 0; at < upto; ++at) node.memory.log[at] = log[at];
            }
            node.verified = std::max(node.verified, upto);
            const u8 known = from.nodes[leader - 1u].memory.term == term
                                 ? from.nodes[leader - 1u].commit
                                 : u8{0};
            node.commit = std::max(node.commit, std::min(upto, known));
            harm_.matched(to, who, term, known);
            if (node.memory != before.memory) {
                write(to, who);
            } else {
                speak(to, who);
            }
            visit_changed(from, to, who, term, tell);
        }
    }
    template <class Tell>
    static void visit_changed(const state& from, const state& to, u8 who, u8 term, Tell& tell) {
        if (hash_of(from) != hash_of(to)) tell(to, "takes an append of term", who, term);
    }
    void note_undone(state& to, u8 who, u8 kept) const {
        if (!how_.says_undone) return;
        for (u8 at = kept; at < entries_max; ++at) {
            const u8 term = to.nodes[who].memory.log[at];
            if (term != 0 && to.leader[term] == who + 1) to.undone[at] = term;
        }
    }
    // Acknowledgements arrive one by one, so any index that a majority has may come first.
    template <class Tell>
    void commit(const state& from, u8 who, Tell& tell) const {
        const voter& node = from.nodes[who];
        if (node.as != role::leader) return;
        const u8 term = node.memory.term;
        for (u8 upto = length(node.memory.log); upto > node.commit; --upto) {
            if (node.memory.log[upto - 1u] != term) return;  // Raft §5.4.2
            const entries& own = off(hold_off::own_match) ? node.memory.log : node.disk.log;
            u8 have =
                common(own, node.memory.log, upto) == upto ? static_cast<u8>(1u << who) : u8{0};
            for (u8 other = 0; other < how_.voters; ++other) {
                if (other != who && harm_.match(from, term, other) >= upto) {
                    have |= static_cast<u8>(1u << other);
                }
            }
            if (!quorum(how_, have)) continue;
            state to = from;
            to.nodes[who].commit = upto;
            for (u8 at = 0; at < upto; ++at) {
                const u8 entry = node.memory.log[at];
                if (to.committed[at] != 0 && to.committed[at] != entry) to.wrong = 4;
                if (to.undone[at] == entry) to.wrong = 5;
                if (to.committed[at] == 0) to.committed_in[at] = term;
                to.committed[at] = entry;
            }
            tell(to, "commits", who, upto);
        }
    }
    template <class Tell>
    void crash(const state& from, u8 who, Tell& tell) const {
        if (from.crashes == 0) return;
        for (u8 kept = 0; kept <= from.nodes[who].waits; ++kept) {
            state to = from;
            --to.crashes;
            voter& node = to.nodes[who];
            if (kept != 0) node.disk = node.waiting[kept - 1u];
            node.waiting = {};
            node.memory = node.disk;
            node.waits = node.commit = node.verified = 0;
            node.as = role::follower;
            harm_.crashed(node);
            tell(to, "crashes; batches kept", who, kept);
        }
    }

    setup how_;
    damage harm_;
    state first_;
};

}  // namespace models::raft
