#pragma once
// What the frames say when they are read in order: hard state, base, term runs, configurations,
// fence, and where the entries are. Row 5 of the recovery table is decided here: a log that can't
// have come from this code is damage, even if every checksum is right.

#include <optional>
#include <vector>

#include <raftkit/core/configuration.hpp>
#include <raftkit/storage/wal/catalog.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace wal_disk {

class log_replay {
public:
    log_replay() = default;
    // Begins where the lowest segment of the run began; what lies before it is unknown.
    explicit log_replay(const segment_header& lowest)
        : hard_(lowest.hard), last_(lowest.last), from_start_(lowest.seq == 1) {
        base_.at = lowest.base;
        places_.reset(last_.index);
        places_.reserve();
        places_.begin_segments(lowest.seq);
    }

    // One valid frame. An error names what is impossible about it.
    error apply(const frame_header& header, byte_span body, u64 segment, u64 offset);
    // Drops what the base covers. An error if entries base+1..last are not all there (row 5).
    error finish();

    void begin_segment(const segment_header& header) {
        hard_.commit_hint = header.hard.commit_hint;  // frames don't hold it
        places_.add_segment(header.seq, {header.bytes, header.nonce, header.filled});
    }

    const hard_state& hard() const noexcept { return hard_; }
    const log_base& base() const noexcept { return base_; }
    log_id last() const noexcept { return last_; }
    const std::optional<fence_mark>& fence() const noexcept { return fence_; }
    std::vector<log_id>& term_runs() noexcept { return term_runs_; }
    std::vector<configuration>& members() noexcept { return members_; }
    catalog& places() noexcept { return places_; }
    const catalog& places() const noexcept { return places_; }

private:
    static error gap(const char* where, u64 detail = 0) noexcept {
        return {errc::corrupt, 0, where, detail};
    }

    error take_hard(const frame_header& header) noexcept;
    error take_record(const std::byte* record);
    error take_base(const record_header& record, byte_span payload);
    error take_entry(const entry_view& entry);
    std::optional<term_t> term_at(index_t index) const noexcept;
    void truncate_to(index_t kept) noexcept;

    hard_state hard_;
    log_base base_;
    log_id last_;
    bool from_start_ = false, base_seen_ = false;
    index_t present_;  // the lowest entry that was seen; 0: none
    index_t frame_first_, frame_last_;
    std::optional<fence_mark> fence_;
    std::vector<log_id> term_runs_;
    std::vector<configuration> members_;
    catalog places_;
};

inline error log_replay::take_hard(const frame_header& header) noexcept {
    if (header.term < hard_.term) return gap("wal/replay: the term fell", header.number);
    const bool revoted =
        header.term == hard_.term && hard_.voted_for && header.voted_for != hard_.voted_for;
    if (revoted) return gap("wal/replay: two votes in one term", header.number);
    hard_.term = header.term;
    hard_.voted_for = header.voted_for;
    return {};
}

inline std::optional<term_t> log_replay::term_at(index_t index) const noexcept {
    if (index == last_.index) return last_.term;
    if (index == base_.at.index) return base_.at.term;
    std::optional<term_t> found;
    for (const log_id& start : term_runs_) {
        if (start.index <= index) found = start.term;
    }
    return found;
}

inline void log_replay::truncate_to(index_t kept) noexcept {
    while (!term_runs_.empty() && term_runs_.back().index > kept) term_runs_.pop_back();
    while (!members_.empty() && members_.back().index > kept) members_.pop_back();
}

