#pragma once
// The bodies of snapshot_desk: what it hears, and the jobs. Included by snapshot_desk.hpp alone.

#include <raftkit/node/snapshot_desk.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class Parts>
snapshot_desk<Parts>::snapshot_desk(Parts& parts)
    : parts_(parts),
      coordinator_(parts.options.for_snapshots(), parts.self),
      pins_(parts.options.snapshot_lease),
      sender_(parts.snapshots, pins_, parts.options.for_snapshots(), parts.self.incarnation,
              parts.options.heartbeat_interval, parts.port()),
      receiver_(parts.snapshots, pins_, parts.options.for_snapshots(), parts.self.incarnation,
                parts.options.heartbeat_interval * 5, parts.options.message_bytes_max,
                parts.port()),
      calls_(parts.snapshots, parts.port()) {}

// ---- life ----

template <class Parts>
void snapshot_desk<Parts>::listed(const std::vector<snapshot_manifest>& listing) {
    coordinator_.listed(listing, parts_.now);
    if constexpr (forgetting_store<store>) receiver_.opened(parts_.now);
    if (listing.empty()) return;
    const snapshot_meta& newest = listing.front().meta;
    snapshot_bytes_ = newest.bytes;
    if (!newest.installing) return;
    settle_first_ = newest.id;
    watches_stable_ = true;
}

template <class Parts>
void snapshot_desk<Parts>::serving(bool on) {
    if (serving_ == on) return;
    serving_ = on;
    serving_since_ = parts_.now;
    coordinator_.serving(on);
    ask_trigger_ = ask_compaction_ = on;
}

template <class Parts>
void snapshot_desk<Parts>::close(instant deadline) {
    close_at_ = deadline;
    coordinator_.close(deadline, actions_);
    sender_.cancel_all(actions_);
    ask_trigger_ = true;
    execute();
}

template <class Parts>
bool snapshot_desk<Parts>::idle() const noexcept {
    // An install past its fetch has no job of its own: it waits for a core that may have stopped.
    const bool receives = !receiver_.idle() && receiver_.phase() < receive_phase::restoring;
    return !save_ && !restore_ && drops_.empty() && calls_.idle() && sender_.idle() && !receives &&
           paced_.empty() && !image_ && !restoring_;
}

template <class Parts>
void snapshot_desk<Parts>::hurry() {
    sender_.cancel_all(actions_);
    if (installing() && receiver_.phase() < receive_phase::filled) {
        receiver_.cancel(receiver_.id(), parts_.core->status().commit, actions_);
    }
    if (save_ && !save_->cancelled()) {
        save_->cancel();
        paced_.hurry(&*save_);
    }
    if (restoring_ || restore_) {
        order::cancel_restore stop;
        on(stop);
    }
    execute();
}

template <class Parts>
void snapshot_desk<Parts>::reconfigure() {
    coordinator_.reconfigure(parts_.options.for_snapshots());
    sender_.reconfigure(parts_.options.for_snapshots());
    receiver_.reconfigure(parts_.options.for_snapshots());
    pins_.set_idle(parts_.options.snapshot_lease);
}

// ---- requests and effects ----

template <class Parts>
void snapshot_desk<Parts>::request(snapshot_ticket& asked) {
    coordinator_.request(asked, parts_.now, actions_);
}

template <class Parts>
void snapshot_desk<Parts>::cancel_asked() {
    coordinator_.advance(parts_.now, actions_);
}

template <class Parts>
void snapshot_desk<Parts>::effect(snapshot_effect& what) {
    const core::status& now = parts_.core->status();
    if (const auto* ship = std::get_if<ship_snapshot>(&what)) {
        sender_.ship(*ship, now.term, coordinator_.kept(), parts_.now, actions_);
    } else if (const auto* stop = std::get_if<cancel_ship>(&what)) {
        sender_.cancel(stop->to, actions_);
        ask_compaction_ = true;
    } else if (const auto* accept = std::get_if<accept_snapshot>(&what)) {
        watches_stable_ = true;
        receiver_.accept(*accept, now.commit, coordinator_.kept(), parts_.now, actions_);
    } else if (const auto* cancel = std::get_if<cancel_accept>(&what)) {
        receiver_.cancel(cancel->id, now.commit, actions_);
    } else if (in_place_next_) {
        begin_restore(*std::exchange(in_place_next_, std::nullopt));
    } else {
        commit_restore();
    }
}

