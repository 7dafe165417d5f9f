#pragma once
// The bodies of snapshot_desk, continued: a restore from its beginning in the machine queue to its
// commit, at a start as in an install. Included by snapshot_desk.hpp alone.
//
//   begin_restore -> machine.restore() -> restore_job, step by step -> commit -> restored
//                                              | failed at a start
//                                              |   +-> an older snapshot, the log alone, or the
//                                              |       end
//                                              | failed in an install
//                                              +-> the next install; in place the machine is lost

#include <raftkit/node/snapshot_desk.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class Parts>
void snapshot_desk<Parts>::restore_at_open(const snapshot_meta& of) {
    opening_ = true;
    begin_restore(of);
    execute();
}

template <class Parts>
void snapshot_desk<Parts>::begin_restore(const snapshot_meta& of) {
    if (restoring_ || restore_) {  // a cancelled one is still dying
        restore_next_ = of;
        return;
    }
    restoring_ = of;
    restore_cancelled_ = false;
    restore_began_ = parts_.now;
    restored_bytes_ = 0;
    parts_.queue.begin_restore(*restoring_);
}

template <class Parts>
void snapshot_desk<Parts>::restore_stepped() {
    if (restore_->done) {
        const error how = restore_->status;
        const bool failed = how && !restore_cancelled_;
        const std::string file = restore_->failed_in();
        const snapshot_meta of = *std::exchange(restoring_, std::nullopt);
        restore_.reset();
        restore_cancelled_ = false;
        if (failed && opening_) open_restore_failed(of, how, file);
        if (failed && !opening_) restore_failed(how);
        if (restore_next_) begin_restore(*std::exchange(restore_next_, std::nullopt));
        return;
    }
    restored_bytes_ += restore_->bytes;
    if (restore_cancelled_ || !restore_->filled()) {
        progressed(*restore_, restored_bytes_);
        return run(*restore_);
    }
    if (opening_) return commit_restore();
    receiver_.restore_ended({}, actions_);
    if (in_place) commit_restore();  // the gate is behind it
}

// The leader is told, and offers it again, or another one. A machine that was overwritten waits for
// that: until then nobody applies, captures or reads.
template <class Parts>
void snapshot_desk<Parts>::restore_failed(error how) {
    if (in_place) {
        machine_lost_ = how;
        commit_when_lost_ = parts_.core->status().commit;
        parts_.queue.lose();
    }
    receiver_.restore_ended(how, actions_);
}

template <class Parts>
void snapshot_desk<Parts>::commit_restore() {
    if (!restore_ || !restore_->filled() || committing_) return;
    committing_ = true;
    parts_.queue.commit(restore_->writer(), restoring_->id.at.index);
}

// The machine's state is the snapshot's. What the jobs held dies on the work executor.
template <class Parts>
void snapshot_desk<Parts>::restored(snapshot_id id) {
    committing_ = false;
    machine_lost_ = {};
    captured_bytes_ = applied_bytes_;
    snapshot_bytes_ = restoring_->bytes;
    restore_cost_ = parts_.now - restore_began_;
    parts_.core->snapshot_restored(id);
    coordinator_.applied(id.at.index);
    parts_.tell(snapshot_restored{id, restoring_->bytes, parts_.now - restore_began_});
    if (opening_) {
        opening_ = false;
    } else {
        receiver_.committed(id);
    }
    start(*restore_);
}

// Damage is passed over if an older snapshot and the log behind it, or the whole log, say the same
// (S000-43). What the disk refused to read is no damage: the next start may be luckier.
template <class Parts>
void snapshot_desk<Parts>::open_restore_failed(const snapshot_meta& of, error why,
                                               const std::string& file) {
    parts_.tell(snapshot_failed{bulk_use::restore, of.id.at, why});
    if (why.code != errc::corrupt) {
        open_failure_ = why;
        return;
    }
    const index_t at = of.id.at.index;
    const damage found{damaged_part::snapshot, at, at, why.detail, why.where, file};
    if (!fall_back(of.id)) {
        open_failure_ = why;
        open_damage_ = found;
        return;
    }
    parts_.tell(damage_found{found, damage_verdict::refuse});
    if (settle_first_ == of.id) settle_first_.reset();
    actions_.add(order::quarantine_snapshot{of.id});
}

template <class Parts>
bool snapshot_desk<Parts>::fall_back(snapshot_id from) {
    for (const kept_snapshots::entry& each : coordinator_.kept().entries()) {
        const snapshot_meta& older_one = each.manifest.meta;
        if (!older(older_one.id, from) || !parts_.core->restore_instead(&older_one)) continue;
        restore_next_ = older_one;
        return true;
    }
    // A machine that has state of its own begins nowhere.
    if constexpr (!durable_machine<machine> && !in_place_machine<machine>) {
        if (parts_.core->restore_instead(nullptr)) {
            opening_ = false;
            return true;
        }
    }
    return false;
}

RAFTKIT_NAMESPACE_END
