#pragma once
// Time, campaigns, roles and joining (Raft §5.2, §5.4.1; thesis §4.2.3, §9.6; design §11).

#include <raftkit/core/consensus.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

// A term in which this node must not vote although it gave nobody its vote: it may have before it
// lost its disk.
inline constexpr node_id vote_blocked{~u64{0}};

inline void consensus::advance(instant now) noexcept {
    now_ = std::max(now, now_);
    if (!running()) return;
    if (!started_) {
        started_ = true;
        timer_.restart(now_, options_, random_);
        if (options_.lease_reads) refuse_votes_until_ = now_ + promised();
    }
    introduce_self();
    if (leader_state* office = leading()) {
        if (now_ >= office->heartbeat_at) {
            office->heartbeat_at = now_ + options_.heartbeat_interval;
            office->heartbeat_due = true;
            for (progress& each : office->peers) each.heartbeat_passed();
            touch();
        }
        if (now_ >= office->notice_at) touch();
        if (options_.check_quorum && now_ >= office->quorum_at) check_quorum();
        if (leading() != nullptr) advance_transfer();
        return;
    }
    if (now_ < timer_.deadline()) return;
    const bool overslept = timer_.overslept(now_, options_);
    timer_.restart(now_, options_, random_);
    // Not inside a promise of ours either: the numbers of the timer may have become smaller since.
    if (!overslept && !sticky() && may_campaign()) campaign(false);
    touch();
}

// The configuration before one that may not be committed yet; null if there is none.
inline const configuration* consensus::outgoing_members() const noexcept {
    const configuration& now = members_.latest();
    const bool open = now.index > commit_ && now.index > log_.base().index;
    return open ? &members_.at(now.index.previous()) : nullptr;
}

inline bool consensus::named_in(const configuration& members) const noexcept {
    const member* self = members.find(who_.self);
    return self != nullptr && self->incarnation != 0 &&
           self->incarnation >> 16 == who_.incarnation >> 16;
}

// A node of a configuration votes once every other voter knows its incarnation, or once the
// configuration names it.
inline bool consensus::may_vote() const noexcept {
    if (book_.joined || named_in(members_.latest())) return true;
    const configuration* before = outgoing_members();
    return before != nullptr && named_in(*before);
}

// Thesis §4.2.2: who leaves the voters by an entry that may not be committed yet is still needed,
// because it may be the only one who has that entry. Its own vote does not count then.
inline bool consensus::is_needed() const noexcept {
    const configuration* before = outgoing_members();
    return members_.latest().votes(who_.self) || (before != nullptr && before->votes(who_.self));
}

inline bool consensus::may_campaign() const noexcept {
    return is_needed() && may_vote() && !fence_.up() && !opening_restore_ && !flow_.pauses_apply();
}

// A live leader keeps its followers: a vote is refused while one was heard within the shortest
// timeout. A leader that checks its quorum counts as heard.
inline bool consensus::sticky() const noexcept {
    if (leads()) return options_.check_quorum;
    if (now_ < refuse_votes_until_) return true;
    return heard_ && leader() && now_ < heard_at_ + promised();
}

// Raft §5.4.1.
inline bool consensus::at_least_as_new_as_ours(log_id candidate) const noexcept {
    return at_least_as_new(candidate, log_.last()) && fence_.allows(candidate, log_.last());
}

[[gnu::noinline]] inline void consensus::become_follower(term_t term, node_id leader) noexcept {
    RAFTKIT_ASSERT(term >= hard_.term);
    const node_id new_leader = leader;
    if (leading() != nullptr) leave_office();
    if (term > hard_.term) {
        // The leader that was just heard may count on its lease, whatever term somebody tells us.
        if (options_.lease_reads && heard_) {
            refuse_votes_until_ = std::max(refuse_votes_until_, heard_at_ + promised());
        }
        hard_.term = term;
        hard_.voted_for = {};  // a response may raise the term, never set the vote (known bug 6)
        verified_ = {};
        reply_ = {};
        heard_ = false;
        fence_.leader_gone();
        hard_changed();
    }
    if (timer_.deadline() == never && started_) timer_.restart(now_, options_, random_);
    role_.emplace<follower_state>().leader = new_leader;
    announce_role();
    touch();
}

