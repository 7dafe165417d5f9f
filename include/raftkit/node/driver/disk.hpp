#pragma once
// The node and its log's disk: what the core wants stored, when the turn waits for it, and what the
// storage then says. Included by driver.hpp alone.

#include <raftkit/node/driver.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class Parts>
void driver<Parts>::do_disk(effects& what) noexcept {
    if (what.has & effects::persisting) {
        persist_batch batch = what.persist;
        batch.id.value += opening_ticket_.value;
        if (batch.peers != nullptr) know(*batch.peers, parts_.core->members());
        const bool leads = parts_.core->leads();
        for (const run_view& each : batch.append) {
            parts_.appended_entries += each.count;
            parts_.appended_bytes += each.bytes;
            parts_.appended_at = parts_.now;
            // A leader replaces nothing in its own log.
            if (!leads) pending_.stored(each.first, each.term, each.last());
        }
        persisted done = parts_.storage.persist(batch);
        if (done.upto > persisted_told_ || done.status) on(done);
    }
    if (what.has & effects::loading) {
        for (load_request each : what.load) parts_.storage.load(each);
    }
    if ((what.has & effects::rarely) && what.rare.compact) {
        parts_.storage.compact(*what.rare.compact);
        parts_.tell(compacted{what.rare.compact->at.index.next()});
    }
    constexpr u32 for_disk = effects::persisting | effects::loading | effects::rarely;
    if ((what.has & for_disk) == 0) return;
    disk_waits_ = flush_waits() && parts_.core->leads();
    if (!disk_waits_) flush_disk();
}

template <class Parts>
bool driver<Parts>::flush_waits() const noexcept {
    if constexpr (requires { parts_.storage.flush_waits(); }) return parts_.storage.flush_waits();
    return false;
}

// A leader waits for its disk in its own thread after what the turn decided, as far as it was
// applied: its clients would wait with it. A follower waits at once: its leader waits for the
// answer. True if it caused more.
template <class Parts>
bool driver<Parts>::wait_for_disk() noexcept {
    disk_waits_ = false;
    if (before_wait_ != nullptr) before_wait_(before_wait_with_);
    flush_disk();
    return parts_.core && parts_.core->has_effects();
}

// A storage that gathers a turn's batches into one group begins it now.
template <class Parts>
void driver<Parts>::flush_disk() noexcept {
    if constexpr (requires { parts_.storage.flush(); }) {
        if (!storage_open_) return;
        persisted done = parts_.storage.flush();
        // A compaction has no ticket: it shows by what the log then holds.
        const bool resized = done.log_bytes != 0 && done.log_bytes != parts_.log_bytes;
        if (done.upto > persisted_told_ || done.status || resized) on(done);
    }
}

template <class Parts>
bool driver<Parts>::has_room_for(const run_view& entries) const noexcept {
    if constexpr (requires { parts_.storage.ready_for(u64{}); }) {
        return entries.empty() || parts_.storage.ready_for(entries.bytes);
    }
    return true;
}

template <class Parts>
void driver<Parts>::on(persisted& done) noexcept {
    if (done.log_bytes != 0) parts_.log_bytes = done.log_bytes;
    parts_.tell(log_persisted{done.upto, done.log_bytes, done.write, done.sync, done.status});
    persisted_told_ = std::max(persisted_told_, done.upto);
    if (!opening_durable_ && done.upto >= opening_ticket_) {
        opening_durable_ = true;
        start_core();
    }
    if (parts_.core && done.upto > opening_ticket_) {
        parts_.core->persisted({done.upto.value - opening_ticket_.value});
        if (desk_->watches_stable()) desk_->stable_reached(parts_.core->status().stable);
    }
    if (done.status) fail(done.status);
}

template <class Parts>
void driver<Parts>::on(loaded& read) noexcept {
    if (parts_.core) parts_.core->loaded(read.id, read.status, read.entries);
    read.entries.clear();
}

RAFTKIT_NAMESPACE_END
