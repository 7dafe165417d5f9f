#pragma once
// The safety checker: ghost state outside the nodes. It is told of every batch given to a disk,
// every completion, every message that leaves, every state of a core, every applied entry and every
// snapshot, and compares them with what Raft promises (Figure 3 of the paper) and what the kit
// adds. The numbers I-n are those of the kit's list of invariants:
//
//   I-1   election safety, one grant a (term, voter) over restarts
//   I-2   log matching
//   I-3   leader completeness
//   I-4   state machine safety, without gap, equal states
//   I-5   what was acknowledged stays durable
//   I-6   a snapshot is a prefix
//   I-7   one uncommitted configuration, and the newest one is in force
//   I-9   what only rises
//   I-10  no compaction past a durable snapshot
//   I-12  bytes on their way
//   I-14  nothing leaves after a failed write
//
// Nothing here asks a node for its opinion of these rules. The first violation is kept in words;
// later ones are usually its consequences.

#include <map>
#include <set>
#include <string>
#include <utility>

#include <raftkit/core/configuration.hpp>
#include <raftkit/core/message.hpp>
#include <raftkit/core/options.hpp>
#include <raftkit/testing/check/ghost_node.hpp>
#include <raftkit/testing/words.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

class safety {
public:
    explicit safety(configuration bootstrap) { configurations_[{{}, {}}] = std::move(bootstrap); }
    // What may be on its way to one peer at most (I-12); one message may cross the limit.
    void limit_inflight(const core::options& numbers) noexcept {
        inflight_bytes_max_ = numbers.inflight_bytes_max +
                              std::max<u64>(numbers.message_bytes_max, numbers.command_bytes_max) +
                              record_header_bytes;
    }

    bool ok() const noexcept { return violation_.empty(); }
    const std::string& violation() const noexcept { return violation_; }
    index_t committed() const noexcept { return {committed_.size()}; }
    index_t acknowledged() const noexcept { return acknowledged_; }
    const ghost_node& of(node_id who) { return nodes_[who]; }
    // The newest committed one.
    const configuration& members_now() const { return committed_members(committed()); }
    std::size_t terms_led() const noexcept { return leaders_.size(); }

    // --- life
    void started(node_id who) { nodes_[who].up = true; }
    void crashed(node_id who);
    // What the node found on its disk, before it does anything.
    void recovered(node_id who, const hard_state& hard, log_id base, log_id last);
    void failed(node_id who) { nodes_[who].failed = true; }

    // --- disk
    void persisting(node_id who, const persist_batch& batch);
    // Durable from now on. Call it before the core hears of it.
    void durable(node_id who, ticket upto);
    void compacting(node_id who, const log_base& upto);

    // --- wire and core
    void sending(node_id from, const envelope& mail);
    // After every input of a core, before its effects are looked at.
    void observe(node_id who, const core::status& now);
    // After its batch was announced: only then is the ghost of its log as new as its commit index.
    void check_commit(node_id who);
    // Likewise: the configuration that its core goes by.
    void check_in_force(node_id who, const configuration& members);

    // --- machine
    void applied(node_id who, const entry_view& entry);
    void applied_command(node_id who, const entry_view& entry);
    void check_applied(node_id who);
    // The digest of a machine that has applied everything up to `at`.
    void digest(node_id who, index_t at, u64 value);
    void acknowledged(node_id who, log_id at);
    void acknowledged_command(node_id who, index_t at, byte_span body);

    // Was a command with this body ever applied? Bodies are unique.
    bool executed(byte_span body) const { return executed_.contains(hash_of(body)); }

    // --- snapshots
    void published(node_id who, const snapshot_meta& meta);
    void removed(node_id who, snapshot_id id);
    // The disk damaged it behind the node's back.
    void rotted(node_id who, snapshot_id id) { nodes_[who].rotten = id.at.index; }
    // All that a store holds, when it is opened.
    void listed(node_id who, const std::vector<snapshot_meta>& all);
    void restored(node_id who, log_id at);

private:
    using place = std::pair<index_t, term_t>;

    void broken(const char* rule, node_id who, const std::string& what, u64 at = 0) {
        if (!violation_.empty()) return;
        violation_ = std::string(rule) + " node " + std::to_string(who.value) + ": " + what;
        if (at != 0) violation_ += " at " + std::to_string(at);
    }
    void take_entry(node_id who, ghost_node& node, const entry_view& entry, ghost_batch& batch);
    void take_reset(node_id who, ghost_node& node, const log_base& reset, ghost_batch& batch);
    void check_supersedes(node_id who, const ghost_node& node, index_t first, u64 chain);
    void check_change(node_id who, const ghost_node& node, log_id change);
    void check_hard(node_id who, const hard_state& before, const hard_state& after, bool resets);
    void check_leader(node_id who, const core::status& now);
    void advance_commit(node_id who, term_t term);
    void check_rising(node_id who, const core::status& before, const core::status& now);
    void check_bounds(node_id who, const core::status& now);
    void check_vote(node_id from, node_id to, const vote_reply& reply);
    void check_append(node_id from, const append_request& append);
    void check_append_reply(node_id from, const append_reply& reply);
    void check_done(node_id from, const snapshot_done& done);
    void keep_leader_log(node_id who);
    void pass_silent(node_id who, index_t upto);
    void check_members(node_id who, const char* of, index_t at, const configuration& members);
    bool durable_on_majority(const configuration& members, index_t at, u64 chain) const;
    bool leads(node_id who, term_t term) const {
        const auto leader = leaders_.find(term);
        return leader != leaders_.end() && leader->second == who;
    }
    bool led_unseen(node_id who, term_t term);
    // Of the newest membership entry at or below `upto`.
    const configuration& members_of(const ghost_log& log, index_t upto) const;
    const configuration& committed_members(index_t upto) const;
    const ghost_log* log_of_leader(term_t term) const;

    std::string violation_;
    std::map<node_id, ghost_node> nodes_;
    std::map<term_t, node_id> leaders_;                     // I-1; never forgotten
    std::map<std::pair<term_t, node_id>, node_id> grants_;  // I-1; (term, voter) -> candidate
    std::map<term_t, ghost_log> leader_logs_;               // of terms that are over
    std::map<place, u64> chains_;                           // I-2
    std::map<place, configuration> configurations_;
    std::vector<ghost_entry> committed_;  // from index 1
    std::vector<term_t> committed_by_;    // the term of the leader; never falls
    std::vector<index_t> committed_changes_;
    std::vector<std::pair<u64, bool>> digests_;  // by index: value, known
    std::map<snapshot_id, digest128, bool (*)(snapshot_id, snapshot_id) noexcept> contents_{older};
    std::set<u64> executed_;  // hashes of the bodies of applied commands
    index_t acknowledged_;
    u64 inflight_bytes_max_ = ~u64{0};
};

}  // namespace testing

RAFTKIT_NAMESPACE_END

#include <raftkit/testing/check/safety/disk.hpp>
#include <raftkit/testing/check/safety/machine.hpp>
#include <raftkit/testing/check/safety/wire.hpp>