// Leaves what only a leader has. Proposals keep waiting: their fate is decided by the log (design
// §8).
inline void consensus::leave_office() noexcept {
    leader_state* office = leading();
    RAFTKIT_ASSERT(office != nullptr);
    fail_reads(*office);
    if (office->transfer) end_transfer({errc::leader_changed, 0, "core.transfer"});
    for (progress& each : office->peers) {
        if (each.is_snapshotting() && each.shipment()->shipping)
            snapshot_effects(cancel_ship{each.id});
    }
    timer_.restart(now_, options_, random_);
    verified_ = {};
    reply_ = {};
    heard_ = false;
}

inline void consensus::campaign(bool forced) noexcept {
    RAFTKIT_ASSERT(is_needed());
    RAFTKIT_ASSERT(leading() == nullptr);
    ++elections_;
    const bool pre = options_.prevote && !forced;
    if (!pre) {
        hard_.term = hard_.term.next();
        hard_.voted_for = who_.self;
        verified_ = {};
        reply_ = {};
        hard_changed();
    }
    heard_ = false;
    candidate_state& running_for = role_.emplace<candidate_state>();
    running_for.pre = pre;
    running_for.round = ++rounds_;
    running_for.own_vote = pre ? 0 : hard_version_;
    timer_.restart(now_, options_, random_);
    if (pre) running_for.votes.cast(who_.self, true);
    vote_request asked;
    asked.term = pre ? hard_.term.next() : hard_.term;
    asked.last = log_.last();
    asked.round = running_for.round;
    asked.pre = pre;
    asked.forced = forced;
    for (const member& each : members_.latest().members) {
        if (each.id == who_.self || !members_.latest().votes(each.id)) continue;
        // Requests of a new term wait until our own vote for it is durable (recovery.md §3).
        send_held(each.id, now_stamp(), asked);
    }
    announce_role();
    touch();
    count_votes();
}

[[gnu::noinline]] inline void consensus::count_votes() noexcept {
    const candidate_state* running_for = campaigning();
    if (running_for == nullptr) return;
    switch (running_for->votes.outcome(members_.latest())) {
        case vote_outcome::pending: return;
        case vote_outcome::lost: become_follower(hard_.term, {}); return;
        case vote_outcome::won: break;
    }
    if (running_for->pre) {
        if (may_campaign()) {
            const bool prevote = std::exchange(options_.prevote, false);
            campaign(false);
            options_.prevote = prevote;
        } else {
            become_follower(hard_.term, {});
        }
        return;
    }
    if (may_campaign()) return become_leader();
    become_follower(hard_.term, {});  // its state machine is being replaced since
}

// The own vote counts when it is durable: else one node could lead a term in two lives.
[[gnu::noinline]] inline void consensus::own_vote_durable() noexcept {
    candidate_state* running_for = campaigning();
    if (running_for == nullptr || running_for->own_vote == 0) return;
    if (running_for->own_vote > durable_.hard) return;
    running_for->own_vote = 0;
    running_for->votes.cast(who_.self, true);
    count_votes();
}

inline void consensus::become_leader() noexcept {
    RAFTKIT_ASSERT(hard_.voted_for == who_.self);
    RAFTKIT_ASSERT(!fence_.up());
    ++leaderships_;
    leader_state& office = role_.emplace<leader_state>();
    office.heartbeat_at = now_ + options_.heartbeat_interval;
    office.quorum_at = now_ + options_.election_timeout_min;
    reply_ = {};
    verified_ = {};
    if (flow_.step != install_step::idle) {
        snapshot_effects(cancel_accept{flow_.meta.id});
        flow_.close();
    }
    members_in_force();
    log_cursor unapplied = apply_cursor_;
    uncommitted_bytes_ = log_.tail().bytes_from(unapplied);
    // A leader's first act is an entry of its own term: only with it can it commit (§5.4.2) and
    // serve reads (§8).
    office.barrier = log_.last_index().next();
    const log_id at{office.barrier, hard_.term};
    const run_view made = builder_.append(at, entry_kind::barrier, {}, 0);
    if (made.empty()) {  // out of memory: a leader without a barrier is of no use
        become_follower(hard_.term, {});
        return;
    }
    append_own(entry_kind::barrier, made);
    announce_role();
    touch();
}

