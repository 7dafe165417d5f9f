#pragma once
// Bodies of testing/trace/checker.hpp: lives, and what a disk keeps through them. Included by it.

#include <raftkit/testing/trace/checker.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

inline trace_checker::members_seen trace_checker::members() {
    members_seen made;
    made.voters = list("voters");
    made.old = list("old");
    made.learners = list("learners");
    return made;
}

inline void trace_checker::boot() {
    if (line_ != 1) return broken(trace_rule::syntax, "boot is the first line and no other");
    members_[{{}, {}}] = members();
    chains_[{{}, {}}] = 0;
}

// A start may stand before what is recovered or behind it; anything else comes later.
inline bool trace_checker::life_event(std::string_view name, node_seen& node) {
    if (name == "start") {
        if (node.spoke) broken(trace_rule::life, "a second start without a crash");
        node.up = true;
        return true;
    }
    if (name == "recover") {
        if (node.spoke) broken(trace_rule::life, "recovers in the middle of its life");
        node.up = true;
        recover(node);
        return true;
    }
    if (name == "crash") {
        if (!node.up) broken(trace_rule::life, "a crash of a node that is down");
        crash(node);
        return true;
    }
    return false;
}

inline void trace_checker::crash(node_seen& node) {
    check_commit(node);
    node.up = node.spoke = false;
    node.now.reset();
    node.applied = node.rotten = {};
}

// What is durable for certain, and any front of what was on its way.
inline void trace_checker::recover(node_seen& node) {
    const term_t term{number("term")};
    const node_id vote{number("vote")};
    const log_id base{{number("base")}, {number("base_term")}};
    const log_id last{{number("last")}, {number("last_term")}};
    ghost_disk disk = node.durable;
    std::optional<ghost_disk> found;
    const auto look = [&] {
        const bool same_base = disk.log.base().index <= base.index &&
                               base.index <= std::max(node.compacted, disk.log.base().index) &&
                               disk.log.term_at(base.index) == base.term;
        const bool same_hard = disk.hard.term == term && disk.hard.voted_for == vote;
        if (same_base && same_hard && disk.log.last() == last) found = disk;
    };
    look();
    for (const ghost_batch& batch : node.waiting) {
        disk.keep(batch);
        look();
    }
    if (!found) return broken(trace_rule::durable, "found another log or vote than it kept");
    node.durable = *found;
    node.memory = std::move(*found);
    node.waiting.clear();
    node.last_ticket = node.last_durable = {};
    node.compacted = base.index;
    if (vote) votes_.try_emplace({term, who_}, vote);
}

inline void trace_checker::spell_members() {
    const log_id at = position();
    members_seen spelt = members();
    const auto [known, fresh] = members_.try_emplace({at.index, at.term}, spelt);
    if (!fresh && known->second != spelt) {
        broken(trace_rule::matching, "another configuration in the same entry", at.index.value);
    }
}

inline void trace_checker::persist(node_seen& node) {
    ghost_batch batch;
    batch.id = {number("ticket")};
    if (batch.id <= node.last_ticket) broken(trace_rule::tickets, "ticket", batch.id.value);
    node.last_ticket = batch.id;
    if (has("term")) take_hard(node, batch);
    if (ok() && has("reset")) take_reset(node, batch);
    if (ok() && has("first")) take_entries(node, batch);
    if (ok()) node.waiting.push_back(std::move(batch));
}

inline void trace_checker::take_hard(node_seen& node, ghost_batch& batch) {
    const hard_state next{{number("term")}, {number("vote")}, {}};
    const hard_state& before = node.memory.hard;
    if (next.term < before.term) broken(trace_rule::term_rises, "to", next.term.value);
    const bool changed = before.voted_for && before.voted_for != next.voted_for;
    if (next.term == before.term && changed) {
        broken(trace_rule::one_vote, "for " + std::to_string(next.voted_for.value) + " in term",
               next.term.value);
    }
    batch.hard = node.memory.hard = next;
}

inline void trace_checker::take_reset(node_seen& node, ghost_batch& batch) {
    const log_id at{{number("reset")}, {number("reset_term")}};
    bool carried = false;
    for (const shelved& each : node.shelf) carried = carried || each.at == at;
    // The reset of a first start only writes down the members.
    if (at.index && !carried)
        broken(trace_rule::compaction, "no durable snapshot at", at.index.value);
    if (!is_committed(at)) broken(trace_rule::snapshots, "a reset to", at.index.value);
    if (node.applied > at.index) broken(trace_rule::rises, "a reset to", at.index.value);
    const auto chain = chains_.find({at.index, at.term});
    if (chain == chains_.end())
        broken(trace_rule::snapshots, "of an unknown entry", at.index.value);
    if (!ok()) return;
    batch.reset = at;
    batch.reset_chain = chain->second;
    node.memory.log.reset(at, chain->second);
}

