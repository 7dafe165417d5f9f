#pragma once
// The recovery table (storage/wal/README.md): what the files show, and what it means. It only
// reads; what follows from the verdict is done by reopen.hpp. Every row has a mark, and a test that
// names it.

#include <raftkit/port/events.hpp>
#include <raftkit/storage/wal/replay.hpp>
#include <raftkit/storage/wal/scan.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace marks {
RAFTKIT_DECLARE_MARK(wal_row_0_foreign);
RAFTKIT_DECLARE_MARK(wal_row_0_incompatible);
RAFTKIT_DECLARE_MARK(wal_row_1_new);
RAFTKIT_DECLARE_MARK(wal_row_1_log_missing);
RAFTKIT_DECLARE_MARK(wal_row_1_identity_missing);
RAFTKIT_DECLARE_MARK(wal_row_2_header);
RAFTKIT_DECLARE_MARK(wal_row_3_predecessor);
RAFTKIT_DECLARE_MARK(wal_row_4_sealed);
RAFTKIT_DECLARE_MARK(wal_row_5_gap);
RAFTKIT_DECLARE_MARK(wal_row_6_proven);
RAFTKIT_DECLARE_MARK(wal_row_8_torn);
RAFTKIT_DECLARE_MARK(wal_row_9_end);
}  // namespace marks

namespace wal_disk {

struct wal_verdict {
    u8 row = 0;
    std::optional<damage> found;  // rows 1 (missing) to 6: nothing may be changed
    std::optional<frame_header>
        proof;           // row 6: holds hard state and last entry of what was durable
    bool fresh = false;  // row 1: a new log
    log_replay log;
    segment_header newest;
    chain_place end;  // where the next frame of the newest segment goes
    bool has_predecessor = false, sealed = false;
    chain_place before;  // the end of the predecessor's frames
    segment_header predecessor;
    std::vector<u64> cut;        // sectors of the newest segment to be zeroed
    bool cut_was_zeros = false;  // row 9: there was nothing
    std::vector<u64> stale;      // segments below the run, or of a first start that did not finish
    std::vector<u64> spares, unfinished;
};

template <files Files>
class wal_recovery {
public:
    // `known`: there was a node.identity, and it names `owner`.
    wal_recovery(Files& files, const std::string& directory, const identity& owner,
                 bool known) noexcept
        : files_(&files), directory_(&directory), owner_(owner), known_(known) {}

    // An error: the disk failed, or the log is somebody else's or a newer version's (row 0).
    result<wal_verdict> decide();

private:
    struct segment_seen {
        u64 seq = 0, size = 0;
        std::optional<segment_header> header;
        bool good() const noexcept { return header && header->seq == seq && header->bytes == size; }
    };
    using handle = typename Files::handle;

    result<void> survey();
    result<segment_seen> look_at(u64 seq);
    result<handle> open(u64 seq) {
        return files_->open(path_of(*directory_, {file_kind::segment, seq}), file_mode{});
    }
    error owner_mistake() const;
    result<bool> unfinished_start();
    result<void> read_run();
    result<void> read_frames(const segment_seen& of, const segment_seen* next);
    result<void> judge_tail(file_window<Files>& window, const segment_header& in);
    void damaged(u8 row, damaged_part part, u64 seq, u64 offset, const char* where,
                 index_t first = {}, index_t last = {});

