#pragma once
// The newest part of the log, in memory, as a ring of runs. It owns; watermarks lend: batches
// handed to storage, transports and the applier are views, and nothing above min(stable, applied)
// is evicted (design §6). A slice adjacent to the last run extends it: one slot and one reference a
// block, not a batch. Readers are cursors: in steady state nothing is ever searched; a stale cursor
// finds its place again by a walk.
//
//   ring:   [run 7 | term 3][run 8 | term 3][run 9 | term 4 ........]      <- append / extend
//             ^ evicted from here                ^ cursor {slot 9, index, offset}

#include <algorithm>
#include <vector>

#include <raftkit/base/ring.hpp>
#include <raftkit/core/run.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

struct log_cursor {  // the next entry to read
    index_t index{1};
    u64 slot = 0;
    u32 offset = 0;
    u32 generation = 0;  // 0: never placed
};

struct take_limits {
    u32 entries_max = ~u32{0};
    u64 bytes_max = ~u64{0};  // at least one entry is taken whatever its size
};

class log_tail {
public:
    explicit log_tail(index_t last) noexcept : first_(last.next()), last_(last) {}

    bool empty() const noexcept { return runs_.empty(); }
    index_t first() const noexcept { return first_; }
    index_t last() const noexcept { return last_; }
    u64 block_bytes_held() const noexcept { return held_; }
    bool resident(index_t at) const noexcept { return at >= first() && at <= last_; }

    // Requires: the view follows last(). Takes a reference only if it does not extend the last run.
    void append(const run_view& next) noexcept {
        RAFTKIT_ASSERT(next.count > 0 && next.first == last_.next());
        last_ = next.last();
        bytes_ += next.bytes;
        if (!runs_.empty() && runs_.back().continues(next)) {
            runs_.back().extend(next);
        } else {
            append_run(next);
        }
    }

    // From the cursor's entry on: consecutive entries of one run, up to `upto` and the limits;
    // advances the cursor. Requires: resident(cursor.index), cursor.index <= upto <= last().
    run_view take(log_cursor& at, index_t upto, take_limits limits) noexcept {
        const run_view& whole = place(at);
        run_view taken{
            whole.owner, at.offset,  whole.offset + whole.bytes - at.offset,
            at.index,    whole.term, static_cast<u32>(whole.end_index().value - at.index.value)};
        if (taken.last() > upto || taken.count > limits.entries_max ||
            taken.bytes > limits.bytes_max) {
            const extent cut = within(taken, upto, limits);
            taken.count = cut.count;
            taken.bytes = cut.bytes;
        }
        at.index = taken.end_index();
        at.offset += taken.bytes;
        return taken;
    }
    // Payload and headers from the cursor to the end. O(runs behind the cursor).
    u64 bytes_from(log_cursor& at) noexcept {
        if (at.index > last_) return 0;
        if (!resident(at.index)) return bytes_;
        const run_view& here = place(at);
        u64 sum = here.offset + here.bytes - at.offset;
        for (u64 slot = at.slot + 1; slot < runs_.end(); ++slot) sum += runs_[slot].view().bytes;
        return sum;
    }

