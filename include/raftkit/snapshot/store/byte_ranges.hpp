#pragma once
// Which bytes of a section are here. Pieces of a transfer come in any order, twice, and cut as the
// sender likes (scenario D56); a sorted list of disjoint ranges stays short as long as they come
// roughly in order, and grows with what arrived, never with what somebody claims.

#include <algorithm>
#include <utility>
#include <vector>

#include <raftkit/base/assert.hpp>

RAFTKIT_NAMESPACE_BEGIN

class byte_ranges {
public:
    struct range {
        u64 begin, end;  // half-open
    };

    u64 total() const noexcept { return total_; }
    const std::vector<range>& ranges() const noexcept { return ranges_; }

    bool covers(u64 begin, u64 end) const noexcept {
        if (begin >= end) return true;
        const auto after = first_ending_after(begin);
        return after != ranges_.end() && after->begin <= begin && end <= after->end;
    }

    void add(u64 begin, u64 end) {
        if (begin >= end) return;
        // Everything that touches the new range melts into it.
        const auto from = ranges_.begin() + (first_ending_at_or_after(begin) - ranges_.cbegin());
        auto to = from;
        for (; to != ranges_.end() && to->begin <= end; ++to) {
            begin = std::min(begin, to->begin);
            end = std::max(end, to->end);
            total_ -= to->end - to->begin;
        }
        total_ += end - begin;
        if (from == to) {
            ranges_.insert(from, {begin, end});
            return;
        }
        *from = {begin, end};
        ranges_.erase(from + 1, to);
    }

private:
    using place = std::vector<range>::const_iterator;
    place first_ending_after(u64 offset) const noexcept {
        return std::partition_point(ranges_.begin(), ranges_.end(),
                                    [&](const range& each) { return each.end <= offset; });
    }
    place first_ending_at_or_after(u64 offset) const noexcept {
        return std::partition_point(ranges_.begin(), ranges_.end(),
                                    [&](const range& each) { return each.end < offset; });
    }

    std::vector<range> ranges_;
    u64 total_ = 0;
};

RAFTKIT_NAMESPACE_END
