#pragma once
// The bodies of receiver, continued: what becomes of an install that is stored, how any of them
// ends, and time. Included by receiver.hpp alone.

#include <raftkit/snapshot/receiver.hpp>

RAFTKIT_NAMESPACE_BEGIN

// ---- restore ----

template <class Store>
void receiver<Store>::decide(snapshot_actions& out) {
    phase_ = receive_phase::deciding;
    slots_.clear();
    held_.clear();
    job_.reset();  // its writer and reader are gone since its last step
    pins_->opened(id());
    out.add(order::tell_received{manifest_.meta});
}

template <class Store>
void receiver<Store>::received(bool restore, snapshot_actions& out) {
    if (phase_ != receive_phase::deciding) return;  // the core cancelled while it decided
    if (restore) {
        phase_ = receive_phase::restoring;
        return out.add(order::start_restore{manifest_.meta});
    }
    unsettled_.push_back(id());  // an ordinary snapshot from now on
    close(false, out);
}

template <class Store>
void receiver<Store>::restore_ended(error status, snapshot_actions& out) {
    if (phase_ != receive_phase::restoring) return;
    if (!status) {
        phase_ = receive_phase::filled;
        out.add(order::install_filled{});
        return out.add(order::tell_filled{id()});
    }
    if (status.code == errc::corrupt) out.add(order::quarantine_snapshot{id()});
    fail(install_status::restore_failed, out);
}

template <class Store>
void receiver<Store>::committed(snapshot_id done) noexcept {
    RAFTKIT_ASSERT(phase_ == receive_phase::filled && done == id());
    phase_ = receive_phase::committed;
}

template <class Store>
void receiver<Store>::answered(snapshot_id done, install_status status, snapshot_actions& out) {
    if (phase_ != receive_phase::committed || done != id() || status != install_status::installed)
        return;
    unsettled_.push_back(done);
    close(true, out);
}

// ---- ending ----

// cancel_accept. Requires: not past commit(); the core does not cancel there. Stored and below the
// commit index it is as good as one of ours, and stays; otherwise it goes: unmarked it would look
// like a log that lost its end.
template <class Store>
void receiver<Store>::cancel(snapshot_id gone, index_t commit, snapshot_actions& out) {
    // While it is being fetched the core may know the install by the id of an earlier offer.
    const bool named = gone == id() || phase_ < receive_phase::deciding;
    if (phase_ == receive_phase::idle || !named) return;
    RAFTKIT_ASSERT(phase_ != receive_phase::committed);
    const bool published = phase_ >= receive_phase::deciding;
    if (phase_ == receive_phase::restoring || phase_ == receive_phase::filled) {
        out.add(order::cancel_restore{});
    }
    if (published && gone.at.index <= commit) {
        unsettled_.push_back(gone);
    } else if (published) {
        out.add(order::remove_snapshot{gone});
    }
    // What the log has passed is not offered again; what a closing node leaves is.
    if (job_ != nullptr && id().at.index <= commit) job_->forget = true;
    close(false, out);
}

template <class Store>
void receiver<Store>::fail(install_status status, snapshot_actions& out) {
    out.add(order::tell_accept_failed{id(), status});
    close(false, out);
}

template <class Store>
void receiver<Store>::close(bool installed, snapshot_actions& out) {
    if (phase_ >= receive_phase::deciding) pins_->closed(id());
    if (job_ != nullptr) {
        job_->cancel();
        if constexpr (forgetting_store<Store>) staged_ |= phase_ >= receive_phase::creating;
        const bool last_step = !job_->running && job_->holds_writer();
        if (job_->running) out.add(order::hurry_job{job_.get()});
        if (last_step) run(job_t::command_t::write, out);
        if (job_->running) dying_.push_back(std::move(job_));
        job_.reset();
    }
    slots_.clear();
    held_.clear();
    manifest_ = {};
    phase_ = receive_phase::idle;
    out.add(order::install_ended{installed});
}

template <class Store>
void receiver<Store>::log_reached(index_t stable, snapshot_actions& out) {
    std::erase_if(unsettled_, [&](snapshot_id each) {
        if (stable < each.at.index) return false;
        out.add(order::settle_snapshot{each});
        return true;
    });
}

// ---- peers and time ----

template <class Store>
void receiver<Store>::peer_changed(node_id peer, bool reachable, instant now,
                                   snapshot_actions& out) {
    if (reachable && peer == from_ && transferring()) ask_again(now, out);
}

template <class Store>
void receiver<Store>::advance(instant now, snapshot_actions& out) {
    if (phase_ != receive_phase::asking) {  // nobody waits for these
        counts_.dropped += early_.size();
        early_.clear();
    }
    if (forget_at() <= now) {
        staged_ = false;
        out.add(order::forget_staged{});
    }
    if (!transferring()) return;
    if (moved_at_ + options_.snapshot_lease <= now) {
        if (!job_->running) return fail(install_status::cancelled, out);
        moved_at_ = now;  // the silence is ours: our disk, or our throttle
    }
    if (retry_at() > now) return;
    ask_again(now, out);
    retry_gap_ = std::min(retry_gap_ * 2, options_.snapshot_lease / 8);
}

// What is staged costs space, and every day it is less likely to be offered again.
template <class Store>
instant receiver<Store>::forget_at() const noexcept {
    // Not while a cancelled job still holds the writer: what it leaves would stay.
    const bool waits = staged_ && phase_ == receive_phase::idle && dying_.empty();
    return waits && options_.snapshot_staging_ttl.ns > 0 ? moved_at_ + options_.snapshot_staging_ttl
                                                         : never;
}

// Only when nothing arrives any more, and ever later: on a slow link a piece that is asked for
// twice delays all others.
template <class Store>
instant receiver<Store>::retry_at() const noexcept {
    instant first = never;
    for (const slot& each : slots_) {
        if (each.state == slot::asked) first = earliest(first, each.asked_at);
    }
    return first == never ? never : std::max(first, moved_at_) + retry_gap_;
}

template <class Store>
instant receiver<Store>::deadline() const noexcept {
    if (!transferring()) return forget_at();
    return earliest(moved_at_ + options_.snapshot_lease, retry_at());
}

RAFTKIT_NAMESPACE_END
