#pragma once
// Bodies of testing/check/safety.hpp: what leaves a node, and what its core shows. Included by it.

#include <raftkit/testing/check/safety.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

inline void safety::sending(node_id from, const envelope& mail) {
    const ghost_node& node = nodes_[from];
    const hard_state& durable = node.durable.hard;
    if (!node.up) broken("I-14", from, "a dead node sends");
    if (node.failed) broken("I-14", from, "sends after a failed write");
    if (const auto* ask = std::get_if<vote_request>(&mail.body); ask != nullptr && !ask->pre) {
        const bool kept = durable.term == ask->term && durable.voted_for == from;
        if (!kept) broken("I-1", from, "asks for votes before its own is durable", ask->term.value);
    } else if (const auto* vote = std::get_if<vote_reply>(&mail.body)) {
        check_vote(from, mail.peer, *vote);
    } else if (const auto* append = std::get_if<append_request>(&mail.body)) {
        check_append(from, *append);
    } else if (const auto* reply = std::get_if<append_reply>(&mail.body)) {
        check_append_reply(from, *reply);
    } else if (const auto* now = std::get_if<timeout_now>(&mail.body)) {
        if (!leads(from, now->term))
            broken("I-1", from, "timeout_now from no leader", now->term.value);
    } else if (const auto* done = std::get_if<snapshot_done>(&mail.body)) {
        check_done(from, *done);
    }
}

inline void safety::check_vote(node_id from, node_id to, const vote_reply& reply) {
    const hard_state& durable = nodes_[from].durable.hard;
    if (reply.pre) return;
    if (durable.term < reply.term) {
        broken("I-1", from, "answers a vote in a term that is not durable", reply.term.value);
    }
    if (!reply.granted) return;
    if (durable.term != reply.term || durable.voted_for != to) {
        broken("I-1", from, "grants a vote that is not durable", reply.term.value);
    }
    const auto [known, fresh] = grants_.try_emplace({reply.term, from}, to);
    if (!fresh && known->second != to) broken("I-1", from, "votes twice", reply.term.value);
}

inline void safety::check_append(node_id from, const append_request& append) {
    if (!leads(from, append.term)) {
        return broken("I-1", from, "an append from no leader", append.term.value);
    }
    if (append.commit > committed()) {
        broken("I-4", from, "an append announces an uncommitted index", append.commit.value);
    }
    index_t index = append.previous.index.next();
    const auto before = chains_.find({append.previous.index, append.previous.term});
    if (append.previous.index && before == chains_.end()) {
        return broken("I-2", from, "an append follows an unknown entry",
                      append.previous.index.value);
    }
    u64 chain = append.previous.index ? before->second : 0;
    for (const entry_view entry : append.entries) {  // known bug 20
        if (entry.at.index != index) broken("I-2", from, "an append skips an entry", index.value);
        chain = entry_chain(chain, entry);
        const auto known = chains_.find({entry.at.index, entry.at.term});
        if (known == chains_.end() || known->second != chain) {
            return broken("I-2", from, "an append differs from the log", entry.at.index.value);
        }
        index = index.next();
    }
    if (append.last.next() < index) broken("I-2", from, "an append names a last below its entries");
}

inline void safety::check_append_reply(node_id from, const append_reply& reply) {
    const ghost_disk& durable = nodes_[from].durable;
    if (durable.hard.term < reply.term) {
        return broken("I-1", from, "an append reply in a term that is not durable",
                      reply.term.value);
    }
    if (reply.rejected || !reply.match) return;
    if (reply.match > durable.log.last_index()) {  // known bugs 21, 27, 29
        return broken("I-5", from, "acknowledges what is not durable", reply.match.value);
    }
    const ghost_log* leader = log_of_leader(reply.term);
    if (leader == nullptr || !leader->knows(reply.match) || !durable.log.knows(reply.match)) return;
    if (leader->chain_at(reply.match) != durable.log.chain_at(reply.match)) {
        broken("I-5", from, "acknowledges entries that the leader does not have",
               reply.match.value);
    }
}