template <class Parts>
void snapshot_desk<Parts>::want(node_id from, const snapshot_want& asked) {
    if (parts_.core->admits(from, asked.term, asked.id))
        sender_.want(from, asked, coordinator_.kept(), parts_.now, actions_);
}

template <class Parts>
void snapshot_desk<Parts>::piece(node_id from, const snapshot_piece& got) {
    if (parts_.core->admits(from, got.term, got.id))
        receiver_.piece(from, got, parts_.now, actions_);
}

template <class Parts>
void snapshot_desk<Parts>::heard_done(node_id from, const snapshot_done& done) {
    if (done.status == install_status::installing) return sender_.heard(from, parts_.now);
    if (done.status != install_status::installed) return;
    const kept_snapshots::entry* known = coordinator_.kept().find(done.id);
    parts_.tell(
        snapshot_shipped{from, done.id, known != nullptr ? known->manifest.meta.bytes : 0, {}});
}

template <class Parts>
void snapshot_desk<Parts>::peer_changed(node_id peer, bool reachable) {
    sender_.peer_changed(peer, reachable, parts_.now, actions_);
    receiver_.peer_changed(peer, reachable, parts_.now, actions_);
}

template <class Parts>
void snapshot_desk<Parts>::role_changed(bool leads) {
    if (!leads) sender_.cancel_all(actions_);
}

// ---- progress ----

template <class Parts>
void snapshot_desk<Parts>::machine_moved(typename applier<machine>::progress_t& moved) {
    if (moved.first) {
        applied_bytes_ += moved.bytes;
        apply_cost_ = apply_cost_ + moved.took;
        coordinator_.applied(moved.applied);
        ask_trigger_ = true;
    }
    if (moved.captured) {
        captured_bytes_ = applied_bytes_;
        if (moved.captured_image) image_.emplace(std::move(*moved.captured_image));
        result<snapshot_basis> basis = image_ ? parts_.core->basis_at(moved.captured_at)
                                              : result<snapshot_basis>(moved.capture_failed);
        if (!basis && image_) {
            order::drop_image gone;
            on(gone);
        }
        const i64 unix_ns = parts_.clocks.unix_ns != nullptr ? parts_.clocks.unix_ns() : 0;
        coordinator_.captured(std::move(basis), unix_ns / 1'000'000, parts_.now, actions_);
    }
    if (moved.restoring) {
        if (moved.replacement && !restore_cancelled_) {
            restore_.emplace(parts_.snapshots, restoring_->id, std::move(*moved.replacement),
                             parts_.options.for_snapshots(), parts_.port());
            start(*restore_);
        } else if (restore_cancelled_) {
            restoring_.reset();
            restore_cancelled_ = false;
            if (restore_next_) begin_restore(*std::exchange(restore_next_, std::nullopt));
        } else {
            restoring_.reset();
            if (opening_) {
                open_failure_ = moved.restore_failed;
            } else {
                restore_failed(moved.restore_failed);
            }
        }
    }
    if (moved.committed) restored(restoring_->id);
}

template <class Parts>
void snapshot_desk<Parts>::stable_reached(index_t stable) {
    if (receiver_.phase() == receive_phase::committed && stable >= receiver_.id().at.index) {
        receiver_.answered(receiver_.id(), install_status::installed, actions_);
    }
    receiver_.log_reached(stable, actions_);
    if (settle_first_ && !opening_ && stable >= settle_first_->at.index) {
        actions_.add(order::settle_snapshot{*std::exchange(settle_first_, std::nullopt)});
    }
}

template <class Parts>
void snapshot_desk<Parts>::advance() {
    while (work_job* job = paced_.take_due(parts_.now)) start(*job);
    coordinator_.advance(parts_.now, actions_);
    sender_.advance(parts_.now, actions_);
    receiver_.advance(parts_.now, actions_);
    if (serving_) {
        const growth seen = facts();
        if constexpr (timed_trigger<bare<decltype((parts_.policies.trigger))>>) {
            if (parts_.policies.trigger.wake_at(seen) <= parts_.now) ask_trigger_ = true;
        }
    }
    if (std::exchange(ask_trigger_, false)) {
        order::ask_trigger ask;
        on(ask);
    }
    if (std::exchange(ask_compaction_, false)) {
        order::ask_compaction ask;
        on(ask);
    }
    execute();
}

