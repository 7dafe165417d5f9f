#pragma once
// Bodies of testing/check/safety.hpp: what machines apply, snapshots hold and clients are told.
// Included by it.

#include <raftkit/testing/check/safety.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

inline void safety::applied(node_id who, const entry_view& entry) {
    ghost_node& node = nodes_[who];
    const index_t index = entry.at.index;
    if (index != node.applied.next()) {  // known bug 32
        return broken("I-4", who,
                      "applies out of order, behind " + std::to_string(node.applied.value),
                      index.value);
    }
    if (index > committed()) return broken("I-4", who, "applies an uncommitted entry", index.value);
    // A snapshot of what a crash can take would be ahead of its own log.
    if (index > node.durable.log.last_index()) {
        broken("I-9", who, "applies what is not durable here", index.value);
    }
    const ghost_entry& truth = committed_[index.value - 1];
    const u64 before = index.value > 1 ? committed_[index.value - 2].chain : 0;
    if (truth.term != entry.at.term || truth.chain != entry_chain(before, entry)) {
        return broken("I-4", who, "applies another entry than was committed", index.value);
    }
    node.applied = index;
}

// A host's machine sees commands only: barriers and membership entries pass by in silence.
inline void safety::applied_command(node_id who, const entry_view& entry) {
    pass_silent(who, entry.at.index.previous());
    applied(who, entry);
    executed_.insert(hash_of(entry.body));
}

inline void safety::pass_silent(node_id who, index_t upto) {
    ghost_node& node = nodes_[who];
    while (node.applied < upto && node.applied < committed()) {
        if (committed_[node.applied.value].kind == entry_kind::command) return;
        node.applied = node.applied.next();
    }
}

// The status says what is applied: no command may be missing.
inline void safety::check_applied(node_id who) {
    ghost_node& node = nodes_[who];
    // Until its snapshot is restored a core calls applied what lies below its log.
    if (!node.seen || node.seen->applied < node.seen->first) return;
    pass_silent(who, node.seen->applied);
    if (node.applied < node.seen->applied) {
        broken("I-4", who, "calls applied what its machine has not seen", node.seen->applied.value);
    }
}

inline void safety::digest(node_id who, index_t at, u64 value) {
    if (digests_.size() <= at.value) digests_.resize(at.value + 1);
    auto& [known, is_known] = digests_[at.value];
    if (is_known && known != value) broken("I-4", who, "states differ", at.value);
    known = value;
    is_known = true;
}

inline void safety::acknowledged(node_id who, log_id at) {
    if (nodes_[who].failed)
        broken("I-14", who, "acknowledges after a failed write", at.index.value);
    const bool is_committed =
        at.index <= committed() && committed_[at.index.value - 1].term == at.term;  // known bug 31
    if (!is_committed) broken("I-5", who, "acknowledges an uncommitted entry", at.index.value);
    if (acknowledged_ < at.index) acknowledged_ = at.index;
}

// The client knows what it asked for: the reply must be of that command and of no other (known bug
// 31).
inline void safety::acknowledged_command(node_id who, index_t at, byte_span body) {
    if (at > committed()) return broken("I-5", who, "acknowledges an uncommitted entry", at.value);
    const ghost_entry& truth = committed_[at.value - 1];
    const u64 before = at.value > 1 ? committed_[at.value - 2].chain : 0;
    const entry_view mine{{at, truth.term}, entry_kind::command, body};
    if (truth.chain != entry_chain(before, mine)) {
        return broken("I-5", who, "answers a command with another's reply", at.value);
    }
    acknowledged(who, {at, truth.term});
}

// Idempotent: a store that is opened again lists what it has.
inline void safety::published(node_id who, const snapshot_meta& meta) {
    ghost_node& node = nodes_[who];
    const index_t at = meta.id.at.index;
    if (node.snapshot(meta.id) != nullptr) return;
    if (at > committed()) return broken("I-6", who, "a snapshot of uncommitted entries", at.value);
    if (at && committed_[at.value - 1].term != meta.id.at.term) {
        return broken("I-6", who, "a snapshot with a wrong term", at.value);
    }
    check_members(who, "a snapshot", at, meta.members);  // known bug 37
    const auto [known, fresh] = contents_.try_emplace(meta.id, meta.digest);
    if (!fresh && known->second != meta.digest) {
        broken("I-6", who, "one snapshot id names two contents", at.value);
    }
    node.snapshots.push_back(meta);
}

inline void safety::removed(node_id who, snapshot_id id) {
    std::erase_if(nodes_[who].snapshots, [id](const snapshot_meta& each) { return each.id == id; });
    // What remains must still reach the log: an unreadable beginning is a lost node (known bugs 51,
    // 64).
    const ghost_node& node = nodes_[who];
    if (node.newest_snapshot() < std::max(node.compacted, node.durable.log.base().index)) {
        broken("I-10", who, "removed the snapshot that its log begins with", id.at.index.value);
    }
}

inline void safety::listed(node_id who, const std::vector<snapshot_meta>& all) {
    ghost_node& node = nodes_[who];
    node.snapshots.clear();
    for (const snapshot_meta& each : all) published(who, each);
    if (node.newest_snapshot() < std::max(node.compacted, node.durable.log.base().index)) {
        broken("I-10", who, "lost the snapshot that its log begins with", node.compacted.value);
    }
}

inline void safety::restored(node_id who, log_id at) {
    ghost_node& node = nodes_[who];
    if (at.index < node.applied) broken("I-9", who, "a restore takes state back", at.index.value);
    if (at.index > committed()) broken("I-6", who, "restores uncommitted entries", at.index.value);
    node.applied = at.index;
}

inline void safety::check_members(node_id who, const char* of, index_t at,
                                  const configuration& members) {
    if (at > committed()) return;
    const configuration& truth = committed_members(at);
    const bool same = truth.index == members.index && truth.joint == members.joint &&
                      truth.members == members.members;
    if (same) return;
    broken("I-6", who,
           std::string(of) + " carries " + words(members) + " of " + words(members.index) +
               " instead of " + words(truth) + " of " + words(truth.index),
           at.value);
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