inline void safety::check_done(node_id from, const snapshot_done& done) {
    if (done.status == install_status::already_have) {
        const index_t held = nodes_[from].durable.log.last_index();
        if (done.match > held)
            broken("I-5", from, "acknowledges what is not durable", done.match.value);
        return;
    }
    if (done.status != install_status::installed) return;
    const ghost_node& node = nodes_[from];
    if (node.durable.hard.term < done.term) {
        broken("I-1", from, "a snapshot reply in a term that is not durable", done.term.value);
    }
    const auto chain = chains_.find({done.id.at.index, done.id.at.term});
    if (chain == chains_.end()) return broken("I-6", from, "installed an unknown snapshot");
    // A published snapshot that is being installed stands for its entries: opening finishes the
    // install.
    const snapshot_meta* kept = node.snapshot(done.id);
    const bool carried = kept != nullptr && kept->installing;
    if (!carried && !node.holds_durably(done.id.at.index, chain->second)) {
        broken("I-5", from, "acknowledges a snapshot before its log begins there",
               done.id.at.index.value);
    }
    if (node.newest_snapshot() < done.id.at.index) {
        broken("I-6", from, "acknowledges a snapshot that is not published",
               done.id.at.index.value);
    }
}

inline void safety::observe(node_id who, const core::status& now) {
    ghost_node& node = nodes_[who];
    const bool led = node.seen && node.seen->role == role_kind::leader;
    const bool still = now.role == role_kind::leader && node.seen && node.seen->term == now.term;
    if (led && !still) keep_leader_log(who);
    if (now.role == role_kind::leader && !(led && still)) check_leader(who, now);
    if (node.seen) check_rising(who, *node.seen, now);
    check_bounds(who, now);
    // A leader may commit and lose its office between two looks: what it committed then was its own
    // term's.
    const term_t term = led && !still ? node.seen->term : now.term;
    node.seen = now;
    if (now.role == role_kind::leader || led) advance_commit(who, term);
}

inline void safety::check_leader(node_id who, const core::status& now) {
    const auto [known, fresh] = leaders_.try_emplace(now.term, who);
    if (!fresh) {
        return broken("I-1", who,
                      known->second == who ? "leads a term twice" : "a second leader of a term",
                      now.term.value);
    }
    const hard_state& durable = nodes_[who].durable.hard;
    if (durable.term != now.term || durable.voted_for != who) {
        broken("I-1", who, "leads before its own vote is durable", now.term.value);
    }
    // Late grants may make a leader of an old term: it needs what older leaders committed.
    std::size_t owed = committed_.size();
    while (owed > 0 && committed_by_[owed - 1] >= now.term) --owed;
    const ghost_log& log = nodes_[who].memory.log;
    if (owed == 0 || owed <= log.base().index.value) return;
    if (!log.knows({owed}) || log.chain_at({owed}) != committed_[owed - 1].chain) {
        broken("I-3", who, "a leader lacks a committed entry", owed);
    }
}

// A leader commits what it announced to its disk in an earlier step, so its log is known here
// already.
inline void safety::advance_commit(node_id who, term_t term) {
    const core::status& now = *nodes_[who].seen;
    const ghost_log& log = nodes_[who].memory.log;
    if (now.commit <= committed()) return;
    if (!log.holds(now.commit)) return broken("I-9", who, "commits past its log", now.commit.value);
    if (log.term_at(now.commit) != term) {  // Raft §5.4.2, known bug 16
        broken("I-3", who, "commits an entry of an older term by counting", now.commit.value);
    }
    configuration members = members_of(log, log.last_index());
    // The same step may commit a joint configuration, leave it and commit what stands behind it,
    // all before its new entry is shown: from the joint one on the new members alone decide.
    const index_t joint = members.joint ? members.index : now.commit;
    if (joint < now.commit && durable_on_majority(members, joint, log.chain_at(joint))) {
        members.joint = false;
        for (member& each : members.members) each.old_role = member_role::none;
    }
    if (!durable_on_majority(members, now.commit, log.chain_at(now.commit))) {
        broken("I-5", who, "commits without a durable majority", now.commit.value);
    }
    for (index_t index = committed().next(); index <= now.commit; index = index.next()) {
        if (!log.holds(index))
            return broken("I-3", who, "commits what it does not have", index.value);
        committed_.push_back(log.at(index));
        committed_by_.push_back(term);
        if (log.at(index).kind == entry_kind::membership) committed_changes_.push_back(index);
    }
}

inline void safety::check_commit(node_id who) {
    const ghost_node& node = nodes_[who];
    if (!node.seen) return;
    const index_t commit = node.seen->commit;
    if (commit > committed()) {
        return broken("I-4", who, "a commit index that no leader made", commit.value);
    }
    const bool known = commit && node.memory.log.knows(commit);
    if (known && node.memory.log.chain_at(commit) != committed_[commit.value - 1].chain) {
        broken("I-4", who, "calls another entry committed", commit.value);
    }
}

