#pragma once
// wal_engine, the part that commits: what waits becomes frames. Orders that recovery depends on:
// every frame of a segment is durable before the next segment's header is written; a base record is
// durable before a segment is retired; retired segments lose their names lowest first, and the
// directory is synced before one is used again.

#include <raftkit/storage/wal/engine.hpp>

RAFTKIT_NAMESPACE_BEGIN

// False: the log has failed, now or earlier. The first error is the one that is reported.
template <files Files, class Clock>
bool wal_engine<Files, Clock>::check(const result<void>& done) noexcept {
    if (failed_) return false;
    if (done) return true;
    RAFTKIT_MARK(wal_failed);
    failed_ = done.why();
    return false;
}

template <files Files, class Clock>
persisted wal_engine<Files, Clock>::commit_group() noexcept {
    {
        const std::lock_guard hold(guard_);
        std::swap(filling_, working_);
    }
    write_took_ = sync_took_ = {};
    for (const job& each : working_.jobs) run(each);
    flush_draft();
    if (!failed_) durable_ = accepted_;
    working_.clear();
    publish();
    return watermark();
}

template <files Files, class Clock>
void wal_engine<Files, Clock>::publish() noexcept {
    report_room();
    const std::lock_guard hold(guard_);
    published_ = {durable_, failed_, places_.bytes(), write_took_, sync_took_};
}

template <files Files, class Clock>
void wal_engine<Files, Clock>::report_room() noexcept {
    room_allocated_.store(writer_.room_allocated(), std::memory_order_relaxed);
}

template <files Files, class Clock>
bool wal_engine<Files, Clock>::ready_for(u64 bytes) const noexcept {
    if (!spares_.short_of_space()) return true;
    constexpr u64 overhead = 1024;  // frame header, record header, the rest of a sector
    const u64 room = room_allocated_.load(std::memory_order_relaxed);
    const u32 ready = spares_.ready();
    // Without a spare the end of this segment is what votes and the base record of a compaction
    // need.
    const u64 kept = ready > 0 ? 0 : std::min<u64>(256u << 10, options_->segment_bytes / 4);
    if (bytes + overhead + kept <= room) return true;
    return ready > 1 && bytes + overhead <= wal_disk::frame_room(options_->segment_bytes);
}

template <files Files, class Clock>
void wal_engine<Files, Clock>::run(const job& asked) noexcept {
    switch (asked.kind) {
        case wal_disk::job_kind::batch: return run_batch(asked);
        case wal_disk::job_kind::peers: return run_peers(asked);
        case wal_disk::job_kind::compact: return run_compaction(asked);
        case wal_disk::job_kind::load: return run_load(asked);
    }
}

template <files Files, class Clock>
void wal_engine<Files, Clock>::run_batch(const job& asked) noexcept {
    const std::span<const run_view> runs = working_.runs_of(asked);
    const bool begins_frame = asked.resets || (!runs.empty() && !draft_.continues(runs[0].first));
    if ((begins_frame && draft_.has_entries()) || !joins_draft(runs)) flush_draft();
    if (failed_) return;
    RAFTKIT_ASSERT(runs.empty() || asked.resets || runs[0].first <= draft_.end.index.next());
    if (asked.has_hard) {
        // A new commit hint alone is not worth a write: it goes into the next segment's header.
        draft_.dirty = draft_.dirty || asked.hard.term != hard_.term ||
                       asked.hard.voted_for != hard_.voted_for;
        hard_ = asked.hard;
    }
    if (asked.has_fence) {
        fence_.reset();
        if (asked.fence.at_damage) fence_ = asked.fence;
        draft_.add_record(working_.fence_of(asked));
    }
    if (asked.resets) {
        draft_.add_record(working_.record_of(asked));
        draft_.resets = true;
        draft_.base = asked.base;
        draft_.end = asked.base;
        if (!asked.has_fence) add_own_fence();
    }
    for (const run_view& each : runs) add_run(each);
    if (asked.resets) {
        flush_draft();
        retire_segments();
    }
    if (!failed_) accepted_ = asked.id;
}

