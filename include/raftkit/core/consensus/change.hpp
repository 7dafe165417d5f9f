#pragma once
// Membership and leadership transfer (Raft §6; thesis §3.10). A change is appended as a joint
// configuration, in force at once; when it commits, the leader appends the one that leaves it. Both
// sit in the log as full configurations.

#include <raftkit/core/consensus.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

inline result<log_id> consensus::change_members(configuration next) noexcept {
    if (result<void> may = may_propose(0); !may) return may.why();
    const configuration& now = members_.latest();
    const leader_state& office = *leading();
    // One change at a time, and none before an entry of this term is committed: else two leaders
    // could gather disjoint majorities (known bugs 83, 84).
    if (now.joint || now.index > commit_)
        return error{errc::change_in_progress, 0, "core.change_members"};
    if (commit_ < office.barrier)
        return error{errc::busy, 0, "core.change_members: barrier not committed"};
    for (member& each : next.members) {
        const member* known = now.find(each.id);
        const bool promoted = known != nullptr && known->role == member_role::learner &&
                              each.role == member_role::voter;
        if (!promoted) continue;
        const progress* learner = peer(each.id);
        const u64 caught_up = learner != nullptr ? learner->match().value : 0;
        if (learner == nullptr ||
            commit_.value - std::min(commit_.value, caught_up) > options_.promotion_lag_max) {
            return error{errc::busy, 0, "core.change_members: the learner is too far behind",
                         each.id.value};
        }
        // A voter votes under a configuration that names its incarnation (design §11). The one that
        // does is committed, and its learner has it, before it may count: else the old voters could
        // need the vote of a node that does not know that it may give it.
        if (known->incarnation == 0 || learner->match() < now.index) {
            return error{errc::busy, 0,
                         "core.change_members: the learner has not introduced itself yet",
                         each.id.value};
        }
    }
    result<configuration> joint = join(now, std::move(next));
    if (!joint) return joint.why();
    name_members(now, *joint);
    const log_id at{log_.last_index().next(), hard_.term};
    append_membership(std::move(*joint));
    if (log_.last_index() < at.index)
        return error{errc::busy, 0, "core.change_members: out of memory"};
    return at;
}

// From the first change on the configuration names the directories of its members, also of those
// from a bootstrap list: it outlives every book, and reaches nodes that never heard them.
inline void consensus::name_members(const configuration& now, configuration& next) noexcept {
    for (member& each : next.members) {
        if (each.incarnation != 0 || now.find(each.id) == nullptr) continue;
        each.incarnation = each.id == who_.self ? who_.incarnation : book_.find(each.id);
    }
    forget_namesakes(now, next);
}

// Whoever is added without a name is bound by what he says first, and not by what an old namesake
// said: on every node, whichever leads next.
inline void consensus::forget_namesakes(const configuration& before,
                                        const configuration& next) noexcept {
    const std::size_t gone = std::erase_if(book_.incarnations, [&](const auto& known) {
        const member* added = next.find(known.first);
        return added != nullptr && added->incarnation == 0 && before.find(known.first) == nullptr;
    });
    if (gone != 0) book_changed();
}

// A learner may be added before anybody knows its incarnation; when it is known, the leader names
// it.
[[gnu::noinline]] inline void consensus::name_learners() noexcept {
    const leader_state& office = *leading();
    const configuration& now = members_.latest();
    if (now.joint || now.index > commit_ || commit_ < office.barrier || office.transfer) return;
    configuration next = now;
    bool named = false;
    for (member& each : next.members) {
        if (each.role != member_role::learner || each.incarnation != 0) continue;
        each.incarnation = book_.find(each.id);
        named |= each.incarnation != 0;
    }
    if (named) (void)change_members(std::move(next));
}

inline void consensus::append_membership(configuration next) noexcept {
    next.index = log_.last_index().next();
    std::vector<std::byte> body;
    encode(next, body);
    const run_view made =
        builder_.append({next.index, hard_.term}, entry_kind::membership, body, 0);
    if (made.empty()) return;
    append_own(entry_kind::membership, made);
    members_.append(std::move(next));
    members_in_force();
}