inline void trace_checker::take_entries(node_seen& node, ghost_batch& batch) {
    const u64 first = number("first");
    const std::vector<u64> terms = list("terms"), kinds = list("kinds"), sums = list("sums");
    if (terms.empty() || terms.size() != kinds.size() || terms.size() != sums.size()) {
        return broken(trace_rule::syntax, "terms, kinds and sums of one length");
    }
    for (std::size_t at = 0; at < terms.size(); ++at) {
        if (!take_entry(node, batch, {{first + at}, {terms[at]}}, kinds[at], sums[at])) return;
    }
}

inline bool trace_checker::take_entry(node_seen& node, ghost_batch& batch, log_id at, u64 kind,
                                      u64 sum) {
    ghost_log& log = node.memory.log;
    const index_t index = at.index;
    const bool gap = index <= log.base().index || index > log.last_index().next();
    if (gap || at.term < log.term_at(index.previous()) || at.term > node.memory.hard.term) {
        broken(trace_rule::gapless, "an entry at", index.value);
        return false;
    }
    if (log.holds(index) && node.now && node.now->role == "leader") {
        broken(trace_rule::append_only, "the entry at", index.value);
        return false;
    }
    u64 chain = chained(log.chain_at(index.previous()), index.value);
    chain = chained(chained(chain, at.term.value), sum);
    const auto [known, fresh] = chains_.try_emplace({index, at.term}, chain);
    if (!fresh && known->second != chain) {
        broken(trace_rule::matching, "another entry at", index.value);
    } else if (fresh && !leads(who_, at.term)) {
        broken(trace_rule::one_leader, "an entry that its term's leader did not make at",
               index.value);
    }
    if (ok() && log.holds(index)) {
        check_supersedes(node, index, chain);
        log.truncate(index);
    }
    const auto as = static_cast<entry_kind>(kind);
    if (ok() && as == entry_kind::membership && fresh) check_change(node, at);
    const ghost_entry kept{at.term, chain, as};
    if (batch.entries.empty()) batch.first = index;
    batch.entries.push_back(kept);
    log.append(kept);
    return ok();
}

inline void trace_checker::check_supersedes(const node_seen& node, index_t at, u64 chain) {
    const ghost_log& log = node.memory.log;
    const bool same = log.chain_at(at) == chain;
    const bool decided = at <= committed() && committed_[at.value - 1].chain == log.chain_at(at);
    if (same || decided) broken(trace_rule::superseded, "the entry at", at.value);
}

// The former change is committed, an entry of the leader's term too (a leader may otherwise be
// replaced by one that never saw either), and the step leads into or out of a joint configuration.
inline void trace_checker::check_change(const node_seen& node, log_id at) {
    const auto spelt = members_.find({at.index, at.term});
    if (spelt == members_.end()) {
        return broken(trace_rule::syntax, "a membership entry that is not spelt out at",
                      at.index.value);
    }
    const ghost_log& log = node.memory.log;
    const members_seen& before = members_of(log);
    const members_seen& after = spelt->second;
    if (log.members_at(log.last_index()) > committed()) {
        broken(trace_rule::changes, "two at once, the second at", at.index.value);
    }
    if (committed_by_.empty() || committed_by_.back() < at.term) {
        broken(trace_rule::changes, "before a commit of its term, at", at.index.value);
    }
    const bool enters = !before.joint() && after.joint() && after.old == before.voters;
    const bool leaves = before.joint() && !after.joint() && after.voters == before.voters;
    if (!enters && !leaves) broken(trace_rule::changes, "not by a legal step, at", at.index.value);
}

inline void trace_checker::durable(node_seen& node) {
    check_commit(node);
    const ticket upto{number("ticket")};
    if (upto <= node.last_durable || upto > node.last_ticket) {
        broken(trace_rule::tickets, "durable", upto.value);
    }
    node.last_durable = upto;
    while (!node.waiting.empty() && node.waiting.front().id <= upto) {
        node.durable.keep(node.waiting.front());
        node.waiting.pop_front();
        const hard_state& hard = node.durable.hard;
        if (hard.voted_for) votes_.try_emplace({hard.term, who_}, hard.voted_for);
    }
}

inline void trace_checker::compact(node_seen& node) {
    const log_id upto = position();
    const ghost_log& log = node.memory.log;
    pass_silent(node, upto.index);
    if (upto.index > node.newest_snapshot() || upto.index > node.applied) {
        broken(trace_rule::compaction, "compacts to", upto.index.value);
    }
    if (!log.knows(upto.index) || log.term_at(upto.index) != upto.term) {
        broken(trace_rule::compaction, "compacts to an entry that it does not have",
               upto.index.value);
    }
    node.compacted = std::max(node.compacted, upto.index);
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