    Files* files_;
    const std::string* directory_;
    identity owner_;
    bool known_;
    std::vector<segment_seen> seen_;  // by seq, rising
    std::size_t run_ = 0;             // the lowest of the run
    error replayed_;                  // what replay found impossible first
    u64 replayed_segment_ = 0, replayed_offset_ = 0;
    wal_verdict verdict_;
};

template <files Files>
void wal_recovery<Files>::damaged(u8 row, damaged_part part, u64 seq, u64 offset, const char* where,
                                  index_t first, index_t last) {
    verdict_.row = row;
    verdict_.found =
        damage{part, first, last, offset, where, path_of(*directory_, {file_kind::segment, seq})};
}

template <files Files>
result<typename wal_recovery<Files>::segment_seen> wal_recovery<Files>::look_at(u64 seq) {
    segment_seen seen{seq, 0, {}};
    auto file = open(seq);
    if (!file) return file.why();
    const auto size = files_->size(*file);
    if (!size) return size.why();
    seen.size = *size;
    std::vector<std::byte> head(segment_header_bytes);
    const auto read = files_->read_at(*file, 0, head);
    if (!read) return read.why();
    seen.header = load_segment_header(byte_span(head).first(static_cast<std::size_t>(*read)));
    return seen;
}

template <files Files>
result<void> wal_recovery<Files>::survey() {
    auto names = files_->list(*directory_);
    if (!names) return names.why();
    for (const std::string& name : *names) {
        const file_name parsed = parse_file_name(name);
        if (parsed.kind == file_kind::spare) verdict_.spares.push_back(parsed.number);
        if (parsed.kind == file_kind::unfinished) verdict_.unfinished.push_back(parsed.number);
        if (parsed.kind != file_kind::segment) continue;
        auto seen = look_at(parsed.number);
        if (!seen) return seen.why();
        seen_.push_back(*seen);
    }
    std::sort(seen_.begin(), seen_.end(),
              [](const auto& a, const auto& b) { return a.seq < b.seq; });
    return {};
}

// Row 0.
template <files Files>
error wal_recovery<Files>::owner_mistake() const {
    for (const segment_seen& each : seen_) {
        if (!each.header) continue;
        if (each.header->version > segment_version) {
            RAFTKIT_MARK(wal_row_0_incompatible);
            return {errc::incompatible, 0, "wal-*.log: written by a newer version", each.seq};
        }
        const identity& found = each.header->owner;
        if (found.cluster != owner_.cluster || found.group != owner_.group ||
            found.self != owner_.self) {
            RAFTKIT_MARK(wal_row_0_foreign);
            return {errc::foreign, 0, "wal-*.log: of another cluster, group or node", each.seq};
        }
    }
    return {};
}

// Before node.identity is durable nothing was promised to anybody; a crash then leaves an empty
// first segment.
template <files Files>
result<bool> wal_recovery<Files>::unfinished_start() {
    if (known_ || seen_.size() != 1 || !seen_[0].good()) return false;
    const segment_header& header = *seen_[0].header;
    if (header.seq != 1 || header.version != segment_version) return false;
    auto file = open(1);
    if (!file) return file.why();
    file_window<Files> window(*files_, *file, header.bytes);
    const auto tail = read_tail(window, header, {});
    if (!tail) return tail.why();
    return !tail->holds_data;
}

template <files Files>
result<wal_verdict> wal_recovery<Files>::decide() {
    if (auto done = survey(); !done) return done.why();
    const auto unfinished = unfinished_start();
    if (!unfinished) return unfinished.why();
    if (*unfinished || (seen_.empty() && !known_)) {
        RAFTKIT_MARK(wal_row_1_new);
        verdict_.row = 1;
        verdict_.fresh = true;
        for (const segment_seen& each : seen_) verdict_.stale.push_back(each.seq);
        return std::move(verdict_);
    }
    if (const error mistake = owner_mistake()) return mistake;
    if (seen_.empty()) {
        RAFTKIT_MARK(wal_row_1_log_missing);
        damaged(1, damaged_part::hard_state, 1, 0,
                "wal: node.identity is there, the log is missing");
        return std::move(verdict_);
    }
    if (!known_) {
        RAFTKIT_MARK(wal_row_1_identity_missing);
        damaged(1, damaged_part::hard_state, seen_.back().seq, 0,
                "wal: the log is there, node.identity is missing");
        return std::move(verdict_);
    }
    if (!seen_.back().good()) {
        RAFTKIT_MARK(wal_row_2_header);
        damaged(2, damaged_part::hard_state, seen_.back().seq, 0,
                "wal: the newest segment's header or size");
        return std::move(verdict_);
    }
    if (auto done = read_run(); !done) return done.why();
    return std::move(verdict_);
}

template <files Files>
result<void> wal_recovery<Files>::read_run() {
    run_ = seen_.size() - 1;
    while (run_ > 0 && seen_[run_ - 1].good() && seen_[run_ - 1].seq + 1 == seen_[run_].seq) --run_;
    for (std::size_t i = 0; i < run_; ++i) verdict_.stale.push_back(seen_[i].seq);
    const segment_header& lowest = *seen_[run_].header;
    verdict_.log = log_replay(lowest);
    verdict_.newest = *seen_.back().header;
    verdict_.end = {segment_header_bytes, lowest.last_frame, lowest.chain};
    for (std::size_t i = run_; i < seen_.size(); ++i) {
        const segment_seen* next = i + 1 < seen_.size() ? &seen_[i + 1] : nullptr;
        if (auto done = read_frames(seen_[i], next); !done) return done;
        if (verdict_.found) return {};
    }
    return {};
}

// Rows 3 to 9: one segment of the run.
template <files Files>
result<void> wal_recovery<Files>::read_frames(const segment_seen& of, const segment_seen* next) {
    const segment_header& header = *of.header;
    auto file = open(of.seq);
    if (!file) return file.why();
    file_window<Files> window(*files_, *file, header.bytes);
    verdict_.log.begin_segment(header);
    verdict_.end.offset = segment_header_bytes;
    for (;;) {
        const auto seen = read_frame(window, header, verdict_.end);
        if (!seen) return seen.why();
        if (seen->verdict == frame_verdict::incompatible) {
            return error{errc::incompatible, 0, "wal-*.log: a frame of a newer version",
                         verdict_.end.offset};
        }
        if (seen->verdict == frame_verdict::invalid) break;
        if (!replayed_) {
            replayed_ = verdict_.log.apply(seen->header, seen->body, of.seq, verdict_.end.offset);
            replayed_segment_ = of.seq;
            replayed_offset_ = verdict_.end.offset;
        }
        verdict_.end = {verdict_.end.offset + seen->header.sectors_bytes(), seen->header.number,
                        seen->header.header_crc};
    }
    if (next == nullptr) return judge_tail(window, header);
    if (verdict_.end.number != next->header->last_frame ||
        verdict_.end.chain != next->header->chain) {
        RAFTKIT_MARK(wal_row_3_predecessor);
        damaged(3, damaged_part::log, of.seq, verdict_.end.offset,
                "wal: a frame before the newest segment", verdict_.log.last().index.next(),
                next->header->last.index);
        return {};
    }
    const auto head = window.at(verdict_.end.offset, frame_header_bytes);
    if (!head) return head.why();
    const auto note = load_frame_header(*head, header.nonce, verdict_.end.offset);
    verdict_.has_predecessor = true;
    verdict_.sealed = note && note->kind == frame_kind::seal;
    verdict_.before = verdict_.end;
    verdict_.predecessor = header;
    return {};
}

template <files Files>
result<void> wal_recovery<Files>::judge_tail(file_window<Files>& window, const segment_header& in) {
    const auto tail = read_tail(window, in, verdict_.end);
    if (!tail) return tail.why();
    const index_t missing = verdict_.log.last().index.next();
    if (tail->here && tail->here->kind == frame_kind::seal &&
        tail->here->number == verdict_.end.number + 1) {
        RAFTKIT_MARK(wal_row_4_sealed);
        damaged(4, damaged_part::hard_state, in.seq + 1, 0, "wal: the newest segment is missing",
                missing);
        return {};
    }
    if (!replayed_) {
        replayed_ = verdict_.log.finish();
        replayed_segment_ = seen_[run_].seq;
        replayed_offset_ = 0;
    }
    if (replayed_) {
        if (replayed_.code == errc::incompatible) return replayed_;
        RAFTKIT_MARK(wal_row_5_gap);
        damaged(5, damaged_part::log, replayed_segment_, replayed_offset_, replayed_.where,
                missing);
        return {};
    }
    if (tail->proof) {
        RAFTKIT_MARK(wal_row_6_proven);
        damaged(6, damaged_part::log, in.seq, verdict_.end.offset,
                "wal: a frame that was durable is damaged", missing, tail->proof->last.index);
        verdict_.proof = tail->proof;
        return {};
    }
    verdict_.cut = tail->headers;
    if (tail->headers.empty()) {
        RAFTKIT_MARK(wal_row_9_end);
        verdict_.row = 9;
        verdict_.cut_was_zeros = tail->zeros;
    } else {
        RAFTKIT_MARK(wal_row_8_torn);
        verdict_.row = 8;
    }
    if (!tail->here && !tail->zeros) verdict_.cut.insert(verdict_.cut.begin(), verdict_.end.offset);
    return {};
}

}  // namespace wal_disk

RAFTKIT_NAMESPACE_END