// The newest configuration changed: by an append, a truncation, a snapshot, or a new leader took
// over.
[[gnu::noinline]] inline void consensus::members_in_force() noexcept {
    const configuration& now = members_.latest();
    leader_state* office = leading();
    touch();
    if (office == nullptr) {
        announce_members(now);
        return;
    }
    for (const member& each : now.members) {
        if (each.id == who_.self || peer(each.id) != nullptr) continue;
        office->peers.emplace_back(each.id, log_.last_index().next());
    }
    unnamed_learners_ = std::any_of(now.members.begin(), now.members.end(), [](const member& each) {
        return each.role == member_role::learner && each.incarnation == 0;
    });
    office->leaving = false;
    for (progress& each : office->peers) {
        const bool left = std::exchange(each.leaving, now.find(each.id) == nullptr);
        office->leaving |= each.leaving;
        if (!left || each.leaving) continue;
        // It came back, perhaps with another directory: what it acknowledged is forgotten with it.
        each.leave_by = never;
        if (book_.find(each.id) == 0) each.forget(log_.last_index().next());
    }
    count_voters(*office);
    // A removed peer stays connected until it can know that it is (known bug 92).
    if (!office->leaving) announce_members(now);
}

inline void consensus::count_voters(leader_state& office) noexcept {
    const configuration& now = members_.latest();
    office.voters = {};
    const auto position = [&](node_id id) {
        u8 at = 0;
        while (at < office.peers.size() && office.peers[at].id != id) ++at;
        return at == office.peers.size() ? voter_table::self : at;
    };
    for (const member& each : now.members) {
        voter_table& table = office.voters;
        if (votes_incoming(each)) table.incoming[table.incoming_count++] = position(each.id);
        if (votes_outgoing(each, now.joint)) {
            table.outgoing[table.outgoing_count++] = position(each.id);
        }
    }
}

// The commit index passed configurations above `before`; the newest is `now`.
[[gnu::noinline]] inline void consensus::members_committed(const configuration& now) noexcept {
    if (!now.joint) {
        forget_removed();
        announce_members(now);
    }
    leader_state* office = leading();
    if (office == nullptr) return;
    if (now.joint) {
        append_membership(leave(now));
        return;
    }
    for (progress& each : office->peers) {
        if (each.leaving) each.leave_by = now_ + options_.election_timeout_max;
    }
    touch();
    if (!now.votes(who_.self))
        office->resigning = true;  // it steps down when the others can know why
}

inline result<void> consensus::transfer_to(node_id target) noexcept {
    if (!running()) return error{errc::stopped, 0, "core.transfer_to"};
    leader_state* office = leading();
    if (office == nullptr) return error{errc::not_leader, 0, "core.transfer_to", leader().value};
    if (office->transfer) return error{errc::busy, 0, "core.transfer_to: one is running"};
    const configuration& now = members_.latest();
    const instant since = now_ - options_.election_timeout_min;
    const progress* best = nullptr;
    for (const progress& each : office->peers) {
        const member* known = now.find(each.id);
        if (known == nullptr || known->role != member_role::voter) continue;
        if (target ? each.id != target : each.heard_at <= since) continue;
        if (best == nullptr || each.match() > best->match()) best = &each;
    }
    if (best == nullptr) {
        return error{target == who_.self ? errc::invalid_change : errc::not_member, 0,
                     "core.transfer_to: no such voter", target.value};
    }
    office->transfer = transfer_state{best->id, now_ + options_.election_timeout_min, false};
    touch();
    advance_transfer();
    return {};
}

// Intake is closed; when the target has everything it is told to campaign at once. A dead one costs
// at most an election timeout.
inline void consensus::advance_transfer() noexcept {
    leader_state* office = leading();
    if (office == nullptr || !office->transfer) return;
    transfer_state& handing = *office->transfer;
    if (now_ >= handing.deadline) return end_transfer({errc::timed_out, 0, "core.transfer"});
    const progress* target = peer(handing.target);
    if (target == nullptr) return end_transfer({errc::not_member, 0, "core.transfer"});
    if (handing.sent || target->match() != log_.last_index()) return;
    handing.sent = true;
    // The target's votes bypass stickiness: no lease of this term is good any more (known bug 10).
    office->lease_revoked = true;
    send_now<timeout_now>(handing.target, hard_.term);
    touch();
}

inline void consensus::end_transfer(error how) noexcept {
    leader_state* office = leading();
    if (office == nullptr || !office->transfer) return;
    office->transfer.reset();
    out().rare.transfer = how;
    out().has |= effects::rarely;
    touch();
}

}  // namespace core

RAFTKIT_NAMESPACE_END
