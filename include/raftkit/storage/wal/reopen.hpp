#pragma once
// wal_engine, the part that opens: lock, identity, the recovery table, and then what follows from
// its verdict. Nothing is reported before it is durable: a frame that was accepted from the page
// cache and then lost in a power cut would be an acknowledged entry lost (known from the model,
// W2). Every step may be the last one: the next open() does it again.

#include <raftkit/storage/wal/engine.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <files Files, class Clock>
result<recovered_log> wal_engine<Files, Clock>::open(const identity& who,
                                                     completion_port port) noexcept {
    RAFTKIT_ASSERT(!is_open_);
    port_ = port;
    auto lock = identities_.lock();
    if (!lock) return lock.why();
    lock_ = std::move(*lock);
    auto stored = identities_.read();
    if (!stored && stored.why().code == errc::corrupt) {
        recovered_log damaged;
        damaged.found =
            damage{damaged_part::hard_state, {}, {}, stored.why().detail, stored.why().where,
                   identities_.path()};
        return damaged;
    }
    if (!stored) return stored.why();
    const bool known = stored->has_value();
    if (known) {
        if (const error mistake = identity_store<Files>::mistake((*stored)->self, who))
            return mistake;
    }
    const identity owner = known ? (*stored)->self : who;
    auto verdict =
        wal_disk::wal_recovery<Files>(files_, options_->directory, owner, known).decide();
    if (!verdict) return verdict.why();
    if (verdict->found) {
        recovered_log damaged;
        damaged.self = owner;
        damaged.hard = verdict->log.hard();
        damaged.last = verdict->log.last();
        if (verdict->proof) {
            damaged.hard.term = verdict->proof->term;
            damaged.hard.voted_for = verdict->proof->voted_for;
        }
        damaged.found = std::move(verdict->found);
        return damaged;
    }
    spares_.adopt(verdict->spares, verdict->unfinished);
    if (!verdict->fresh) return open_found(std::move(*verdict), std::move(**stored));
    if (who.cluster == 0 || who.group == 0 || !who.self) {
        return error{errc::invalid_option, 0,
                     "wal: a new directory needs who.cluster, who.group and who.self"};
    }
    if (auto done = drop_stale(*verdict); !done) return done.why();
    return open_new(who);
}

template <files Files, class Clock>
void wal_engine<Files, Clock>::locate(damage& found) const {
    u64 seq = writer_.segment().seq;
    found.offset = writer_.end().offset;
    if (const wal_disk::log_point* point = places_.find(found.first)) {
        seq = point->segment;
        found.offset = point->offset;
    } else if (found.first <= base_.index) {
        seq = places_.lowest_segment();
        found.offset = 0;
    }
    found.file = wal_disk::path_of(options_->directory, {wal_disk::file_kind::segment, seq});
}

// wal-1 named and durable, then node.identity: a directory with an identity has a log.
template <files Files, class Clock>
result<recovered_log> wal_engine<Files, Clock>::open_new(const identity& who) noexcept {
    identity_ = {who, {}};
    if (who.incarnation == 0) {
        u64 mixed = seed_;
        identity_.self.incarnation = incarnation_from(prng::scramble(mixed));
    }
    if (auto done = identities_.make_name_durable(); !done) return done.why();
    if (auto done = writer_.create(identity_.self); !done) return done.why();
    if (auto done = writer_.secure(wal_disk::frame_header_bytes); !done) return done.why();
    if (auto done = writer_.write_mark({}, {}); !done) return done.why();
    if (auto done = writer_.sync(); !done) return done.why();
    if (auto done = identities_.write(identity_); !done) return done.why();
    const wal_disk::segment_header& first = writer_.segment();
    places_.reserve();
    places_.begin_segments(first.seq);
    places_.add_segment(first.seq, {first.bytes, first.nonce, first.filled});
    is_open_ = true;
    publish();
    recovered_log found;
    found.self = identity_.self;
    return found;
}

