#pragma once
// Bodies of testing/trace/checker.hpp: machines and snapshots. Included by it.

#include <raftkit/testing/trace/checker.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

// Machines see commands only: barriers and membership entries pass by in silence.
inline void trace_checker::pass_silent(node_seen& node, index_t upto) {
    while (node.applied < upto && node.applied < committed()) {
        if (committed_[node.applied.value].kind == entry_kind::command) return;
        node.applied = node.applied.next();
    }
}

inline void trace_checker::apply(node_seen& node) {
    check_commit(node);
    const log_id at = position();
    const u64 sum = number("sum");
    const index_t index = at.index;
    if (!ok()) return;
    pass_silent(node, index.previous());
    if (index != node.applied.next()) {
        return broken(trace_rule::machine, "out of order, at", index.value);
    }
    if (index > committed()) return broken(trace_rule::machine, "uncommitted", index.value);
    const ghost_entry& truth = committed_[index.value - 1];
    const u64 before = index.value > 1 ? committed_[index.value - 2].chain : 0;
    const u64 chain = chained(chained(chained(before, index.value), at.term.value), sum);
    if (truth.term != at.term || truth.chain != chain) {
        return broken(trace_rule::machine, "another entry than was committed,", index.value);
    }
    if (index > node.durable.log.last_index()) {
        broken(trace_rule::machine, "not durable here,", index.value);
    }
    node.applied = index;
}

inline void trace_checker::publish(node_seen& node, const shelved& made, bool captured) {
    if (!ok()) return;
    if (!is_committed(made.at)) broken(trace_rule::snapshots, "a snapshot at", made.at.index.value);
    if (captured) {
        pass_silent(node, made.at.index);
        if (made.at.index > node.applied) {
            broken(trace_rule::snapshots, "not applied here,", made.at.index.value);
        }
    }
    if (std::find(node.shelf.begin(), node.shelf.end(), made) == node.shelf.end()) {
        node.shelf.push_back(made);
    }
}

inline void trace_checker::shelf(node_seen& node) {
    const std::vector<u64> indexes = list("indexes"), terms = list("terms"),
                           nonces = list("nonces");
    if (indexes.size() != terms.size() || indexes.size() != nonces.size()) {
        return broken(trace_rule::syntax, "indexes, terms and nonces of one length");
    }
    node.shelf.clear();
    for (std::size_t at = 0; at < indexes.size(); ++at) {
        publish(node, {{{indexes[at]}, {terms[at]}}, nonces[at]}, false);
    }
    const index_t begins = std::max(node.compacted, node.durable.log.base().index);
    if (node.newest_snapshot() < begins) {
        broken(trace_rule::compaction, "lost the snapshot at", begins.value);
    }
}

inline void trace_checker::remove(node_seen& node) {
    const shelved gone{position(), number("nonce")};
    std::erase(node.shelf, gone);
    const index_t begins = std::max(node.compacted, node.durable.log.base().index);
    if (node.newest_snapshot() < begins) {
        broken(trace_rule::compaction, "removed the snapshot at", gone.at.index.value);
    }
}

inline void trace_checker::restore(node_seen& node) {
    const log_id at = position();
    if (at.index < node.applied) broken(trace_rule::rises, "a restore to", at.index.value);
    if (!is_committed(at)) broken(trace_rule::snapshots, "a restore to", at.index.value);
    node.applied = at.index;
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