// Without contact to a majority for an election timeout a leader can't know whether it still leads.
inline void consensus::check_quorum() noexcept {
    leader_state* office = leading();
    office->quorum_at = now_ + options_.election_timeout_min;
    const instant since = now_ - options_.election_timeout_min;
    const u64 alive = office->voters.agreed(
        1, [&](u8 at) -> u64 { return office->peers[at].heard_at > since ? 1 : 0; });
    if (alive == 0) become_follower(hard_.term, {});
}

// A voter on an empty directory asks every other voter to register it, and waits for all (design
// §11). A fenced node makes itself known to its leader, so that later appends answer it as it is
// now.
inline void consensus::introduce_self() noexcept {
    if (now_ < introduce_at_) return;
    introduce_at_ = now_ + options_.heartbeat_interval;
    introduce asked;
    asked.term = hard_.term;
    if (fence_.up() && leader() && !leads()) {
        send_held(leader(), now_stamp(), asked);
        touch();
    }
    if (may_vote()) return;
    // The one it waited for may have been removed meanwhile: then nobody is left to answer.
    if (members_.latest().index <= commit_) try_join();
    for (const node_id each : waits_for()) send_held(each, now_stamp(), asked);
    touch();
}

inline std::vector<node_id> consensus::waits_for() const {
    std::vector<node_id> missing;
    if (may_vote() || !members_.latest().votes(who_.self)) return missing;
    for (const member& each : members_.latest().members) {
        if (each.id == who_.self || !members_.latest().votes(each.id)) continue;
        bool known = false;
        for (const auto& [id, term] : introduced_) known |= id == each.id;
        if (!known) missing.push_back(each.id);
    }
    return missing;
}

inline void consensus::try_join() noexcept {
    if (may_vote() || !members_.latest().votes(who_.self)) return;
    if (!options_.first_start_trusted && !waits_for().empty()) return;
    term_t largest = hard_.term;
    for (const auto& [id, term] : introduced_) largest = std::max(largest, term);
    if (largest > hard_.term) become_follower(largest, {});
    if (hard_.term && !hard_.voted_for) {
        hard_.voted_for = vote_blocked;
        hard_changed();
    }
    book_.joined = true;
    book_changed();
}

inline void consensus::on(node_id from, const introduce& who) noexcept {
    if (!who.answer) {
        introduce answer;
        answer.term = hard_.term;
        answer.answer = true;
        send_held(from, now_stamp(), answer);
        touch();
        return;
    }
    if (who.term > hard_.term) become_follower(who.term, {});
    if (from == leader()) fence_.introduced(from, hard_.term);
    if (may_vote() || !members_.latest().votes(from)) return;
    for (auto& [id, term] : introduced_) {
        if (id != from) continue;
        term = std::max(term, who.term);
        return;
    }
    introduced_.emplace_back(from, who.term);
    try_join();
}

inline void consensus::fence(const fence_mark& mark) noexcept {
    fence_.raise(mark);
    dirty_ |= fence_dirty;
    if (!std::holds_alternative<follower_state>(role_)) become_follower(hard_.term, {});
    touch();
}

[[gnu::noinline]] inline void consensus::lift_fence() noexcept {
    const index_t stable = stable_.stable();
    const log_id durable{stable, log_.term_at(stable)};
    if (!fence_.try_lift(durable, std::min(verified_, stable))) return;
    dirty_ |= fence_dirty;
    touch();
}

}  // namespace core

RAFTKIT_NAMESPACE_END
