#pragma once
// The segment that is being written: frames, marks, seals, and the change to the next segment. It
// knows the order in which things must become durable, and nothing of Raft. A failure is final: the
// caller never tries again.
//
//   4 KiB header | frame | frame | ... | mark, overwritten by the next frame, or seal | room for
//   one more sector

#include <raftkit/base/prng.hpp>
#include <raftkit/storage/wal/prepare.hpp>
#include <raftkit/storage/wal/scan.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace wal_disk {

inline constexpr u64 zero_ahead_bytes = 1u << 20;  // in a segment that was not filled before

template <files Files>
class segment_writer {
public:
    segment_writer(Files files, const wal_options& options, segment_preparer<Files>& spares,
                   u64 seed)
        : files_(files), options_(&options), spares_(&spares), seed_(seed) {}
    segment_writer(segment_writer&&) = delete;

    // The first segment of a new log. Ensures: named and durable.
    result<void> create(const identity& owner) noexcept;
    // Goes on where recovery found the end. `file` is open for writing.
    void resume(typename Files::handle file, const segment_header& header,
                const chain_place& end) noexcept;

    // Would a frame of this size go into the current segment?
    bool fits(u64 frame_bytes) const noexcept {
        return at_.offset + round_up(frame_bytes, sector_bytes) + segment_footer_bytes <=
               header_.bytes;
    }
    // Bytes of records that one more frame could hold.
    u64 room() const noexcept {
        const u64 used = at_.offset + segment_footer_bytes + frame_header_bytes;
        return header_.bytes > used ? header_.bytes - used : 0;
    }
    // The next segment, durable and named, then a seal behind the current one. Requires: every
    // frame is synced.
    result<void> rotate(const segment_header& checkpoint, u64 frame_bytes) noexcept;
    // Fills holes before a frame of this size would meet them. Requires: fits.
    result<void> secure(u64 frame_bytes) noexcept { return zero_ahead(at_.offset + frame_bytes); }

    // One frame. `pieces[0]` is ours, for its header; the others hold whole records, `body_bytes`
    // in all; there is room for one more piece. Requires: fits, secured. Fills the header's own
    // fields in.
    result<void> write(frame_header& header, std::vector<byte_span>& pieces,
                       u64 body_bytes) noexcept;
    // Tells whoever opens the log that the frame before is durable. Not synced by itself.
    result<void> write_mark(const hard_state& hard, log_id last) noexcept {
        const auto done = write_note(frame_kind::mark, hard, last);
        // It is evidence, not data: a full disk may go without.
        if (!done && done.why().code == errc::no_space) return {};
        return done;
    }
    // Ensures: what was written is on disk.
    result<void> sync() noexcept {
        const u64 written = at_.number;
        if (auto done = files_.sync_data(file_); !done) return done;
        durable_ = written;
        return {};
    }

    const segment_header& segment() const noexcept { return header_; }
    const chain_place& end() const noexcept { return at_; }
    bool has_holes() const noexcept { return zeroed_ < header_.bytes; }
    bool all_durable() const noexcept { return durable_ == at_.number; }
    // Bytes of frames that fit without asking the file system for blocks.
    u64 room_allocated() const noexcept {
        const u64 used = at_.offset + segment_footer_bytes + frame_header_bytes;
        return zeroed_ > used ? zeroed_ - used : 0;
    }

private:
    result<void> write_note(frame_kind kind, const hard_state& hard, log_id last) noexcept;
    result<void> zero_ahead(u64 end) noexcept;
    result<u64> make_file(u64 bytes) noexcept;
    result<void> begin_segment(u64 spare, bool taken, segment_header next) noexcept;
    byte_span padding_to_page(u64 end) noexcept;
    // A sequence number names one life of one file, so that a fixed seed repeats no nonce.
    u64 nonce_of(u64 seq) const noexcept {
        u64 mixed = seed_ + seq * 0xd1342543de82ef95ULL;
        return prng::scramble(mixed) | 1;
    }

    Files files_;
    const wal_options* options_;
    segment_preparer<Files>* spares_;
    u64 seed_;
    typename Files::handle file_, next_file_;
    segment_header header_;
    chain_place at_;
    u64 durable_ = 0;  // the highest frame that is known to be on disk
    u64 touched_ = 0;  // pages below this are in the page cache
    u64 zeroed_ = 0;   // the file has no holes below this
    std::string path_, other_path_;
    std::array<std::byte, frame_header_bytes> frame_bytes_{};
    alignas(page_bytes) std::array<std::byte, segment_header_bytes> header_bytes_{};
};

template <files Files>
result<void> segment_writer<Files>::create(const identity& owner) noexcept {
    segment_header first;
    first.owner = owner;
    first.seq = 1;
    first.bytes = options_->segment_bytes;
    const auto made = make_file(first.bytes);
    if (!made) return made.why();
    return begin_segment(*made, false, first);
}

template <files Files>
void segment_writer<Files>::resume(typename Files::handle file, const segment_header& header,
                                   const chain_place& end) noexcept {
    file_ = std::move(file);
    header_ = header;
    at_ = end;
    durable_ = end.number;
    touched_ = round_up(end.offset, page_bytes);
    zeroed_ = header.filled ? header.bytes : round_up(end.offset + sector_bytes, page_bytes);
}

// A file that was not filled before, under an unfinished spare's name; its number.
template <files Files>
result<u64> segment_writer<Files>::make_file(u64 bytes) noexcept {
    const u64 number = spares_->fresh_number();
    name_file(path_, options_->directory, {file_kind::unfinished, number});
    auto opened = files_.open(path_, {true, true, true, false, options_->file_mode});
    if (!opened) return opened.why();
    next_file_ = std::move(*opened);
    if (auto sized = files_.truncate(next_file_, bytes); !sized) return sized.why();
    return number;
}