    // Forgets entries >= from. What is cut may still be lent to an open batch: it waits until
    // `lent` completes.
    void truncate(index_t from, ticket lent) noexcept {
        ++generation_;
        while (!runs_.empty() && runs_.back().view().first >= from) {
            bytes_ -= runs_.back().view().bytes;
            bury(std::move(runs_.back()), lent);
            runs_.pop_back();
        }
        if (!runs_.empty() && runs_.back().view().last() >= from) {
            const run_view whole = runs_.back().view();
            const run_view kept = whole.slice(whole.first, from.previous());
            bytes_ -= whole.bytes - kept.bytes;
            bury(run(whole), lent);
            runs_.back().narrow(kept);
        }
        if (last_ >= from) last_ = from.previous();
        if (runs_.empty()) first_ = last_.next();
        recount();
    }
    // Everything goes; the next entry is base + 1.
    void reset(index_t base, ticket lent) noexcept {
        ++generation_;
        while (!runs_.empty()) {
            bury(std::move(runs_.back()), lent);
            runs_.pop_back();
        }
        bytes_ = 0;
        held_ = 0;
        first_ = base.next();
        last_ = base;
    }
    // Drops whole runs that end at or below `upto`, while more than `resident_max` bytes of blocks
    // are held.
    void evict(index_t upto, u64 resident_max) noexcept {
        while (held_ > resident_max && runs_.size() > 1 && runs_.front().view().last() <= upto) {
            const block* owner = runs_.front().view().owner;
            const u32 capacity = owner->capacity;  // the block may die with its last run
            bytes_ -= runs_.front().view().bytes;
            runs_.pop_front();
            first_ = runs_.front().view().first;
            if (runs_.front().view().owner != owner) held_ -= capacity;
        }
    }
    bool has_buried() const noexcept { return !buried_.empty(); }
    [[gnu::noinline]] void release_buried(ticket completed) noexcept {
        std::erase_if(buried_, [&](const grave& each) { return each.lent <= completed; });
    }

private:
    struct grave {
        run held;
        ticket lent;
    };

    [[gnu::noinline]] void append_run(const run_view& next) noexcept {
        if (runs_.empty()) {
            held_ = next.owner->capacity;
            first_ = next.first;
        } else if (runs_.back().view().owner != next.owner) {
            held_ += next.owner->capacity;
        }
        runs_.push_back(run(next));
    }

    void bury(run gone, ticket lent) noexcept { buried_.push_back({std::move(gone), lent}); }

    void recount() noexcept {
        held_ = 0;
        const block* before = nullptr;
        for (u64 slot = runs_.first(); slot != runs_.end(); ++slot) {
            const block* owner = runs_[slot].view().owner;
            if (owner != before) held_ += owner->capacity;
            before = owner;
        }
    }

    // Makes slot and offset right for at.index; the run that holds it.
    const run_view& place(log_cursor& at) noexcept {
        if (at.generation == generation_ && runs_.contains(at.slot)) {
            const run_view& here = runs_[at.slot].view();
            if (at.index < here.end_index()) return here;
            if (at.index == here.end_index() && runs_.contains(at.slot + 1)) {
                const run_view& next = runs_[++at.slot].view();
                at.offset = next.offset;
                return next;
            }
        }
        return seek(at);
    }
    [[gnu::noinline]] const run_view& seek(log_cursor& at) noexcept {
        RAFTKIT_ASSERT(resident(at.index));
        u64 low = runs_.first(), high = runs_.end();
        while (high - low > 1) {
            const u64 middle = low + (high - low) / 2;
            (runs_[middle].view().first <= at.index ? low : high) = middle;
        }
        const run_view& here = runs_[low].view();
        const std::byte* record = here.data();
        for (u64 skip = at.index.value - here.first.value; skip > 0; --skip) {
            record += run_view::record_stride(record);
        }
        at.slot = low;
        at.offset = static_cast<u32>(record - here.owner->bytes());
        at.generation = generation_;
        return here;
    }
    struct extent {
        u32 count, bytes;
    };
    // What the limits leave of it; walks headers (3 ns a record), so only when one falls inside a
    // run.
    static extent within(const run_view& view, index_t upto, take_limits limits) noexcept {
        const u64 wanted =
            std::min<u64>({view.count, upto.value - view.first.value + 1, limits.entries_max});
        const std::byte* record = view.data();
        u32 count = 0;
        u64 bytes = 0;
        while (count < wanted) {
            const u32 stride = run_view::record_stride(record);
            if (count > 0 && bytes + stride > limits.bytes_max) break;
            bytes += stride;
            record += stride;
            ++count;
        }
        return {count, static_cast<u32>(bytes)};
    }

    ring<run> runs_;
    std::vector<grave> buried_;
    index_t first_, last_;  // resident; first_ is last_ + 1 when nothing is
    u64 bytes_ = 0;         // of records
    u64 held_ = 0;          // of blocks
    u32 generation_ = 1;
};

}  // namespace core

RAFTKIT_NAMESPACE_END