template <class Parts>
instant snapshot_desk<Parts>::deadline() const noexcept {
    instant next = earliest(paced_.deadline(), coordinator_.deadline());
    next = earliest(next, earliest(sender_.deadline(), receiver_.deadline()));
    if constexpr (timed_trigger<bare<decltype((parts_.policies.trigger))>>) {
        if (serving_ && coordinator_.asks_trigger(parts_.now)) {
            next = earliest(next, parts_.policies.trigger.wake_at(facts()));
        }
    }
    return next;
}

// ---- jobs ----

template <class Parts>
void snapshot_desk<Parts>::run(work_job& job) {
    const bool busy = parts_.now - parts_.appended_at < milliseconds(50);
    if (job.bytes != 0 && !job.cancelled()) {
        const u32 bytes = static_cast<u32>(std::min<u64>(job.bytes, 1u << 30));
        const instant at = parts_.policies.throttle.admit({job.use, bytes, busy}, parts_.now);
        if (at > parts_.now && close_at_ == never) return paced_.add(job, at);
    }
    start(job);
}

template <class Parts>
void snapshot_desk<Parts>::start(work_job& job) {
    job.running = true;
    parts_.policies.work_on.run(job);
}

template <class Parts>
void snapshot_desk<Parts>::stepped(const snapshot_step& step) {
    if (save_ && step.job == &*save_) {
        save_->running = false;
        save_stepped();
    } else if (restore_ && step.job == &*restore_) {
        restore_->running = false;
        restore_stepped();
    } else if (calls_.owns(step.job)) {
        store_called();
    } else if (sender_.owns(step.job)) {
        sender_.stepped(step.job, parts_.now, actions_);
    } else if (receiver_.owns(step.job)) {
        receiver_.stepped(step.job, parts_.now, actions_);
    } else {
        std::erase_if(drops_, [&](const auto& each) { return each.get() == step.job; });
    }
}

// At most once a progress_interval.
template <class Parts>
void snapshot_desk<Parts>::progressed(const work_job& job, u64 bytes) {
    if (parts_.now < progress_at_) return;
    progress_at_ = parts_.now + parts_.options.progress_interval;
    const bool restores = job.use == bulk_use::restore;
    parts_.tell(snapshot_progress{job.use,
                                  restores ? restoring_->id : snapshot_id{coordinator_.saving(), 0},
                                  {},
                                  bytes,
                                  restores ? restoring_->bytes : 0});
}

template <class Parts>
void snapshot_desk<Parts>::save_stepped() {
    if (!save_->done) {
        if (save_->stage() == save_t::stage_t::publish) {
            save_->took(parts_.now - save_began_);
            if (!coordinator_.may_publish()) save_->cancel();
        }
        progressed(*save_, save_->saved_bytes());
        return run(*save_);
    }
    const error how = save_->status;
    const snapshot_manifest* made = !how && save_->published() ? &*save_->published() : nullptr;
    const std::vector<snapshot_manifest>* listing = save_->listing() ? &*save_->listing() : nullptr;
    if (made != nullptr) {
        snapshot_bytes_ = made->meta.bytes;
        const u64 warn = parts_.options.snapshot_bytes_warn;
        parts_.tell(snapshot_published{made->meta.id, snapshot_origin::captured, made->meta.bytes,
                                       parts_.now - save_began_,
                                       warn != 0 && made->meta.bytes > warn});
    }
    coordinator_.saved(how, made, listing, parts_.now, actions_);
    save_.reset();
}

template <class Parts>
void snapshot_desk<Parts>::store_called() {
    store_outcome& seen = calls_.finished();
    if (seen.asked.what == store_request::kind::remove) {
        coordinator_.removed(seen.asked.id, seen.status, actions_);
    } else if (seen.listing) {
        coordinator_.relisted(*seen.listing, parts_.now, actions_);
    }
    if (work_job* next = calls_.start()) run(*next);
}

RAFTKIT_NAMESPACE_END
