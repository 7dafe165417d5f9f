#pragma once
// A turn: poll(), what arrives, and what the core wants done. Included by driver.hpp alone.

#include <raftkit/node/driver.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class Parts>
instant driver<Parts>::poll(instant now) noexcept {
    polls_on_.store(detail::this_thread(), std::memory_order_relaxed);
    parts_.now = std::max(parts_.now, now);
    if (stopped()) {
        (void)take_submissions();  // to refuse them
        while (parts_.queue.has_work()) (void)parts_.queue.step(nullptr, {});
        return never;
    }
    stepped_this_poll_ = false;
    if (listing_) {
        desk_->listed(*listing_);
        listing_.reset();
    }

    // What waits is dated now, and not back to the last turn: promises to a leader, which its lease
    // counts on, begin when it is heard. Timers judge afterwards.
    if (parts_.core) parts_.core->date(parts_.now);
    u32 budget = parts_.options.events_per_poll;
    if constexpr (pollable_transport<typename Parts::transport_type>) {
        mail_sink sink{this};
        if (transport_open_) parts_.transport.drain(sink);
    }
    take_nudge();
    if (parts_.core) parts_.core->advance(parts_.now);
    (void)take_events(budget);
    (void)take_submissions();
    if (!apply_.running && parts_.now >= parts_.queue.reads_due())
        parts_.queue.sweep_reads(parts_.now);
    again_ = true;
    for (u32 round = 0; again_ && round < rounds_max; ++round) {
        if (parts_.core) flush_reads();
        again_ = parts_.core && carry_out();
        again_ |= step_machine();
        if (parts_.core) {
            advance_phase();
            desk_->advance();
            again_ |= parts_.core->has_effects();
        }
        // What finished may have submitted more, what ran inline has posted its end.
        refresh_time();
        again_ |= take_events(budget);
        again_ |= take_submissions();
        if (disk_waits_ && !again_) {
            again_ = wait_for_disk();
            again_ |= take_events(budget);
            again_ |= take_submissions();
        }
    }
    if (disk_waits_) {
        (void)wait_for_disk();
        again_ = true;
    }
    pending_.expire(parts_.now, parts_.ender());
    requests_.expire(parts_.now, parts_.ender());
    flush_wire();
    if constexpr (requires { parts_.storage.tick(now); }) {
        if (storage_open_) storage_tick_at_ = parts_.storage.tick(parts_.now);
        if (storage_tick_at_ <= parts_.now) flush_disk();  // it may have failed between turns
    }
    if (parts_.closing) advance_close();
    tell_commit();
    if (parts_.now - published_at_ >= publish_every) publish();
    return deadline();
}

// A turn may last: an apply, a sync. With leases what comes in its later rounds must not be dated
// back to its start: a lease would seem to live on, and a promise to end early.
template <class Parts>
void driver<Parts>::refresh_time() noexcept {
    if (!parts_.options.lease_reads || parts_.clocks.monotonic == nullptr || !parts_.core) return;
    parts_.now = std::max(parts_.now, parts_.clocks.monotonic());
    parts_.core->date(parts_.now);
}

template <class Parts>
instant driver<Parts>::deadline() const noexcept {
    if (stopped()) return never;
    const bool at_once =
        again_ || next_event_ < events_.size() || (more_to_apply_ && !apply_.running) ||
        (!apply_.running && parts_.queue.has_work()) || (parts_.core && parts_.core->has_effects());
    if (at_once) return parts_.now;
    instant next = earliest(pending_.deadline(), requests_.deadline());
    if (!apply_.running) next = earliest(next, parts_.queue.reads_due());
    if (parts_.core) next = earliest(next, parts_.core->deadline());
    if (desk_ && parts_.core) next = earliest(next, desk_->deadline());
    if constexpr (requires { parts_.storage.tick(next); }) {
        if (storage_open_) next = earliest(next, storage_tick_at_);
    }
    if (parts_.closing) next = earliest(next, parts_.now < close_at_ ? close_at_ : never);
    if (handing_over_) next = earliest(next, hand_over_until_);
    return next;
}

// ---- what arrives ----

// True if something was handled.
template <class Parts>
bool driver<Parts>::take_events(u32& budget) noexcept {
    const u32 before = budget;
    for (;;) {
        if (next_event_ == events_.size()) {
            events_.clear();
            next_event_ = 0;
            if (!parts_.inbox.drain(events_)) return budget != before;
        }
        for (; next_event_ < events_.size() && budget > 0; --budget) handle(events_[next_event_++]);
        if (budget == 0) return budget != before;
    }
}

