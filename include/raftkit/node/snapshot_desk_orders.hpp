#pragma once
// The bodies of snapshot_desk, continued: how each order is carried out. Included by
// snapshot_desk.hpp alone.

#include <raftkit/node/snapshot_desk.hpp>

RAFTKIT_NAMESPACE_BEGIN

// Orders may order more; they are carried out first to last. What is free to leave, leaves at the
// end.
template <class Parts>
void snapshot_desk<Parts>::execute() {
    for (std::size_t i = 0; i < actions_.orders.size(); ++i) {
        snapshot_order next = std::move(actions_.orders[i]);
        carry_out(next);
    }
    for (outgoing_offer& each : actions_.offers) {
        // Where the log begins is said as late as possible: it moves while a snapshot is under way.
        std::get<snapshot_offer>(each.mail.body).first = parts_.core->status().first;
        parts_.transport.send(each.mail);
    }
    for (const outgoing_bulk& each : actions_.bulk) parts_.transport.send(each.mail);
    actions_.clear();
}

template <class Parts>
void snapshot_desk<Parts>::on(order::run_job& what) {
    run(*what.job);
}

template <class Parts>
void snapshot_desk<Parts>::on(order::hurry_job& what) {
    paced_.hurry(what.job);
}

template <class Parts>
void snapshot_desk<Parts>::on(order::capture&) {
    parts_.queue.capture();
}

template <class Parts>
void snapshot_desk<Parts>::on(order::drop_image&) {
    if (!image_) return;
    drops_.push_back(std::make_unique<drop_job>(std::move(*image_), parts_.port()));
    image_.reset();
    start(*drops_.back());
}

template <class Parts>
void snapshot_desk<Parts>::on(order::start_save& what) {
    RAFTKIT_ASSERT(image_.has_value() && !save_);
    parts_.tell(snapshot_begun{what.manifest.meta.id.at, what.cause});
    save_cause_ = what.cause;
    save_began_ = parts_.now;
    save_.emplace(parts_.snapshots, std::move(*image_), std::move(what.manifest),
                  parts_.options.for_snapshots(), parts_.port());
    image_.reset();
    start(*save_);
}

template <class Parts>
void snapshot_desk<Parts>::on(order::cancel_save&) {
    if (!save_) return;
    save_->cancel();
    paced_.hurry(&*save_);
}

template <class Parts>
void snapshot_desk<Parts>::on(order::finish_ticket& what) {
    parts_.end(*what.ticket, what.status);
}

template <class Parts>
void snapshot_desk<Parts>::on(order::save_failed& what) {
    parts_.tell(snapshot_failed{bulk_use::save, {}, what.why});
}

template <class Parts>
void snapshot_desk<Parts>::on(order::look_again&) {
    sender_.look_again(coordinator_.kept(), parts_.now, actions_);
}

template <class Parts>
void snapshot_desk<Parts>::on(order::want_capture& what) {
    coordinator_.wanted_by_peers(what.at_least, parts_.now, actions_);
}

template <class Parts>
growth snapshot_desk<Parts>::facts() const noexcept {
    const core::status& now = parts_.core->status();
    const kept_snapshots::entry* newest = coordinator_.kept().newest();
    growth seen;
    if (newest != nullptr) {
        seen.snapshot = newest->manifest.meta.id.at;
        seen.snapshot_bytes = newest->manifest.meta.bytes;
        seen.snapshot_at = newest->published_at;
    } else {
        seen.snapshot_at = serving_since_;
    }
    seen.applied = {now.applied, parts_.core->term_at(now.applied)};
    seen.entries = now.applied.value - std::min(now.applied.value, seen.snapshot.index.value);
    seen.bytes = applied_bytes_ - captured_bytes_;
    seen.last = seen.slowest_match = now.last;
    seen.serving_since = serving_since_;
    seen.apply_cost = apply_cost_;
    seen.restore_cost = restore_cost_;
    seen.leading = now.role == role_kind::leader;
    for (u32 i = 0; i < now.peer_count; ++i) {
        const core::peer_status& each = now.peers[i];
        if (each.reachable) seen.slowest_match = std::min(seen.slowest_match, each.match);
        seen.learner_healthy |= each.role == member_role::learner && each.active;
    }
    seen.closing = close_at_ != never;
    return seen;
}

template <class Parts>
void snapshot_desk<Parts>::on(order::ask_trigger&) {
    if (!serving_ || !coordinator_.asks_trigger(parts_.now)) return;
    if (const trigger_verdict verdict = parts_.policies.trigger.due(facts(), parts_.now)) {
        coordinator_.due(verdict.cause, parts_.now, actions_);
    }
}