template <files Files, class Clock>
result<recovered_log> wal_engine<Files, Clock>::open_found(wal_verdict&& verdict,
                                                           node_identity&& stored) noexcept {
    const std::string path =
        wal_disk::path_of(options_->directory, {wal_disk::file_kind::segment, verdict.newest.seq});
    auto newest = files_.open(path, {true, false, false, false, options_->file_mode});
    if (!newest) return newest.why();
    if (auto done = settle(verdict, *newest); !done) return done.why();
    hard_ = verdict.log.hard();
    last_ = verdict.log.last();
    base_ = verdict.log.base().at;
    fence_ = verdict.log.fence();
    places_ = std::move(verdict.log.places());
    draft_.end = last_;
    writer_.resume(std::move(*newest), verdict.newest, verdict.end);
    if (auto done = writer_.secure(wal_disk::frame_header_bytes); !done) return done.why();
    if (auto done = writer_.write_mark(hard_, last_); !done) return done.why();
    if (auto done = writer_.sync(); !done) return done.why();
    if (auto done = drop_stale(verdict); !done) return done.why();
    identity_ = std::move(stored);
    is_open_ = true;
    publish();
    recovered_log found;
    found.self = identity_.self;
    found.hard = hard_;
    found.fence = fence_;
    found.peers = identity_.peers;
    found.base = verdict.log.base();
    found.last = last_;
    found.term_runs = std::move(verdict.log.term_runs());
    found.members = std::move(verdict.log.members());
    return found;
}

// Zeroes the cut, writes a seal that a crash in a rotation prevented, and syncs whatever is kept:
// an earlier life of this process may have written it and never synced.
template <files Files, class Clock>
result<void> wal_engine<Files, Clock>::settle(const wal_verdict& verdict,
                                              typename Files::handle& newest) noexcept {
    const byte_span sector = byte_span(wal_disk::zero_bytes).first(wal_disk::sector_bytes);
    for (const u64 offset : verdict.cut) {
        if (auto done = files_.write_at(newest, offset, std::span(&sector, 1)); !done) return done;
    }
    if (auto done = files_.sync_data(newest); !done) return done;
    // The newest segment's name before the seal that says it exists: power lost between the two
    // would leave a sealed log whose next file is missing (row 4).
    if (auto done = files_.sync_directory(options_->directory); !done) return done;
    if (verdict.has_predecessor && !verdict.sealed) {
        if (auto done = write_missing_seal(verdict); !done) return done;
    }
    for (u64 seq = verdict.log.places().lowest_segment(); seq < verdict.newest.seq; ++seq) {
        const auto path =
            wal_disk::path_of(options_->directory, {wal_disk::file_kind::segment, seq});
        auto file = files_.open(path, {true, false, false, false, options_->file_mode});
        if (!file) return file.why();
        if (auto done = files_.sync_data(*file); !done) return done;
    }
    return {};
}

template <files Files, class Clock>
result<void> wal_engine<Files, Clock>::write_missing_seal(const wal_verdict& verdict) noexcept {
    wal_disk::frame_header seal;
    seal.kind = wal_disk::frame_kind::seal;
    seal.number = verdict.before.number + 1;
    seal.chain = verdict.before.chain;
    seal.term = verdict.newest.hard.term;
    seal.voted_for = verdict.newest.hard.voted_for;
    seal.last = verdict.newest.last;
    std::array<std::byte, wal_disk::frame_header_bytes> bytes{};
    wal_disk::store_frame_header(bytes.data(), seal, verdict.predecessor.nonce,
                                 verdict.before.offset);
    const auto path = wal_disk::path_of(options_->directory,
                                        {wal_disk::file_kind::segment, verdict.predecessor.seq});
    auto file = files_.open(path, {true, false, false, false, options_->file_mode});
    if (!file) return file.why();
    const byte_span piece(bytes);
    return files_.write_at(*file, verdict.before.offset,
                           std::span(&piece, 1));  // synced with what is kept
}

// Segments below the run, or of a first start that never got its identity. Lowest first, as always.
template <files Files, class Clock>
result<void> wal_engine<Files, Clock>::drop_stale(const wal_verdict& verdict) noexcept {
    if (verdict.stale.empty()) return {};
    std::vector<u64> numbers;
    for (const u64 seq : verdict.stale) {
        numbers.push_back(spares_.fresh_number());
        const auto from =
            wal_disk::path_of(options_->directory, {wal_disk::file_kind::segment, seq});
        const auto to = wal_disk::path_of(options_->directory,
                                          {wal_disk::file_kind::unfinished, numbers.back()});
        if (auto done = files_.rename(from, to); !done) return done;
    }
    if (auto done = files_.sync_directory(options_->directory); !done) return done;
    for (const u64 number : numbers) spares_.retire(number, wal_disk::file_kind::unfinished);
    return {};
}

RAFTKIT_NAMESPACE_END
