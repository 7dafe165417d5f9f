#pragma once
// Bodies of testing/check/safety.hpp: what goes to a disk and what comes back from it. Included by
// it.

#include <raftkit/testing/check/safety.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

inline void safety::persisting(node_id who, const persist_batch& asked) {
    ghost_node& node = nodes_[who];
    ghost_batch batch;
    batch.id = asked.id;
    if (!node.waiting.empty() && asked.id <= node.waiting.back().id) {
        broken("I-5", who, "tickets do not rise", asked.id.value);
    }
    if (asked.hard != nullptr) {
        check_hard(who, node.memory.hard, *asked.hard, asked.reset != nullptr);
        batch.hard = *asked.hard;
        node.memory.hard = *asked.hard;
    }
    if (asked.reset != nullptr) take_reset(who, node, *asked.reset, batch);
    for (const run_view& entries : asked.append) {
        index_t expected = entries.first;
        for (const entry_view entry : entries) {
            if (entry.at != log_id{expected, entries.term}) {
                broken("I-2", who, "a run's records are not consecutive", entry.at.index.value);
            }
            take_entry(who, node, entry, batch);
            if (!ok()) return;
            expected = expected.next();
        }
    }
    // Recovery starts from the hint: it must never promise what a crash can take (known bug 33).
    if (node.memory.hard.commit_hint > node.memory.log.last_index()) {
        broken("I-9", who, "commit_hint is past the log", node.memory.hard.commit_hint.value);
    }
    if (asked.hard != nullptr && asked.hard->commit_hint > committed()) {
        broken("I-4", who, "commit_hint names an uncommitted entry", asked.hard->commit_hint.value);
    }
    node.waiting.push_back(std::move(batch));
}

inline void safety::check_hard(node_id who, const hard_state& before, const hard_state& after,
                               bool resets) {
    if (after.term < before.term) broken("I-1", who, "its term fell", after.term.value);
    const bool changed = before.voted_for && after.voted_for != before.voted_for;
    if (after.term == before.term && changed) {
        broken("I-1", who, "its vote changed within a term", after.term.value);
    }
    if (after.commit_hint < before.commit_hint && !resets) {
        broken("I-9", who, "its commit_hint fell", after.commit_hint.value);
    }
}

inline void safety::take_reset(node_id who, ghost_node& node, const log_base& reset,
                               ghost_batch& batch) {
    const log_id at = reset.at;
    if (at.index) {
        if (node.memory.log.holds(at.index) && node.memory.log.term_at(at.index) == at.term) {
            broken("I-5", who, "a reset drops the suffix behind a matching entry", at.index.value);
        }
        bool carried = false;
        for (const snapshot_meta& each : node.snapshots) carried = carried || each.id.at == at;
        if (!carried) broken("I-10", who, "a reset without a durable snapshot", at.index.value);
        if (at.index > committed())
            broken("I-4", who, "a reset to an uncommitted index", at.index.value);
        check_members(who, "a reset", at.index, reset.members);
    }
    if (node.applied > at.index) broken("I-9", who, "a reset takes state back", at.index.value);
    const auto chain = chains_.find({at.index, at.term});
    if (at.index && chain == chains_.end())
        broken("I-6", who, "a reset to an unknown entry", at.index.value);
    if (!ok()) return;
    batch.reset = at;
    batch.reset_chain = at.index ? chain->second : 0;
    node.memory.log.reset(at, batch.reset_chain);
}

inline void safety::take_entry(node_id who, ghost_node& node, const entry_view& entry,
                               ghost_batch& batch) {
    ghost_log& log = node.memory.log;
    const index_t index = entry.at.index;
    if (index <= log.base().index)
        return broken("I-2", who, "an entry below the base", index.value);
    if (index > log.last_index().next()) return broken("I-2", who, "a gap in the log", index.value);
    const u64 chain = entry_chain(log.chain_at(index.previous()), entry);
    if (entry.at.term < log.term_at(index.previous())) {
        return broken("I-2", who, "terms fall along the log", index.value);
    }
    if (entry.at.term > node.memory.hard.term) {
        return broken("I-1", who, "an entry of a term above its own", index.value);
    }
    const auto [known, fresh] = chains_.try_emplace({index, entry.at.term}, chain);
    if (!fresh && known->second != chain) return broken("I-2", who, "logs differ", index.value);
    if (fresh && !leads(who, entry.at.term) && !led_unseen(who, entry.at.term)) {
        return broken("I-1", who, "a term's entry was not made by its leader", index.value);
    }
    if (log.holds(index)) {
        check_supersedes(who, node, index, chain);
        log.truncate(index);
    }
    if (entry.kind == entry_kind::membership && fresh) {
        result<configuration> members = decode_configuration(entry.body);
        if (!members) return broken("I-7", who, "a membership entry does not parse", index.value);
        members->index = index;
        configurations_[{index, entry.at.term}] = std::move(*members);
        check_change(who, node, entry.at);
    }
    const ghost_entry kept{entry.at.term, chain, entry.kind};
    if (batch.entries.empty()) batch.first = index;
    batch.entries.push_back(kept);
    log.append(kept);
    // Nobody will look at it as a leader of that term again.
    if (fresh && entry.at.term < node.memory.hard.term) leader_logs_[entry.at.term] = log;
}

