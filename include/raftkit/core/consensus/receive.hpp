#pragma once
// Messages from peers. Nothing in them is trusted: ids, terms, lengths and checksums are judged
// first, and what fails is counted and dropped.

#include <raftkit/core/consensus.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

inline void consensus::receive(const envelope& mail) noexcept {
    if (!running()) return;
    if (!mail.peer || mail.peer == who_.self) return reject();
    if (!knows_sender(mail)) return reject();
    // One after the other, the frequent ones first: a jump table would mispredict.
    if (!take<append_request>(mail) && !take<append_reply>(mail)) receive_rare(mail);
}

[[gnu::noinline]] inline void consensus::receive_rare(const envelope& mail) noexcept {
    (void)(take<vote_request>(mail) || take<vote_reply>(mail) || take<timeout_now>(mail) ||
           take<introduce>(mail) || take<snapshot_offer>(mail) || take<snapshot_done>(mail));
}

template <class Body>
bool consensus::take(const envelope& mail) noexcept {
    const Body* body = std::get_if<Body>(&mail.body);
    if (body == nullptr) return false;
    status_stale_ = true;
    if (body->term >= term_max) {
        reject();  // scenario A17: it would exhaust the terms
    } else {
        on(mail.peer, *body);
    }
    return true;
}

// The first incarnation seen of a node is the one it has; another one is a wiped directory under an
// old name, and is refused. A higher count of the same one is a node that was fenced since (design
// §11).
inline bool consensus::knows_sender(const envelope& mail) noexcept {
    if (mail.incarnation == 0) return true;  // a host without identities
    for (auto& [id, incarnation] : book_.incarnations) {
        if (id != mail.peer) continue;
        if (incarnation == mail.incarnation) return true;
        if (incarnation >> 16 != mail.incarnation >> 16 || mail.incarnation < incarnation)
            return false;
        incarnation = mail.incarnation;
        if (progress* each = peer(mail.peer)) each->forget(log_.last_index().next());
        book_changed();
        return true;
    }
    const member* named = members_.latest().find(mail.peer);
    if (named != nullptr && named->incarnation != 0 &&
        named->incarnation >> 16 != mail.incarnation >> 16) {
        return false;
    }
    if (book_.incarnations.size() >= book_entries_max && !forget_stranger()) return false;
    book_.incarnations.emplace_back(mail.peer, mail.incarnation);
    book_order_.push_back(mail.peer);
    std::sort(book_.incarnations.begin(), book_.incarnations.end());
    // What another directory of this name acknowledged says nothing about this one.
    progress* replaced = peer(mail.peer);
    if (replaced != nullptr && replaced->match()) replaced->forget(log_.last_index().next());
    book_changed();
    return true;
}

inline void consensus::on(node_id from, const vote_request& asked) noexcept {
    vote_reply reply;
    reply.round = asked.round;
    reply.pre = asked.pre;
    reply.term = hard_.term;
    // A transfer breaks stickiness, but only for those who may be handed the lead (scenario A14).
    const bool forced = asked.forced && members_.latest().votes(from);
    const bool kept_by_leader = sticky() && !forced;
    if (asked.pre) {
        // Free of side effects for the voter (known bug 4).
        reply.granted = asked.term > hard_.term && !kept_by_leader && may_vote() &&
                        at_least_as_new_as_ours(asked.last);
        if (reply.granted) reply.term = asked.term;
        return send_held(from, now_stamp(), reply);
    }
    if (asked.term < hard_.term || kept_by_leader) return send_held(from, now_stamp(), reply);
    if (asked.term > hard_.term) {
        if (leader_state* office = leading(); office != nullptr && office->transfer) {
            const bool handed_over = office->transfer->target == from;
            end_transfer(handed_over ? error{} : error{errc::leader_changed, 0, "core.transfer"});
        }
        become_follower(asked.term, {});
    }
    reply.term = hard_.term;
    const bool free = !hard_.voted_for || hard_.voted_for == from;
    const bool follows = std::holds_alternative<follower_state>(role_) && !leader();
    if (free && follows && may_vote() && at_least_as_new_as_ours(asked.last)) {
        reply.granted = true;
        if (hard_.voted_for != from) {
            hard_.voted_for = from;
            hard_changed();
        }
        timer_.restart(now_, options_, random_);
    }
    send_held(from, now_stamp(), reply);
}

inline void consensus::on(node_id from, const vote_reply& answer) noexcept {
    candidate_state* running_for = campaigning();
    // A refusal from a later term ends any campaign: the term is taken over, the vote is not (known
    // bugs 5, 6).
    if (!answer.granted && answer.term > hard_.term) return become_follower(answer.term, {});
    if (running_for == nullptr) return;
    if (answer.pre != running_for->pre || answer.round != running_for->round)
        return;  // known bug 3
    if (!members_.latest().votes(from)) return reject();
    const term_t asked = running_for->pre ? hard_.term.next() : hard_.term;
    if (answer.granted && answer.term != asked) return reject();  // known bug 2
    running_for->votes.cast(from, answer.granted);
    count_votes();
}