template <class Parts>
void snapshot_desk<Parts>::on(order::ask_compaction&) {
    if (!parts_.core || coordinator_.kept().empty()) return;
    const core::status& now = parts_.core->status();
    log_shape shape;
    log_bounds bounds;
    coordinator_.describe(shape);
    coordinator_.describe(bounds);
    shape.first = bounds.first = now.first;
    shape.last = bounds.last = now.last;
    shape.applied = bounds.applied = now.applied;
    shape.slowest_match = facts().slowest_match;
    shape.bytes = parts_.log_bytes;
    if (parts_.appended_entries != 0) {
        shape.bytes_per_entry = static_cast<u32>(parts_.appended_bytes / parts_.appended_entries);
    }
    bounds.bytes_per_entry = shape.bytes_per_entry;
    bounds.shipped = lowest_held();
    // A kept install that the machine has not come to is nothing to begin a log with: status()
    // would show a gap. It is asked again until the machine has.
    const auto& kept = coordinator_.kept().entries();
    const auto reached = std::find_if(kept.begin(), kept.end(), [&](const auto& each) {
        return each.manifest.meta.id.at.index <= now.applied;
    });
    ask_compaction_ = reached != kept.begin();
    bounds.newest = reached != kept.end() ? reached->manifest.meta.id.at.index : index_t{};
    shape.now = parts_.now;
    const index_t keep = clamp_keep_from(parts_.policies.compaction.keep_from(shape), bounds);
    if (keep > now.first) parts_.core->compact_to(keep);
}

template <class Parts>
void snapshot_desk<Parts>::on(order::ask_retention&) {
    coordinator_.retain(
        parts_.policies.retention, parts_.now, [&](snapshot_id id) { return pins_.pinned(id); },
        actions_);
}

template <class Parts>
void snapshot_desk<Parts>::on(order::remove_snapshot& what) {
    calls_.add({store_request::kind::remove, what.id, {}});
    if (work_job* next = calls_.start()) run(*next);
}

template <class Parts>
void snapshot_desk<Parts>::on(order::settle_snapshot& what) {
    calls_.add({store_request::kind::settle, what.id, {}});
    if (work_job* next = calls_.start()) run(*next);
}

template <class Parts>
void snapshot_desk<Parts>::on(order::quarantine_snapshot& what) {
    calls_.add({store_request::kind::quarantine, what.id, {}});
    if (work_job* next = calls_.start()) run(*next);
}

template <class Parts>
void snapshot_desk<Parts>::on(order::forget_staged&) {
    calls_.add({store_request::kind::forget, {}, {}});
    if (work_job* next = calls_.start()) run(*next);
}

// ---- installs ----

template <class Parts>
void snapshot_desk<Parts>::on(order::start_restore& what) {
    if (!in_place) return begin_restore(what.meta);
    // There is no way back from the first chunk: first nothing more is applied or captured, and the
    // core says that the snapshot is still wanted.
    in_place_next_ = what.meta;
    coordinator_.install_filled();
    parts_.core->snapshot_filled(what.meta.id);
}

// The writer is dropped on the executor; one that is being made is dropped when it is there.
template <class Parts>
void snapshot_desk<Parts>::on(order::cancel_restore&) {
    restore_next_.reset();
    in_place_next_.reset();
    if (committing_ || !restoring_) return;
    const bool told = std::exchange(restore_cancelled_, true);
    if (!restore_ || told) return;
    restore_->cancel();
    paced_.hurry(&*restore_);
    if (restore_->filled() && !restore_->running) start(*restore_);
}

template <class Parts>
void snapshot_desk<Parts>::on(order::install_began& what) {
    const install_clash clash{coordinator_.saving(), what.id.at};
    if (coordinator_.install_began(parts_.policies.conflict.decide(clash), actions_)) {
        receiver_.go(parts_.now, actions_);
    } else {
        receiver_.refuse(actions_);
    }
}

template <class Parts>
void snapshot_desk<Parts>::on(order::install_stored& what) {
    const snapshot_meta& meta = what.manifest.meta;
    parts_.tell(snapshot_published{meta.id, snapshot_origin::installed, meta.bytes, {}, false});
    coordinator_.install_stored(what.manifest, parts_.now, actions_);
}

template <class Parts>
void snapshot_desk<Parts>::on(order::install_filled&) {
    coordinator_.install_filled();
}

template <class Parts>
void snapshot_desk<Parts>::on(order::install_ended& what) {
    coordinator_.install_ended(what.installed, parts_.now, actions_);
}

// ---- inputs of the core ----

template <class Parts>
void snapshot_desk<Parts>::on(order::tell_published& what) {
    parts_.core->snapshot_published(what.meta);
}

template <class Parts>
void snapshot_desk<Parts>::on(order::tell_received& what) {
    receiver_.received(parts_.core->snapshot_received(what.meta), actions_);
}

template <class Parts>
void snapshot_desk<Parts>::on(order::tell_filled& what) {
    parts_.core->snapshot_filled(what.id);
}

template <class Parts>
void snapshot_desk<Parts>::on(order::tell_accept_failed& what) {
    if (what.status == install_status::corrupt || what.status == install_status::restore_failed) {
        const bool damaged = what.status == install_status::corrupt;
        parts_.tell(
            snapshot_failed{bulk_use::receive,
                            what.id.at,
                            {damaged ? errc::corrupt : errc::restore_failed, 0, "receiver"}});
    }
    parts_.core->accept_failed(what.id, what.status);
}

template <class Parts>
void snapshot_desk<Parts>::on(order::tell_ship_ended& what) {
    parts_.core->ship_ended(what.to, what.id, what.why);
}

RAFTKIT_NAMESPACE_END
