#pragma once
// A frame before it is written: pieces of memory that belong to others, and what the header will
// say of them. The entries of one frame are consecutive: what supersedes or resets begins a frame,
// so that a reader of frames never has to undo half of one.

#include <vector>

#include <raftkit/storage/wal/segment.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace wal_disk {

struct frame_draft {
    std::vector<byte_span> pieces;  // [0] is the header's place; the writer adds one at the end
    u64 bytes = 0;                  // of records
    u32 records = 0;
    bool dirty = false;  // something must be written, be it only a hard state
    bool resets = false, bases = false;
    log_id base;          // of a reset or a base record
    index_t first, last;  // of the entries; 0: none
    log_id end;           // the last entry of the log after this frame

    void reserve() { pieces.reserve(frame_pieces_max + 1); }
    void clear() noexcept {
        pieces.clear();
        pieces.emplace_back();
        bytes = 0;
        records = 0;
        dirty = resets = bases = false;
        first = last = {};
    }
    bool has_entries() const noexcept { return bool(first); }
    bool continues(index_t next) const noexcept { return !has_entries() || next == last.next(); }
    bool has_room(u64 more_bytes, u32 more_records, u32 runs, u64 bytes_max) const noexcept {
        // Three pieces are kept for a fence, a base and the padding.
        return bytes + more_bytes <= bytes_max && records + more_records + 2 <= frame_records_max &&
               pieces.size() + runs + 3 <= frame_pieces_max;
    }

    void add_record(byte_span record) {
        pieces.push_back(record);
        bytes += record.size();
        ++records;
        dirty = true;
    }
    // Requires: not empty, continues what is there.
    void add_run(const run_view& run) {
        RAFTKIT_ASSERT(continues(run.first));
        pieces.push_back(run.span());
        bytes += run.bytes;
        records += run.count;
        dirty = true;
        if (!has_entries()) first = run.first;
        last = run.last();
        end = {last, run.term};
    }
};

// The longest front of `of` that one empty frame takes; at least one record. O(records), for the
// rare run that is larger than a frame.
inline run_view front_that_fits(const run_view& of, u64 bytes_max) noexcept {
    u64 bytes = 0;
    u32 count = 0;
    for (auto at = of.begin(); at != of.end() && count < frame_records_max; ++at, ++count) {
        bytes += run_view::record_stride(at.record());
        if (bytes > bytes_max && count > 0) break;
    }
    return of.slice(of.first, {of.first.value + count - 1});
}

}  // namespace wal_disk

RAFTKIT_NAMESPACE_END