// Batches share a frame as long as it fits into a usual segment. One that is larger than that goes
// into a segment of its own: a batch is atomic, so it stays in one frame up to the largest that
// there is.
template <files Files, class Clock>
bool wal_engine<Files, Clock>::joins_draft(std::span<const run_view> runs) const noexcept {
    if (!draft_.dirty) return true;
    u64 bytes = 0;
    u32 records = 0;
    for (const run_view& each : runs) {
        bytes += each.bytes;
        records += each.count;
    }
    return draft_.has_room(bytes, records, static_cast<u32>(runs.size()), frame_bytes_shared());
}

// Records of the base and of the fence are in the same segment, so that segments before it may go.
template <files Files, class Clock>
void wal_engine<Files, Clock>::add_own_fence() noexcept {
    if (!fence_) return;
    wal_disk::store_fence_record(own_fence_.data(), *fence_);
    draft_.add_record(own_fence_);
}

template <files Files, class Clock>
void wal_engine<Files, Clock>::add_run(run_view run) noexcept {
    constexpr u64 most = wal_disk::frame_body_max;
    while (!failed_ && !run.empty()) {
        if (!draft_.continues(run.first)) flush_draft();
        if (draft_.has_room(run.bytes, run.count, 1, most)) {
            draft_.add_run(run);
            return;
        }
        if (draft_.dirty) {
            flush_draft();
            continue;
        }
        const run_view front = wal_disk::front_that_fits(run, most);
        draft_.add_run(front);
        flush_draft();
        run = front.last() == run.last() ? run_view{} : run.slice(front.end_index(), run.last());
    }
}

// Another file: what came before it is durable first, what comes after it waits for it.
template <files Files, class Clock>
void wal_engine<Files, Clock>::run_peers(const job& asked) noexcept {
    flush_draft();
    if (failed_) return;
    identity_.peers = working_.peers[asked.peers_at];
    if (check(identities_.write(identity_))) accepted_ = asked.id;
}

template <files Files, class Clock>
void wal_engine<Files, Clock>::run_compaction(const job& asked) noexcept {
    flush_draft();
    if (failed_ || asked.base.index <= base_.index) return;
    RAFTKIT_ASSERT(asked.base.index <= last_.index);
    draft_.add_record(working_.record_of(asked));
    draft_.bases = true;
    draft_.base = asked.base;
    add_own_fence();
    flush_draft();
    retire_segments();
}

template <files Files, class Clock>
void wal_engine<Files, Clock>::run_load(const job& asked) noexcept {
    flush_draft();
    port_.post(reader_.load(places_, base_.index, asked.load));
}

template <files Files, class Clock>
void wal_engine<Files, Clock>::flush_draft() noexcept {
    if (!failed_ && draft_.dirty) check(write_draft());
    const log_id end = last_;
    draft_.clear();
    draft_.end = end;
}

template <files Files, class Clock>
result<void> wal_engine<Files, Clock>::write_draft() noexcept {
    const u64 frame_bytes = wal_disk::frame_header_bytes + draft_.bytes;
    if (auto done = make_room(frame_bytes); !done) return done;
    wal_disk::frame_header header;
    header.records = static_cast<u16>(draft_.records);
    header.term = hard_.term;
    header.voted_for = hard_.voted_for;
    header.last = draft_.end;
    const u64 offset = writer_.end().offset;
    const instant begun = clock_.now();
    if (auto done = writer_.write(header, draft_.pieces, draft_.bytes); !done) return done;
    const instant written = clock_.now();
    write_took_ = write_took_ + (written - begun);
    if (options_->sync == wal_sync::data) {
        if (auto done = writer_.sync(); !done) return done;
        sync_took_ = sync_took_ + (clock_.now() - written);
    }
    note_written(offset);
    return {};
}

template <files Files, class Clock>
void wal_engine<Files, Clock>::note_written(u64 offset) noexcept {
    if (draft_.resets) places_.reset(draft_.base.index);
    if (draft_.resets || draft_.bases) base_ = draft_.base;
    if (draft_.has_entries())
        places_.frame(draft_.first, draft_.last, writer_.segment().seq, offset);
    if (draft_.bases) places_.forget_through(base_.index);
    last_ = draft_.end;
    mark_due_ = true;
}