// Header, sync, name, directory: in this order, so that a wal- file always has a good header.
template <files Files>
result<void> segment_writer<Files>::begin_segment(u64 spare, bool taken,
                                                  segment_header next) noexcept {
    next.nonce = nonce_of(next.seq);
    next.filled = taken;
    const file_kind kind = taken ? file_kind::spare : file_kind::unfinished;
    name_file(path_, options_->directory, {kind, spare});
    if (taken) {
        auto opened = files_.open(path_, {true, false, false, false, options_->file_mode});
        if (!opened) return opened.why();
        next_file_ = std::move(*opened);
    }
    store_segment_header(header_bytes_, next);
    const byte_span piece(header_bytes_);
    if (auto done = files_.write_at(next_file_, 0, std::span(&piece, 1)); !done) return done;
    if (auto done = files_.sync_data(next_file_); !done) return done;
    name_file(other_path_, options_->directory, {file_kind::segment, next.seq});
    if (auto done = files_.rename(path_, other_path_); !done) return done;
    if (auto done = files_.sync_directory(options_->directory); !done) return done;
    if (header_.seq != 0) {  // there is a predecessor
        if (auto done = write_note(frame_kind::seal, next.hard, next.last); !done) return done;
        if (auto done = sync(); !done) return done;
    }
    file_ = std::move(next_file_);
    next_file_ = typename Files::handle{};
    header_ = next;
    at_.offset = segment_header_bytes;
    touched_ = segment_header_bytes;
    // A segment of its own is filled by its one frame.
    const bool whole = taken || next.bytes != options_->segment_bytes;
    zeroed_ = whole ? next.bytes : segment_header_bytes;
    return {};
}

template <files Files>
result<void> segment_writer<Files>::rotate(const segment_header& checkpoint,
                                           u64 frame_bytes) noexcept {
    RAFTKIT_ASSERT(durable_ == at_.number);
    segment_header next = checkpoint;
    next.version = segment_version;
    next.owner = header_.owner;
    next.seq = header_.seq + 1;
    next.last_frame = at_.number;
    next.chain = at_.chain;
    next.bytes = options_->segment_bytes;
    const bool oversize = frame_bytes > frame_room(next.bytes) + frame_header_bytes;
    const u64 spare = oversize ? 0 : spares_->take();
    if (spare != 0) return begin_segment(spare, true, next);
    if (oversize) next.bytes = oversize_bytes(frame_bytes);
    const auto made = make_file(next.bytes);
    if (!made) return made.why();
    return begin_segment(*made, false, next);
}

// Zeros behind a write up to the end of its page, if the page is not in the cache yet: changing a
// part of a page that is not there reads it from the disk first.
template <files Files>
byte_span segment_writer<Files>::padding_to_page(u64 end) noexcept {
    if (end <= touched_) return {};
    touched_ = round_up(end, page_bytes);
    return byte_span(zero_bytes).first(static_cast<std::size_t>(touched_ - end));
}

template <files Files>
result<void> segment_writer<Files>::zero_ahead(u64 end) noexcept {
    end = std::min(round_up(end + segment_footer_bytes, page_bytes), header_.bytes);
    if (header_.filled || end <= zeroed_) return {};
    const u64 wanted = std::min(end + zero_ahead_bytes, header_.bytes);
    while (zeroed_ < wanted) {
        const u64 bytes = std::min(fill_piece_bytes, wanted - zeroed_);
        const byte_span piece = byte_span(zero_bytes).first(static_cast<std::size_t>(bytes));
        const auto done = files_.write_at(file_, zeroed_, std::span(&piece, 1));
        if (!done && done.why().code == errc::no_space) spares_->note_space(true);
        if (!done && end <= zeroed_) return {};  // enough for this write and its mark
        if (!done) return done;
        zeroed_ += bytes;
    }
    return {};
}

template <files Files>
result<void> segment_writer<Files>::write(frame_header& header, std::vector<byte_span>& pieces,
                                          u64 body_bytes) noexcept {
    header.bytes = static_cast<u32>(frame_header_bytes + body_bytes);
    RAFTKIT_ASSERT(fits(header.bytes));
    header.kind = frame_kind::data;
    header.number = at_.number + 1;
    header.chain = at_.chain;
    header.durable_delta = static_cast<u32>(header.number - durable_);
    body_checksum sum(header_.nonce, at_.offset);
    for (std::size_t i = 1; i < pieces.size(); ++i) sum.add_records(pieces[i]);
    header.body_crc = sum.value();
    store_frame_header(frame_bytes_.data(), header, header_.nonce, at_.offset);
    pieces[0] = frame_bytes_;
    const u64 end = at_.offset + header.bytes;
    pieces.push_back(padding_to_page(end));
    if (auto done = files_.write_at(file_, at_.offset, pieces); !done) return done;
    at_ = {at_.offset + header.sectors_bytes(), header.number, header.header_crc};
    return {};
}

template <files Files>
result<void> segment_writer<Files>::write_note(frame_kind kind, const hard_state& hard,
                                               log_id last) noexcept {
    frame_header note;
    note.kind = kind;
    note.number = at_.number + 1;
    note.chain = at_.chain;
    note.durable_delta = static_cast<u32>(note.number - durable_);
    note.term = hard.term;
    note.voted_for = hard.voted_for;
    note.last = last;
    store_frame_header(frame_bytes_.data(), note, header_.nonce, at_.offset);
    const u64 end = at_.offset + frame_header_bytes;
    const std::array<byte_span, 2> pieces{byte_span(frame_bytes_), padding_to_page(end)};
    return files_.write_at(file_, at_.offset, pieces);
}

}  // namespace wal_disk

RAFTKIT_NAMESPACE_END
