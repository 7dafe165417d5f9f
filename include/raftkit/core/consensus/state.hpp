#pragma once
// Construction, the effects' mechanics and status: what every other body uses.

#include <raftkit/core/consensus.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

inline consensus::consensus(const identity& who, const core::options& numbers, recovered&& found,
                            u64 seed) noexcept
    : who_(who),
      options_(numbers),
      lease_timeout_(numbers.election_timeout_min),
      promise_timeout_(numbers.election_timeout_min),
      random_(seed),
      hard_(found.hard),
      book_(std::move(found.peers)),
      fence_(found.fence),
      builder_(pool_),
      log_(found.base.at, std::move(found.term_runs), found.last.index),
      members_(std::move(found.base.members)),
      stable_(found.last.index),
      newest_(std::move(found.snapshot)) {
    // The rare turn that has more to say than all before it must not allocate either.
    for (turn& each : turns_) each.out.send.reserve(peers_max * 2);
    for (const auto& [id, incarnation] : book_.incarnations) book_order_.push_back(id);
    for (configuration& each : found.members) members_.append(std::move(each));
    if (newest_) {
        // Start plan row 7: persist the reset before anything else is acknowledged.
        const bool keeps = log_.terms().contains(newest_->id.at);
        if (!keeps) reset_log_to(*newest_);
    }
    commit_ = std::max(hard_.commit_hint, log_.base().index);
    if (newest_) commit_ = std::max(commit_, newest_->id.at.index);
    // What a durable machine applied was committed, whatever the hint still says.
    commit_ = std::max(commit_, found.machine_applied);
    commit_ = std::min(commit_, log_.last_index());
    opening_restore_ = newest_.has_value() && !found.restore_skipped;
    applied_ = handed_ = found.restore_skipped ? std::max(found.machine_applied, log_.base().index)
                                               : log_.base().index;
    apply_cursor_.index = handed_.next();
    persist_cursor_.index = log_.last_index().next();
    announced_ = {role_kind::follower, hard_.term, {}};
    announce_members(members_.latest());
    forget_removed();
    try_join();
}

inline role_kind consensus::role() const noexcept {
    if (leads()) return role_kind::leader;
    const auto* running_for = std::get_if<candidate_state>(&role_);
    if (running_for == nullptr) return role_kind::follower;
    return running_for->pre ? role_kind::pre_candidate : role_kind::candidate;
}

inline node_id consensus::leader() const noexcept {
    if (leads()) return who_.self;
    const auto* following = std::get_if<follower_state>(&role_);
    return following != nullptr ? following->leader : node_id{};
}

inline void consensus::hard_changed() noexcept {
    ++hard_version_;
    dirty_ |= hard_dirty;
    touch();
}

inline void consensus::book_changed() noexcept {
    ++book_version_;
    dirty_ |= book_dirty;
    touch();
}

// Whoever knows the cluster may write to us under any id, but the book has bounds: a stranger makes
// room for the next one, the oldest first. To forget him is as if he had never written. Members,
// those who leave and those we promised something are never crowded out.
inline bool consensus::forget_stranger() noexcept {
    const configuration& now = members_.latest();
    const configuration& before = members_.at(commit_);
    std::erase_if(book_order_, [&](node_id id) { return book_.find(id) == 0; });
    for (const node_id id : book_order_) {
        const bool bound = now.find(id) != nullptr || before.find(id) != nullptr ||
                           id == leader() || id == hard_.voted_for;
        if (bound) continue;
        std::erase_if(book_.incarnations, [id](const auto& known) { return known.first == id; });
        std::erase(book_order_, id);
        return true;
    }
    return false;
}

// Who left a committed configuration may come back with another directory; so may one whom it
// names with another directory than the one that was heard.
inline void consensus::forget_removed() noexcept {
    const configuration& now = members_.latest();
    if (now.joint || now.index > commit_ || now.members.empty()) return;
    const auto before = book_.incarnations.size();
    std::erase_if(book_.incarnations, [&](const auto& known) {
        const member* named = now.find(known.first);
        if (named == nullptr) return known.first != leader();
        return named->incarnation != 0 && named->incarnation >> 16 != known.second >> 16;
    });
    if (book_.incarnations.size() != before) book_changed();
}

inline void consensus::reject() noexcept {
    ++rejected_;
    status_stale_ = true;
}

inline void consensus::announce_role() noexcept {
    const role_change now{role(), hard_.term, leader()};
    if (now.role == announced_.role && now.term == announced_.term &&
        now.leader == announced_.leader)
        return;
    announced_ = now;
    out().rare.role = now;
    out().has |= effects::rarely;
    touch();
}

inline void consensus::announce_members(const configuration& now) noexcept {
    out().rare.members = now;
    out().has |= effects::rarely;
    touch();
}

template <class Body, class... Fields>
[[gnu::always_inline]] inline void consensus::send_now(node_id to,
                                                       const Fields&... fields) noexcept {
    const auto make = [&] { return message(std::in_place_type<Body>, fields...); };
    filling_->out.has |= effects::sending;
    add(filling_->out.send, to, who_.incarnation, made_there<decltype(make)>{make});
}

template <class Body>
void consensus::send_held(node_id to, const stamp& needs, const Body& body) noexcept {
    if (needs.reached(durable_)) {
        send_now<Body>(to, body);
        return;
    }
    if (held_.size() >= held_messages_max) make_room_to_hold(to);
    held_message& waiting = held_.emplace_back();
    waiting.needs = needs;
    waiting.term = hard_.term;
    waiting.mail.peer = to;
    waiting.mail.incarnation = who_.incarnation;
    waiting.mail.body = body;
}