template <class Parts>
void driver<Parts>::handle(event& what) noexcept {
    if (auto* done = std::get_if<persisted>(&what)) return on(*done);
    if (auto* mail = std::get_if<received>(&what)) return on(*mail);
    if (auto* done = std::get_if<applied>(&what)) return on(*done);
    if (auto* read = std::get_if<loaded>(&what)) return on(*read);
    if (auto* bulk = std::get_if<received_bulk>(&what)) return on(*bulk);
    if (auto* seen = std::get_if<peer_state>(&what)) return on(*seen);
    if (auto* step = std::get_if<snapshot_step>(&what)) return on(*step);
}

template <class Parts>
void driver<Parts>::on(peer_state& seen) noexcept {
    parts_.tell(peer_changed{seen.peer, seen.reachable});
    if (!parts_.core) return;
    parts_.core->peer_changed(seen.peer, seen.reachable);
    desk_->peer_changed(seen.peer, seen.reachable);
}

template <class Parts>
void driver<Parts>::on(applied&) noexcept {
    apply_.running = false;
    more_to_apply_ = apply_.more;
    machine_stepped();
}

template <class Parts>
void driver<Parts>::on(snapshot_step& step) noexcept {
    if (desk_) desk_->stepped(step);
}

template <class Parts>
void driver<Parts>::receive(const envelope& mail) noexcept {
    if (!parts_.core) return;  // peers say it again
    if (const auto* request = std::get_if<append_request>(&mail.body);
        request != nullptr && !has_room_for(request->entries)) {
        // The disk is full: what can't be stored is not taken, but its leader is heard.
        envelope heard = mail;
        append_request& order = std::get<append_request>(heard.body);
        order.entries = {};
        // Were what follows on them refused, the leader would send all of it again at once, and so
        // on for as long as there is no room.
        if (order.previous.index > parts_.core->status().last) order.previous = {};
        return parts_.core->receive(heard);
    }
    const u64 rejected = parts_.core->rejected();
    parts_.core->receive(mail);
    if (parts_.core->rejected() != rejected) judge(mail);
    if (const auto* done = std::get_if<snapshot_done>(&mail.body))
        desk_->heard_done(mail.peer, *done);
}

template <class Parts>
void driver<Parts>::receive(const bulk_envelope& mail) noexcept {
    if (!parts_.core) return;
    if (const auto* asked = std::get_if<snapshot_want>(&mail.body))
        return desk_->want(mail.peer, *asked);
    desk_->piece(mail.peer, std::get<snapshot_piece>(mail.body));
}

// ---- what the core wants done ----

// Wire first: an inline sync would delay it. Within a kind the order is the core's.
template <class Parts>
bool driver<Parts>::carry_out() noexcept {
    if (!parts_.core->has_effects()) return false;
    effects& what = parts_.core->take_effects();
    do_wire(what);
    flush_wire();
    do_machine(what);
    do_disk(what);
    if (what.has & effects::rarely) do_rest(what);
    return true;
}

template <class Parts>
void driver<Parts>::do_wire(effects& what) noexcept {
    if ((what.has & effects::rarely) && what.rare.members) {
        parts_.transport.members(*what.rare.members);
        know(parts_.core->peers(), *what.rare.members);
    }
    if ((what.has & effects::sending) == 0) return;
    for (const envelope& each : what.send) parts_.transport.send(each);
}

// A transport that gathers small frames is told when no more come.
template <class Parts>
void driver<Parts>::flush_wire() noexcept {
    if constexpr (requires { parts_.transport.flush(); }) {
        if (transport_open_) parts_.transport.flush();
    }
}

template <class Parts>
void driver<Parts>::do_machine(effects& what) noexcept {
    if (what.has & effects::applying) {
        for (const run_view& each : what.apply) hand_over(each);
    }
    if ((what.has & effects::reading) == 0) return;
    for (const read_ready& each : what.reads) {
        operation* chain = requests_.confirmed(each.id);
        if (chain == nullptr) continue;
        error why = each.status;
        if (why.code == errc::not_leader && why.detail == 0) why.detail = leader().value;
        if (!why) {
            for (operation* one = chain; one != nullptr; one = one->next) --parts_.operations;
            parts_.queue.read(*chain, each.at);
            continue;
        }
        while (chain != nullptr) {
            operation& next = *chain;
            chain = std::exchange(next.next, nullptr);
            parts_.end(next, why);
        }
    }
}