// A message only a leader sends. Returns false if it must not be looked at.
inline bool consensus::follow(node_id from, term_t term) noexcept {
    const auto* leads_us = std::get_if<follower_state>(&role_);
    const bool known = leads_us != nullptr && leads_us->leader == from && term == hard_.term;
    if (!known && !follow_anew(from, term)) return false;
    heard_ = true;
    heard_at_ = now_;
    timer_.put_off(now_);
    return true;
}

[[gnu::noinline]] inline bool consensus::follow_anew(node_id from, term_t term) noexcept {
    if (term < hard_.term) return false;
    if (leads() && term == hard_.term) {  // two leaders in one term: somebody lies
        reject();
        return false;
    }
    const auto* following = std::get_if<follower_state>(&role_);
    if (term > hard_.term || following == nullptr || following->leader != from) {
        if (following != nullptr && term == hard_.term && following->leader) {
            reject();
            return false;
        }
        if (leader_state* office = leading(); office && office->transfer)
            if (office->transfer->target == from) end_transfer({});  // it leads: as was asked
        become_follower(term, from);
    }
    return true;
}

inline bool consensus::may_acknowledge() const noexcept {
    return may_vote() || !members_.latest().votes(who_.self);
}

inline void consensus::on(node_id from, const append_request& request) noexcept {
    if (request.term < hard_.term) {
        append_reply stale;  // tells an old leader that its term is over
        stale.term = hard_.term;
        stale.rejected = request.previous.index;
        return send_held(from, now_stamp(), stale);
    }
    if (!follow(from, request.term)) return;
    stir();
    fence_.heard(from, request.term, request.last);
    reply_.read_round = std::max(reply_.read_round, request.read_round);
    if (request.entries.empty() || request.read_round > reply_.answered_round) reply_.due = true;
    if (flow_.past_return()) return;  // the log is about to be replaced
    take_entries(request);
}

// Log matching (Raft §5.3): believes the entries only if ours agrees with the leader's just before
// them.
inline void consensus::take_entries(const append_request& request) noexcept {
    const run_view& entries = request.entries;
    const log_id previous = request.previous;
    bool has_members = false;
    if (!entries.empty()) {
        if (entries.owner == nullptr || entries.first != previous.index.next() ||
            entries.term > request.term || entries.term < previous.term) {
            return reject();
        }
        const run_check found =
            check_run(entries.span(), entries.first, entries.term, entries.count);
        if (!found.sound) return reject();
        has_members = found.has_members;
    }
    if (previous.index < log_.base().index) return take_above_base(request, has_members);
    if (log_.term_at(previous.index) != previous.term || previous.index > log_.last_index())
        return refuse_append(previous.index, previous.term);
    take_sound(entries, previous.index, request.commit, has_members);
}

// What lies at or below the base is committed and equal (known bug 56): only the part above counts.
[[gnu::noinline]] inline void consensus::take_above_base(const append_request& request,
                                                         bool has_members) noexcept {
    const run_view& entries = request.entries;
    const index_t base = log_.base().index;
    if (entries.empty() || entries.last() <= base) {
        const index_t last = entries.empty() ? request.previous.index : entries.last();
        verified_ = std::max(verified_, std::min(last, base));
        reply_.due = true;
        return;
    }
    // The run holds the entry at the base as well, so it has the base's term, or its leader lies.
    if (entries.term != log_.base().term) return reject();
    take_sound(entries.slice(base.next(), entries.last()), base, request.commit, has_members);
}

// They are sound and connect to our log, behind `previous`.
[[gnu::always_inline]] inline void consensus::take_sound(const run_view& entries, index_t previous,
                                                         index_t commit,
                                                         bool has_members) noexcept {
    // A full tail waits for the machine, which frees it. Entries that are not committed yet don't:
    // only what this leader sends can commit or replace them, and its own limits bound them.
    const bool machine_lags = applied_ < std::min(commit_, stable_.stable());
    const bool full = log_.tail().block_bytes_held() > options_.tail_bytes_max;
    if (full && machine_lags && !entries.empty()) return;
    const index_t matched = entries.empty() ? previous : entries.last();
    // Not stored: a peer that lies about committed entries. Ours are not what it sent.
    if (!entries.empty() && !store_entries(entries, has_members)) return reject();
    verified_ = std::max(verified_, matched);
    // Only what is known to match may be committed (known bug 18).
    raise_commit(std::min(commit, matched));
    if (std::min(verified_, stable_.stable()) > reply_.acked) reply_.due = true;
    if (!entries.empty() && matched <= stable_.stable()) reply_.due = true;
    if (fence_.up()) lift_fence();
}

// Cuts a repeated prefix, truncates from the first conflict only, appends the rest (known bug 17).
// Returns false if they contradict what is committed.
inline bool consensus::store_entries(const run_view& entries, bool has_members) noexcept {
    if (entries.first > log_.last_index() && !has_members) {  // nearly always
        log_.append(entries);
        return true;
    }
    return store_overlapping(entries, has_members);
}

