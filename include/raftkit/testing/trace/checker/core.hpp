#pragma once
// Bodies of testing/trace/checker.hpp: offices, commits and promises. Included by it.

#include <raftkit/testing/trace/checker.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

inline void trace_checker::state(node_seen& node) {
    state_seen next;
    next.role = word("role");
    next.term = number("term");
    next.leader = number("leader");
    next.first = number("first");
    next.last = number("last");
    next.commit = number("commit");
    next.applied = number("applied");
    if (!ok()) return;
    check_role(node, next);
    check_rises(node, next);
    if (next.applied > next.commit || next.commit > next.last) {
        broken(trace_rule::bounds,
               "applied " + std::to_string(next.applied) + " commit " +
                   std::to_string(next.commit) + " last",
               next.last);
    }
    const bool led = node.now && node.now->role == "leader";
    const u64 led_term = led ? node.now->term : 0;
    if (ok() && next.role == "leader" && led_term != next.term) lead(node, {next.term});
    const auto leader = leaders_.find({next.term});
    if (next.leader != 0 && (leader == leaders_.end() || leader->second.value != next.leader)) {
        broken(trace_rule::one_leader, "follows who does not lead,", next.leader);
    }
    // A leader may commit and lose its office between two lines.
    const bool over = led && (next.role != "leader" || next.term != led_term);
    node.now = std::move(next);
    if (ok() && (led || node.now->role == "leader")) {
        commit(node, {over ? led_term : node.now->term});
    }
    if (node.now->commit > committed().value) {
        broken(trace_rule::quorum, "a commit that no leader made,", node.now->commit);
    }
}

inline void trace_checker::check_role(const node_seen& node, const state_seen& next) {
    const bool known = next.role == "follower" || next.role == "precandidate" ||
                       next.role == "candidate" || next.role == "leader";
    if (!known) return broken(trace_rule::syntax, "no such role: " + next.role);
    if (next.role == "leader" && next.leader != who_.value) {
        return broken(trace_rule::roles, "a leader that follows", next.leader);
    }
    if (!node.now) {
        if (next.role == "leader") broken(trace_rule::roles, "leads from its start");
        return;
    }
    const state_seen& before = *node.now;
    const bool same_term = before.term == next.term;
    if (before.role == "leader" && next.role == "leader" && !same_term) {
        broken(trace_rule::roles, "leads on into term", next.term);
    }
    const bool was_less = before.role == "follower" || before.role == "leader";
    if (same_term && was_less && next.role == "candidate") {
        broken(trace_rule::roles, "a candidate without a new term,", next.term);
    }
}

inline void trace_checker::check_rises(const node_seen& node, const state_seen& next) {
    if (!node.now) return;
    const state_seen& before = *node.now;
    if (next.term < before.term) broken(trace_rule::term_rises, "to", next.term);
    if (next.commit < before.commit) broken(trace_rule::rises, "commit to", next.commit);
    if (next.first < before.first) broken(trace_rule::rises, "first to", next.first);
    // A snapshot that rotted takes back what was taken from it.
    if (next.applied < before.applied && before.applied != node.rotten.value) {
        broken(trace_rule::rises, "applied to", next.applied);
    }
}

inline void trace_checker::lead(const node_seen& node, term_t term) {
    const auto [known, fresh] = leaders_.try_emplace(term, who_);
    if (!fresh) {
        return broken(trace_rule::one_leader,
                      "node " + std::to_string(known->second.value) + " led term", term.value);
    }
    const ghost_log& log = node.memory.log;
    const bool elected = majority(members_of(log), [&](node_id voter) {
        const auto vote = votes_.find({term, voter});
        return vote != votes_.end() && vote->second == who_;
    });
    if (!elected) broken(trace_rule::elected, "term", term.value);
    // Late votes may make a leader of an old term: it needs what older leaders committed.
    std::size_t owed = committed_.size();
    while (owed > 0 && committed_by_[owed - 1] >= term) --owed;
    if (owed == 0 || owed <= log.base().index.value) return;
    if (!log.knows({owed}) || log.chain_at({owed}) != committed_[owed - 1].chain) {
        broken(trace_rule::complete, "lacks entry", owed);
    }
}

// Raft §5.4.2: counting is for entries of the own term; older ones are committed by being below.
inline void trace_checker::commit(const node_seen& node, term_t term) {
    const index_t upto{node.now->commit};
    if (upto <= committed()) return;
    const ghost_log& log = node.memory.log;
    if (!log.holds(upto)) return broken(trace_rule::bounds, "commits past its log", upto.value);
    if (log.term_at(upto) != term) broken(trace_rule::own_term, "commits", upto.value);
    const u64 chain = log.chain_at(upto);
    const bool kept = majority(members_of(log), [&](node_id voter) {
        const auto found = nodes_.find(voter);
        if (found == nodes_.end()) return false;
        const ghost_log& theirs = found->second.durable.log;
        return upto < theirs.base().index || (theirs.knows(upto) && theirs.chain_at(upto) == chain);
    });
    if (!kept) broken(trace_rule::quorum, "commits", upto.value);
    for (index_t index = committed().next(); index <= upto; index = index.next()) {
        if (!log.holds(index)) return broken(trace_rule::complete, "lacks entry", index.value);
        committed_.push_back(log.at(index));
        committed_by_.push_back(term);
        if (log.at(index).kind == entry_kind::membership) committed_changes_.push_back(index);
    }
}

// A node's commit index may be told before the batch that it speaks of, so this looks at it later.
inline void trace_checker::check_commit(const node_seen& node) {
    if (!node.now || !node.now->commit) return;
    const index_t upto{node.now->commit};
    const ghost_log& log = node.memory.log;
    if (log.knows(upto) && log.chain_at(upto) != committed_[upto.value - 1].chain) {
        broken(trace_rule::matching, "calls another entry committed,", upto.value);
    }
}

inline void trace_checker::go_by(const node_seen& node) {
    const members_seen said = members();
    const ghost_log& log = node.memory.log;
    // A node that joined without a list knows none before the first membership entry.
    if (!log.members_at(log.last_index()) && said == members_seen{}) return;
    if (said != members_of(log)) broken(trace_rule::in_force, "goes by another one");
}

inline void trace_checker::promise(std::string_view name, const node_seen& node) {
    check_commit(node);
    const node_id to{number("to")};
    const term_t term{number("term")};
    const hard_state& hard = node.durable.hard;
    if (name == "ack") {
        const index_t match{number("match")};
        const bool kept = hard.term >= term && match <= node.durable.log.last_index();
        if (!kept) broken(trace_rule::promises, "acknowledges", match.value);
        if (!leads(to, term)) broken(trace_rule::promises, "an answer to no leader");
        return;
    }
    const node_id candidate = name == "ask" ? who_ : to;
    if (hard.term < term) broken(trace_rule::promises, "a term that is not durable,", term.value);
    const auto vote = votes_.find({term, who_});
    if (vote == votes_.end() || vote->second != candidate) {
        broken(trace_rule::promises, "a vote that is not durable, in term", term.value);
    }
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