// Operations travel with the range, so that `pending` belongs to the raft context alone.
template <class Parts>
void driver<Parts>::hand_over(const run_view& entries) noexcept {
    if (!pending_.concerns(entries.last(), entries.term)) {
        (void)parts_.queue.range(entries, false);
        return;
    }
    operation** travels = parts_.queue.range(entries, true);
    pending_.take(
        entries.first, entries.last(), entries.term,
        [&](index_t at, operation& who) {
            if (who.what == operation::kind::change) return requests_.wait_left(who, at);
            --parts_.operations;
            travels[at.value - entries.first.value] = &who;
        },
        [&](operation& who) {
            parts_.end(who, {errc::leader_changed, 0, "propose: another entry is committed there"});
        });
}

template <class Parts>
void driver<Parts>::do_rest(effects& what) noexcept {
    for (snapshot_effect& each : what.rare.snapshots) desk_->effect(each);
    if (what.rare.transfer) {
        handing_over_ = false;
        if (operation* who = requests_.take_transfer()) parts_.end(*who, *what.rare.transfer);
    }
    if (!what.rare.role) return;
    const role_change now = *what.rare.role;
    const bool leads = now.role == role_kind::leader;
    desk_->role_changed(leads);
    if (!leads && parts_.options.on_leadership_lost == lost_leadership::unknown_now) {
        pending_.end_all(errc::not_leader, "node: leadership lost", parts_.ender());
    }
    end_what_nobody_tells();
    parts_.tell(role_changed{now.role, now.term, now.leader});
    publish();
}

// ---- the machine ----

// True if the step may have caused more.
template <class Parts>
bool driver<Parts>::step_machine() noexcept {
    using apply_on = bare<decltype((parts_.policies.apply_on))>;
    if (apply_.running || (!more_to_apply_ && !parts_.queue.has_work())) return false;
    if constexpr (detail::runs_in_poll<apply_on>) {
        if (more_to_apply_ && stepped_this_poll_) return false;
        more_to_apply_ = parts_.queue.step(parts_.clocks.monotonic, parts_.options.apply_slice);
        stepped_this_poll_ = more_to_apply_;
        machine_stepped();
        return true;
    } else {
        apply_.running = true;
        more_to_apply_ = false;
        parts_.queue.take();
        parts_.policies.apply_on.run(apply_);
        return false;
    }
}

template <class Parts>
void driver<Parts>::machine_stepped() noexcept {
    auto& moved = parts_.queue.progress();
    if (moved.first) {
        if (parts_.core) parts_.core->applied(moved.applied);
        parts_.tell(apply_batch{moved.first, moved.applied, moved.took});
    }
    const bool installed = moved.committed;
    if (installed) {
        const index_t at = parts_.queue.applied();
        const bool held = parts_.core->term_at(at) == desk_->restoring_term();
        pending_.covered(at, held, parts_.ender());
    }
    if (moved.first || moved.captured || moved.restoring || installed) desk_->machine_moved(moved);
    if (installed && desk_->watches_stable()) desk_->stable_reached(parts_.core->status().stable);
    const error failed = moved.failed;
    parts_.queue.clear_progress();
    requests_.applied(parts_.queue.applied(), parts_.ender());
    if (requests_.changing()) {
        const configuration& now = parts_.core->members_at(parts_.queue.applied());
        if (!now.joint) requests_.left(now.index, parts_.ender());
    }
    end_what_nobody_tells();
    if (failed) fail(failed);
}

// Who knows that it was removed gets no entry any more, so that nothing tells what became of its
// own last ones.
template <class Parts>
void driver<Parts>::end_what_nobody_tells() noexcept {
    if (apply_.running) return;  // its context moves the queue; asked again when it is done
    if (pending_.empty() || !parts_.core || parts_.core->leads()) return;
    const configuration& now = parts_.core->members();
    const index_t applied = parts_.queue.applied();
    if (now.joint || now.find(parts_.core->who().self) != nullptr || applied < now.index) return;
    if (applied < parts_.core->status().commit) return;
    pending_.end_all(errc::not_member, "node: removed from the cluster", parts_.ender());
}

RAFTKIT_NAMESPACE_END