[[gnu::noinline]] inline bool consensus::store_overlapping(const run_view& entries,
                                                           bool has_members) noexcept {
    const index_t last = log_.last_index();
    const index_t overlap = std::min(entries.last(), last);
    index_t fresh = entries.first;
    if (overlap >= entries.first) {
        fresh = std::min(log_.terms().first_other(entries.first, entries.term), overlap.next());
    }
    if (fresh > entries.last()) return true;  // nothing new
    if (fresh <= last) {
        // A committed entry never conflicts; a leader that says so lost it or lies (known bug 50).
        if (fresh <= commit_ || fresh <= log_.base().index) return false;
        const ticket lent = stable_.issued();
        log_.truncate(fresh, lent);
        stable_.truncate(fresh);
        if (members_.truncate(fresh)) members_in_force();
        if (persist_cursor_.index > fresh) persist_cursor_ = {fresh, 0, 0, 0};
        if (apply_cursor_.index > fresh) apply_cursor_ = {fresh, 0, 0, 0};
    }
    if (fresh == entries.first) {
        log_.append(entries);
    } else {
        log_.append(entries.slice(fresh, entries.last()));
    }
    if (!has_members) return true;
    bool changed = false;
    for (const entry_view entry : entries) {
        if (entry.kind != entry_kind::membership || entry.at.index < fresh) continue;
        result<configuration> next = decode_configuration(entry.body);
        if (!next) continue;  // check_run decoded it already
        next->index = entry.at.index;
        forget_namesakes(members_.latest(), *next);
        members_.append(std::move(*next));
        changed = true;
    }
    if (changed) members_in_force();
    return true;
}

[[gnu::noinline]] inline void consensus::refuse_append(index_t previous, term_t term) noexcept {
    reply_.due = true;
    reply_.refuses = true;
    reply_.rejected = previous;
    // Our newest entry that can still be the leader's: it skips whole terms at once (Raft §5.3,
    // last paragraph).
    reply_.conflict = log_.terms().last_not_above(previous.previous(), term);
}

inline void consensus::raise_commit(index_t to) noexcept {
    if (to <= commit_) return;
    const index_t before = commit_;
    commit_ = std::min(to, log_.last_index());
    if (commit_ > before) members_committed(before);
}

// One reply a poll: a watermark of what is durable and equal to the leader's log. It can't
// acknowledge an entry that was overwritten since, because both halves of the minimum are lowered
// by truncation.
inline void consensus::flush_reply() noexcept {
    if (!hard_is_durable()) return;
    const node_id to = leader();
    if (!to || leads() || !may_acknowledge()) {
        reply_.due = reply_.refuses = false;
        return;
    }
    const index_t match = std::min(verified_, stable_.stable());
    const index_t rejected = reply_.refuses ? reply_.rejected : index_t{};
    const log_id conflict = reply_.refuses ? reply_.conflict : log_id{};
    send_now<append_reply>(to, hard_.term, match, rejected, conflict, reply_.read_round);
    reply_.answered_round = reply_.read_round;
    reply_.acked = match;
    reply_.due = reply_.refuses = false;
}

inline void consensus::on(node_id from, const append_reply& reply) noexcept {
    if (reply.term > hard_.term) return become_follower(reply.term, {});
    leader_state* office = leading();
    if (office == nullptr || reply.term < hard_.term) return;
    progress* each = peer(from);
    if (each == nullptr) return reject();
    if (reply.match > log_.last_index() || reply.read_round > office->reads.round())
        return reject();
    each->heard_at = now_;
    each->reachable = true;
    if (reply.read_round > each->read_round) {
        each->read_round = reply.read_round;
        confirm_reads();
    }
    if (each->is_snapshotting()) {
        // It caught up by itself (scenario D81): the shipment is not needed any more.
        if (reply.match >= log_.base().index && each->accept(reply.match)) {
            snapshot_effects(cancel_ship{from});
            each->become_probing(reply.match.next());
            try_commit();
        }
        return;
    }
    if (reply.rejected) {
        // It refuses this one and still tells what it has: it will not say that again soon.
        if (each->accept(reply.match)) try_commit();
        const log_id ours = log_.terms().last_not_above(reply.conflict.index, reply.conflict.term);
        each->refuse(reply.rejected, std::min(ours.index, reply.conflict.index));
        touch();
        return;
    }
    const bool rose = each->accept(reply.match);
    if (!rose && reply.match == each->match() && reply.match.next() == each->next())
        each->probe_answered();
    if (rose && reply.match > commit_) try_commit();
    if (each->next() <= log_.last_index()) touch();  // the window has room again
    if (office->transfer) advance_transfer();
}

inline void consensus::on(node_id from, const timeout_now& order) noexcept {
    if (order.term != hard_.term || from != leader()) return;
    if (!may_campaign()) return;  // a learner never leaves follower by any door (known bug 9)
    campaign(true);
}

}  // namespace core

RAFTKIT_NAMESPACE_END