// I-7: the newest in the log, else that of the snapshot it begins with, else the first of all.
inline void safety::check_in_force(node_id who, const configuration& members) {
    const ghost_log& log = nodes_[who].memory.log;
    const index_t newest = log.members_at(log.last_index());
    // A node that joined without a list knows none before the first membership entry.
    if (!newest && members.members.empty()) return;
    const configuration& truth = members_of(log, log.last_index());
    if (truth.joint == members.joint && truth.members == members.members) return;
    broken("I-7", who, "goes by " + words(members) + " instead of " + words(truth), newest.value);
}

inline void safety::check_rising(node_id who, const core::status& before, const core::status& now) {
    const auto rises = [&](const char* what, auto was, auto is) {
        if (is < was) broken("I-9", who, std::string(what) + " fell to", is.value);
    };
    rises("term", before.term, now.term);
    rises("commit", before.commit, now.commit);
    const index_t rotten = nodes_[who].rotten;
    if (before.applied != rotten) rises("applied", before.applied, now.applied);
    rises("first", before.first, now.first);
    if (before.snapshot != rotten) rises("snapshot", before.snapshot, now.snapshot);
    if (before.role != role_kind::leader || now.role != role_kind::leader ||
        before.term != now.term) {
        return;
    }
    for (u32 new_slot = 0; new_slot < now.peer_count; ++new_slot) {
        const core::peer_status& is = now.peers[new_slot];
        for (u32 old_slot = 0; old_slot < before.peer_count; ++old_slot) {
            const core::peer_status& was = before.peers[old_slot];
            const bool member = was.role != member_role::none && is.role != member_role::none;
            // Removed: forgotten with its name.
            if (was.id == is.id && member) rises("match", was.match, is.match);
        }
    }
}

inline void safety::check_bounds(node_id who, const core::status& now) {
    if (now.applied > now.commit) broken("I-9", who, "applied past commit", now.applied.value);
    if (now.commit > now.last) broken("I-9", who, "commit past last", now.commit.value);
    if (now.stable > now.last) broken("I-9", who, "stable past last", now.stable.value);
    if (now.first > now.snapshot.next())
        broken("I-10", who, "a gap after the snapshot", now.first.value);
    if (now.role != role_kind::leader) return;
    for (u32 slot = 0; slot < now.peer_count; ++slot) {
        const core::peer_status& peer = now.peers[slot];
        if (peer.id == who) continue;
        if (peer.match >= peer.next) broken("I-9", who, "match reaches next", peer.match.value);
        if (peer.inflight_bytes > inflight_bytes_max_) {
            broken("I-12", who, "more under way than allowed", peer.inflight_bytes);
        }
        const ghost_node& holder = nodes_[peer.id];         // known bugs 21, 22
        if (holder.durable.hard.term > now.term) continue;  // a later leader may have cut it
        if (peer.match > std::max(holder.durable.log.last_index(), holder.newest_snapshot())) {
            broken("I-9", who, "match is more than the peer holds", peer.match.value);
        }
    }
}

inline void safety::keep_leader_log(node_id who) {
    const ghost_node& node = nodes_[who];
    if (!node.seen || node.seen->role != role_kind::leader) return;
    leader_logs_[node.seen->term] = node.memory.log;
}

inline const ghost_log* safety::log_of_leader(term_t term) const {
    const auto over = leader_logs_.find(term);
    if (over != leader_logs_.end()) return &over->second;
    const auto leader = leaders_.find(term);
    if (leader == leaders_.end()) return nullptr;
    return &nodes_.at(leader->second).memory.log;
}

inline const configuration& safety::members_of(const ghost_log& log, index_t upto) const {
    const index_t at = log.members_at(upto);
    if (at == log.base().index) return committed_members(at);
    return configurations_.at({at, log.term_at(at)});
}

inline const configuration& safety::committed_members(index_t upto) const {
    for (auto each = committed_changes_.rbegin(); each != committed_changes_.rend(); ++each) {
        if (*each <= upto) return configurations_.at({*each, committed_[each->value - 1].term});
    }
    return configurations_.at({{}, {}});
}

inline bool safety::durable_on_majority(const configuration& members, index_t at, u64 chain) const {
    u32 voters = 0, have = 0, old_voters = 0, old_have = 0;
    for (const member& each : members.members) {
        const auto node = nodes_.find(each.id);
        const bool holds = node != nodes_.end() && node->second.holds_durably(at, chain);
        if (each.role == member_role::voter) {
            ++voters;
            have += holds;
        }
        if (members.joint && each.old_role == member_role::voter) {
            ++old_voters;
            old_have += holds;
        }
    }
    return have * 2 > voters && (!members.joint || old_have * 2 > old_voters);
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