// A stalled disk must not cost memory without end. Any message may be lost: whoever misses a vote,
// a reply or an introduction asks again. So the oldest goes: the same peer's, which the new one
// outdates, and only else another's, so that nobody displaces what is meant for others.
inline void consensus::make_room_to_hold(node_id to) noexcept {
    auto oldest = std::find_if(held_.begin(), held_.end(),
                               [to](const held_message& each) { return each.mail.peer == to; });
    held_.erase(oldest != held_.end() ? oldest : held_.begin());
}

// A held reply whose term has passed is dropped: it would speak for a promise that was overtaken.
[[gnu::noinline]] inline void consensus::release_held() noexcept {
    std::size_t kept = 0;
    for (held_message& each : held_) {
        if (each.term != hard_.term) continue;
        if (each.needs.reached(durable_)) {
            out().send.push_back(each.mail);
            out().has |= effects::sending;
        } else {
            held_[kept++] = each;
        }
    }
    held_.resize(kept);
}

// What it calls in a steady state is flattened, and what is rare stays out of line: a tenth of the
// time of a committed entry at batch 1 (bench/core_bench).
inline effects& consensus::take_effects() noexcept {
    work_ = false;
    if (running()) {
        if (peers_due_) flush_leader();
        if (dirty_ || persist_cursor_.index <= log_.last_index()) flush_persist();
        if (reply_.due) flush_reply();
        if (handed_ < std::min(commit_, stable_.stable())) flush_apply();
    }
    turn& full = *filling_;
    filling_ = filling_ == turns_ ? turns_ + 1 : turns_;
    empty(*filling_);
    return full.out;
}

// Only what `has` names was filled; capacities stay. The batch is written whole when it is made.
inline void consensus::empty(turn& taken) noexcept {
    const u32 has = std::exchange(taken.out.has, 0);
    taken.out.send.clear();
    taken.out.apply.clear();
    const u32 frequent = effects::persisting | effects::sending | effects::applying;
    if ((has & ~frequent) != 0 || !taken.loads.empty()) empty_rare(taken, has);
}

[[gnu::noinline]] inline void consensus::empty_rare(turn& taken, u32 has) noexcept {
    taken.out.load.clear();
    taken.out.reads.clear();
    taken.loads.clear();
    if (!(has & effects::rarely)) return;
    taken.out.rare.compact.reset();
    taken.out.rare.members.reset();
    taken.out.rare.snapshots.clear();
    taken.out.rare.role.reset();
    taken.out.rare.transfer.reset();
}

inline void consensus::stop(error why) noexcept {
    if (stopped_) return;
    if (leader_state* office = leading()) fail_reads(*office);
    stopped_ = why ? why : error{errc::stopped, 0, "core.stop"};
    held_.clear();
    reply_ = {};
    touch();
}

inline result<void> consensus::reconfigure(const core::options& numbers) noexcept {
    if (result<void> valid = numbers.validate(); !valid) return valid.why();
    options_ = numbers;
    lease_timeout_ = std::min(lease_timeout_, numbers.election_timeout_min);
    promise_timeout_ = std::max(promise_timeout_, numbers.election_timeout_min);
    touch();
    return {};
}

inline instant consensus::deadline() const noexcept {
    if (!running()) return never;
    if (!started_) return {};
    instant next = never;
    if (const leader_state* office = leading()) {
        next = earliest(next, office->heartbeat_at);
        next = earliest(next, office->notice_at);
        if (options_.check_quorum) next = earliest(next, office->quorum_at);
        if (office->transfer) next = earliest(next, office->transfer->deadline);
    } else {
        next = earliest(next, timer_.deadline());
    }
    if (!may_vote() || fence_.up()) next = earliest(next, introduce_at_);
    return next;
}

inline const core::status& consensus::status() const noexcept {
    if (!status_stale_) return status_;
    status_stale_ = false;
    core::status& s = status_;
    s.role = role();
    s.term = hard_.term;
    s.leader = leader();
    s.voted_for = hard_.voted_for;
    s.first = log_.first();
    s.last = log_.last_index();
    s.last_term = log_.last().term;
    s.stable = stable_.stable();
    s.commit = commit_;
    s.applied = applied_;
    s.snapshot = newest_ ? newest_->id.at.index : index_t{};
    s.snapshot_term = newest_ ? newest_->id.at.term : term_t{};
    s.joined = may_vote();
    s.fenced = fence_.up();
    s.joint = members_.latest().joint;
    s.stopped = !running();
    s.stop_cause = stopped_;
    s.tail_bytes = log_.tail().block_bytes_held();
    s.uncommitted_bytes = leads() ? uncommitted_bytes_ : 0;
    s.rejected = rejected_;
    s.elections = elections_;
    s.leaderships = leaderships_;
    s.peer_count = 0;
    s.serving_reads = false;
    s.transfer_target = {};
    const leader_state* office = leading();
    if (office == nullptr) return s;
    s.serving_reads = commit_ >= office->barrier && !fence_.up();
    if (office->transfer) s.transfer_target = office->transfer->target;
    for (const progress& each : office->peers) {
        if (s.peer_count == peers_max) break;
        const member* known = members_.latest().find(each.id);
        const u64 lag = s.last.value > each.match().value ? s.last.value - each.match().value : 0;
        s.peers[s.peer_count++] = {each.id,
                                   known != nullptr ? known->role : member_role::none,
                                   each.mode(),
                                   each.reachable,
                                   each.heard_at + options_.election_timeout_min > now_,
                                   each.match(),
                                   each.next(),
                                   lag,
                                   each.window().bytes()};
    }
    return s;
}

}  // namespace core

RAFTKIT_NAMESPACE_END