// Ensures: the frame fits into the current segment, on blocks that the file has.
template <files Files, class Clock>
result<void> wal_engine<Files, Clock>::make_room(u64 frame_bytes) noexcept {
    if (writer_.fits(frame_bytes)) {
        const auto secured = writer_.secure(frame_bytes);
        if (secured) return {};
        const bool elsewhere = secured.why().code == errc::no_space && spares_.ready() > 0;
        if (!elsewhere) return secured;
    }
    if (auto done = rotate(frame_bytes); !done) return done;
    return writer_.secure(frame_bytes);
}

template <files Files, class Clock>
result<void> wal_engine<Files, Clock>::rotate(u64 frame_bytes) noexcept {
    RAFTKIT_MARK(wal_rotated);
    if (spares_.ready() == 0) RAFTKIT_MARK(wal_rotated_without_spare);
    if (!writer_.all_durable()) {
        if (auto done = writer_.sync(); !done) return done;
    }
    wal_disk::segment_header checkpoint;
    checkpoint.hard = hard_;
    checkpoint.hard.commit_hint = std::min(hard_.commit_hint, last_.index);
    checkpoint.base = base_;
    checkpoint.last = last_;
    if (!writer_.has_holes()) places_.note_filled(writer_.segment().seq);
    if (auto done = writer_.rotate(checkpoint, frame_bytes); !done) return done;
    const wal_disk::segment_header& now = writer_.segment();
    if (now.bytes > options_->segment_bytes) RAFTKIT_MARK(wal_frame_oversize);
    places_.add_segment(now.seq, {now.bytes, now.nonce, now.filled});
    return {};
}

// Requires: the newest base record is durable; it is in the current segment, or behind what is
// retired here.
template <files Files, class Clock>
void wal_engine<Files, Clock>::retire_segments() noexcept {
    if (failed_) return;
    const u64 current = writer_.segment().seq;
    const u64 keep_from = std::min(places_.lowest_live(current), current);
    retired_.clear();
    while (places_.lowest_segment() < keep_from) {
        RAFTKIT_MARK(wal_retired_segment);
        const u64 seq = places_.lowest_segment();
        const wal_disk::kept_segment gone = places_.drop_lowest_segment();
        const retired_file file{spares_.fresh_number(),
                                spares_.kind_of_retired(gone.bytes, gone.filled)};
        wal_disk::name_file(from_, options_->directory, {wal_disk::file_kind::segment, seq});
        wal_disk::name_file(to_, options_->directory, {file.kind, file.number});
        if (!check(files_.rename(from_, to_))) return;
        retired_.push_back(file);
    }
    if (retired_.empty() || !check(files_.sync_directory(options_->directory))) return;
    for (const retired_file& each : retired_) spares_.retire(each.number, each.kind);
}

template <files Files, class Clock>
instant wal_engine<Files, Clock>::idle_step(instant now) noexcept {
    if (!is_open_ || failed_) return never;
    // Not in commit_group(): peers and the raft context hear of the group first.
    if (mark_due_ && !waiting()) {
        mark_due_ = false;
        mark_unsynced_ = true;
        written_at_ = now;
        check(writer_.write_mark(hard_, last_));
    } else if (mark_unsynced_ && now >= written_at_ + idle_before_mark) {
        RAFTKIT_MARK(wal_idle_mark);
        mark_unsynced_ = false;
        check(writer_.sync());
    }
    if (failed_) {
        publish();
        return now;
    }
    return mark_unsynced_ ? written_at_ + idle_before_mark : never;
}

template <files Files, class Clock>
void wal_engine<Files, Clock>::close() noexcept {
    if (!is_open_) return;
    commit_group();
    is_open_ = false;
    if (failed_) return;
    // Also when the mark is old news: without a wait for the disk (none_unsafe) it says too little.
    if (!check(writer_.sync())) return;
    if (check(writer_.write_mark(hard_, last_))) check(writer_.sync());
}

RAFTKIT_NAMESPACE_END