// Elected and deposed between two looks: its own vote was durable, and a majority had granted.
inline bool safety::led_unseen(node_id who, term_t term) {
    const hard_state& durable = nodes_[who].durable.hard;
    const bool stood = durable.term == term && durable.voted_for == who;
    if (!stood || leaders_.contains(term)) return false;
    const ghost_log& log = nodes_[who].memory.log;
    const configuration& members = members_of(log, log.last_index());
    const auto won = [&](member_role member::*role) {
        std::size_t voters = 0, granted = 0;
        for (const member& each : members.members) {
            if (each.*role != member_role::voter) continue;
            const auto vote = grants_.find({term, each.id});
            ++voters;
            granted += each.id == who || (vote != grants_.end() && vote->second == who);
        }
        return granted * 2 > voters;
    };
    if (!won(&member::role) || (members.joint && !won(&member::old_role))) return false;
    leaders_[term] = who;
    return true;
}

// An entry takes the place of another: only an uncommitted one, only if it differs, and never on a
// leader.
inline void safety::check_supersedes(node_id who, const ghost_node& node, index_t first,
                                     u64 chain) {
    const ghost_log& log = node.memory.log;
    if (log.chain_at(first) == chain) {  // known bug 17
        return broken("I-5", who, "an entry that it already has is written again", first.value);
    }
    if (first <= committed() && committed_[first.value - 1].chain == log.chain_at(first)) {
        return broken("I-5", who, "a committed entry is superseded", first.value);
    }
    if (leads(who, node.memory.hard.term) && node.seen && node.seen->role == role_kind::leader) {
        broken("I-2", who, "a leader overwrites its log", first.value);
    }
}

// I-7: the former change is committed, and so is an entry of the leader's term (known bugs 83, 84).
inline void safety::check_change(node_id who, const ghost_node& node, log_id change) {
    const index_t at = change.index;
    const index_t former = node.memory.log.members_at(at.previous());
    if (former > committed()) broken("I-7", who, "two uncommitted configurations", at.value);
    const bool own_term = committed() && committed_by_.back() >= change.term;
    if (!own_term) broken("I-7", who, "a change before a commit of its term", at.value);
}

inline void safety::durable(node_id who, ticket upto) {
    ghost_node& node = nodes_[who];
    while (!node.waiting.empty() && node.waiting.front().id <= upto) {
        node.durable.keep(node.waiting.front());
        node.waiting.pop_front();
    }
}

inline void safety::compacting(node_id who, const log_base& upto) {
    ghost_node& node = nodes_[who];
    const index_t at = upto.at.index;
    if (at > node.newest_snapshot()) {  // known bugs 43, 44
        broken("I-10", who, "compaction past the newest durable snapshot", at.value);
    }
    pass_silent(who, at);
    if (at > node.applied) broken("I-10", who, "compaction of unapplied entries", at.value);
    if (!node.memory.log.knows(at) || node.memory.log.term_at(at) != upto.at.term) {
        broken("I-10", who, "compaction to an entry that it does not have", at.value);
    }
    // A node that joined without a list does not know what was in force before the first membership
    // entry.
    const bool unknown = upto.members.members.empty();
    if (ok() && !unknown) check_members(who, "a compaction", at, upto.members);
    if (node.compacted < at) node.compacted = at;
}

inline void safety::crashed(node_id who) {
    ghost_node& node = nodes_[who];
    keep_leader_log(who);
    node.up = false;
    node.failed = false;
    node.seen.reset();
    node.applied = {};
    // What is damaged stays so until the node itself has found it.
    const bool still_there =
        std::any_of(node.snapshots.begin(), node.snapshots.end(),
                    [&](const snapshot_meta& each) { return each.id.at.index == node.rotten; });
    if (!still_there) node.rotten = {};
}

inline void safety::recovered(node_id who, const hard_state& hard, log_id base, log_id last) {
    ghost_node& node = nodes_[who];
    ghost_disk disk = node.durable;
    std::optional<ghost_disk> found;
    const auto matches = [&] {
        const bool same_vote = disk.hard.term == hard.term && disk.hard.voted_for == hard.voted_for;
        const bool same_base = disk.log.base().index <= base.index &&
                               base.index <= std::max(node.compacted, disk.log.base().index) &&
                               disk.log.term_at(base.index) == base.term;
        return same_vote && same_base && disk.log.last() == last;
    };
    if (matches()) found = disk;
    for (const ghost_batch& batch : node.waiting) {
        disk.keep(batch);
        if (matches()) found = disk;
    }
    if (!found) {
        broken("I-5", who,
               "recovered term " + std::to_string(hard.term.value) + " vote " +
                   std::to_string(hard.voted_for.value) + " base " +
                   std::to_string(base.index.value) + " last " + std::to_string(last.index.value) +
                   "/" + std::to_string(last.term.value) + "; durable were term " +
                   std::to_string(node.durable.hard.term.value) + " last " +
                   std::to_string(node.durable.log.last_index().value) + " and " +
                   std::to_string(node.waiting.size()) + " batches in flight");
        return;
    }
    if (hard.commit_hint > last.index)
        broken("I-9", who, "recovered a hint past the log", last.index.value);
    found->hard.commit_hint = hard.commit_hint;  // an older one is as good
    node.durable = *found;
    node.memory = std::move(*found);
    node.waiting.clear();
    node.compacted = base.index;  // what was asked for and did not reach the disk never happened
    node.up = true;
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