inline error log_replay::take_entry(const entry_view& entry) {
    const index_t index = entry.at.index;
    if (index <= base_.at.index)
        return gap("wal/replay: an entry at or below the base", index.value);
    if (index > last_.index.next())
        return gap("wal/replay: entries are missing", last_.index.value + 1);
    const std::optional<term_t> before = term_at(index.previous());
    if (before && entry.at.term < *before)
        return gap("wal/replay: an entry's term fell", index.value);
    if (index <= last_.index) truncate_to(index.previous());
    if (!present_ || index < present_) present_ = index;
    if (frame_first_ && index != frame_last_.next()) {
        return gap("wal/replay: a frame's entries are not consecutive", index.value);
    }
    if (!frame_first_) frame_first_ = index;
    frame_last_ = index;
    if (term_runs_.empty() || term_runs_.back().term != entry.at.term)
        term_runs_.push_back(entry.at);
    if (entry.kind == entry_kind::membership) {
        auto decoded = decode_configuration(entry.body);
        if (!decoded) return decoded.why();
        decoded->index = index;
        members_.push_back(std::move(*decoded));
    }
    last_ = entry.at;
    return {};
}

inline error log_replay::take_base(const record_header& record, byte_span payload) {
    auto decoded = decode_configuration(payload);
    if (!decoded) return decoded.why();
    if (record.kind == static_cast<u8>(local_record::reset)) {
        if (frame_first_)
            return gap("wal/replay: a reset behind entries of its frame", record.at.index.value);
        truncate_to({});
        present_ = {};
        last_ = record.at;
        places_.reset(record.at.index);
    } else if (record.at.index > last_.index || record.at.index < base_.at.index) {
        return gap("wal/replay: a base outside the log", record.at.index.value);
    }
    base_ = {record.at, std::move(*decoded)};
    base_seen_ = true;
    return {};
}

inline error log_replay::take_record(const std::byte* at) {
    const record_header record = load_record_header(at);
    const byte_span payload{at + record_header_bytes, record.payload_bytes};
    switch (record.kind) {
        case static_cast<u8>(entry_kind::command):
        case static_cast<u8>(entry_kind::membership):
        case static_cast<u8>(entry_kind::barrier): return take_entry(view_record(at));
        case static_cast<u8>(local_record::base):
        case static_cast<u8>(local_record::reset): return take_base(record, payload);
        case static_cast<u8>(local_record::fence): {
            if (payload.size() != fence_payload_bytes) return gap("wal/replay: fence record");
            const fence_mark fence = load_fence(payload.data());
            fence_.reset();
            if (fence.at_damage) fence_ = fence;  // without a term: it was lifted
            return {};
        }
        default: return {errc::incompatible, 0, "wal/replay: unknown kind of record", record.kind};
    }
}

inline error log_replay::apply(const frame_header& header, byte_span body, u64 segment,
                               u64 offset) {
    if (const error why = take_hard(header)) return why;
    frame_first_ = frame_last_ = {};
    for (const std::byte* at = body.data(); at != body.data() + body.size();
         at += run_view::record_stride(at)) {
        if (const error why = take_record(at)) return why;
    }
    if (header.last != last_)
        return gap("wal/replay: the frame ends elsewhere than it says", header.number);
    if (frame_first_) places_.frame(frame_first_, frame_last_, segment, offset);
    return {};
}

inline error log_replay::finish() {
    const index_t base = base_.at.index;
    if (last_.term > hard_.term)
        return gap("wal/replay: the last entry's term is above the hard state's");
    // The record of the base holds the configuration; only a log that begins at its very start may
    // lack one.
    if (!from_start_ && !base_seen_) return gap("wal/replay: the record of the base is missing");
    if (last_.index < base)
        return gap("wal/replay: the log ends below its base", last_.index.value);
    if (last_.index > base && (!present_ || present_ > base.next())) {
        return gap("wal/replay: entries above the base are missing", base.value + 1);
    }
    const std::optional<term_t> first = last_.index > base ? term_at(base.next()) : std::nullopt;
    std::size_t covered = 0;
    while (covered < term_runs_.size() && term_runs_[covered].index <= base.next()) ++covered;
    term_runs_.erase(term_runs_.begin(), term_runs_.begin() + static_cast<std::ptrdiff_t>(covered));
    if (first) term_runs_.insert(term_runs_.begin(), log_id{base.next(), *first});
    std::erase_if(members_, [base](const configuration& each) { return each.index <= base; });
    places_.forget_through(base);
    return {};
}

}  // namespace wal_disk

RAFTKIT_NAMESPACE_END
