#pragma once
// Where on disk each live entry is: a sparse list of points (index -> frame), about one every 64
// KiB, and the segments that are kept. Entries from a point's index up to the next point's are
// found by walking frames from that point on. A frame that supersedes entries always makes a new
// point and drops those at and above its first index, so what was superseded is behind the end of
// every walk. Points never span two segments: the front one tells what may be retired.

#include <raftkit/base/ring.hpp>
#include <raftkit/storage/wal/segment.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace wal_disk {

struct log_point {
    index_t first;
    u64 segment = 0;
    u64 offset = 0;  // of the frame that holds `first`
};

struct kept_segment {
    u64 bytes = 0;
    u64 nonce = 0;
    bool filled = false;  // no holes: worth keeping as a spare
};

class catalog {
public:
    // A frame that holds entries first..last; consecutive with the log or superseding. O(superseded
    // points).
    void frame(index_t first, index_t last, u64 segment, u64 offset) {
        bool fresh = points_.empty() || first <= last_;
        while (!points_.empty() && points_.back().first >= first) points_.pop_back();
        if (points_.empty()) fresh = true;
        if (!fresh) {
            const log_point& before = points_.back();
            fresh = before.segment != segment || offset - before.offset >= point_distance;
        }
        if (fresh) points_.push_back({first, segment, offset});
        last_ = last;
    }
    // The whole log went; the next entry is at `base`.index + 1.
    void reset(index_t base) noexcept {
        points_.clear();
        last_ = base;
    }
    // Entries up to `base` are not needed any more.
    void forget_through(index_t base) noexcept {
        if (base >= last_) points_.clear();
        while (points_.size() > 1 && points_[points_.first() + 1].first <= base.next())
            points_.pop_front();
    }

    index_t last() const noexcept { return last_; }
    // Null if the entry is not there. O(log points).
    const log_point* find(index_t index) const noexcept {
        if (points_.empty() || index < points_.front().first || index > last_) return nullptr;
        u64 low = points_.first(), high = points_.end();
        while (high - low > 1) {
            const u64 middle = low + (high - low) / 2;
            (points_[middle].first <= index ? low : high) = middle;
        }
        return &points_[low];
    }
    // The last entry that is found by walking from `point`. Requires: a point of this catalog.
    index_t last_of(const log_point& point) const noexcept {
        const log_point* next = find(point.first);
        RAFTKIT_ASSERT(next == &point);
        u64 low = points_.first(), high = points_.end();
        while (low < high) {
            const u64 middle = low + (high - low) / 2;
            points_[middle].first <= point.first ? low = middle + 1 : high = middle;
        }
        return low == points_.end() ? last_ : points_[low].first.previous();
    }
    // The lowest segment with a live entry; `otherwise` if no entry is live.
    u64 lowest_live(u64 otherwise) const noexcept {
        return points_.empty() ? otherwise : points_.front().segment;
    }

    void begin_segments(u64 seq) noexcept { segments_.restart(seq); }
    void add_segment(u64 seq, kept_segment kept) {
        RAFTKIT_ASSERT(seq == segments_.end());
        segments_.push_back(kept);
        bytes_ += kept.bytes;
    }
    // Requires: there is one.
    kept_segment drop_lowest_segment() noexcept {
        const kept_segment gone = segments_.front();
        segments_.pop_front();
        bytes_ -= gone.bytes;
        return gone;
    }
    u64 lowest_segment() const noexcept { return segments_.first(); }
    void note_filled(u64 seq) noexcept { segments_[seq].filled = true; }
    bool keeps(u64 seq) const noexcept { return segments_.contains(seq); }
    const kept_segment& segment(u64 seq) const noexcept { return segments_[seq]; }
    u64 bytes() const noexcept { return bytes_; }

    void reserve() {
        points_.reserve(4096);
        segments_.reserve(64);
    }

private:
    static constexpr u64 point_distance = 64u << 10;

    ring<log_point> points_;
    ring<kept_segment> segments_;  // by seq
    index_t last_;
    u64 bytes_ = 0;
};

}  // namespace wal_disk

RAFTKIT_NAMESPACE_END
