#pragma once
// Runs: consecutive records of one term, contiguous in one block. They are the unit everywhere: log
// tail, messages, persist and apply batches. A run_view borrows (a locked count costs 10 ns), a run
// owns one reference (design §6).

#include <utility>

#include <raftkit/base/buffer.hpp>
#include <raftkit/core/configuration.hpp>
#include <raftkit/core/record.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct run_view {
    block* owner = nullptr;
    u32 offset = 0, bytes = 0;
    index_t first;
    term_t term;
    u32 count = 0;

    bool empty() const noexcept { return count == 0; }
    // Requires: not empty.
    index_t last() const noexcept { return {first.value + count - 1}; }
    index_t end_index() const noexcept { return {first.value + count}; }
    const std::byte* data() const noexcept { return owner->bytes() + offset; }
    byte_span span() const noexcept { return count == 0 ? byte_span{} : byte_span{data(), bytes}; }

    class iterator {
    public:
        explicit iterator(const std::byte* at) noexcept : at_(at) {}
        entry_view operator*() const noexcept { return view_record(at_); }
        const std::byte* record() const noexcept { return at_; }
        iterator& operator++() noexcept {
            at_ += record_bytes(load_le<u32>(at_ + 4));
            return *this;
        }
        friend bool operator==(iterator, iterator) noexcept = default;

    private:
        const std::byte* at_;
    };
    iterator begin() const noexcept { return iterator(count == 0 ? nullptr : data()); }
    iterator end() const noexcept { return iterator(count == 0 ? nullptr : data() + bytes); }

    // Entries from..to, inclusive; shares the block. O(count): walks headers.
    // Requires: first <= from, to <= last(); from > to gives an empty view.
    run_view slice(index_t from, index_t to) const noexcept {
        run_view cut = *this;
        if (count == 0 || from > to) return run_view{owner, offset, 0, from, term, 0};
        RAFTKIT_ASSERT(first <= from);
        RAFTKIT_ASSERT(to <= last());
        if (from == first && to == last()) return cut;
        const std::byte* at = data();
        for (u64 index = first.value; index < from.value; ++index) at += record_stride(at);
        cut.offset = static_cast<u32>(at - owner->bytes());
        cut.first = from;
        cut.count = static_cast<u32>(to.value - from.value + 1);
        if (to == last()) {
            cut.bytes = offset + bytes - cut.offset;
            return cut;
        }
        const std::byte* stop = at;
        for (u32 left = cut.count; left > 0; --left) stop += record_stride(stop);
        cut.bytes = static_cast<u32>(stop - at);
        return cut;
    }

    static u32 record_stride(const std::byte* at) noexcept {
        return record_bytes(load_le<u32>(at + 4));
    }
};
static_assert(sizeof(run_view) == 40 && std::is_trivially_copyable_v<run_view>);

class run {
public:
    run() noexcept = default;
    explicit run(const run_view& of) noexcept : view_(of) {
        if (view_.owner != nullptr) keep_block(view_.owner);
    }
    struct adopt_t {};
    // Takes over the caller's reference.
    run(const run_view& of, adopt_t) noexcept : view_(of) {}
    run(run&& other) noexcept : view_(std::exchange(other.view_, run_view{})) {}
    run& operator=(run&& other) noexcept {
        if (this != &other) {
            reset();
            view_ = std::exchange(other.view_, run_view{});
        }
        return *this;
    }
    ~run() { reset(); }

    const run_view& view() const noexcept { return view_; }
    void reset() noexcept {
        if (view_.owner != nullptr) release_block(view_.owner);
        view_ = {};
    }
    // An adjacent slice of the same block, in the same term.
    bool continues(const run_view& by) const noexcept {
        return by.owner == view_.owner && by.term == view_.term &&
               by.offset == view_.offset + view_.bytes;
    }
    // The tail extends its last run by such a slice without a second reference.
    void extend(const run_view& more) noexcept {
        RAFTKIT_ASSERT(continues(more));
        RAFTKIT_ASSERT(more.first == view_.end_index());
        view_.bytes += more.bytes;
        view_.count += more.count;
    }
    // Forgets entries from the back; the bytes stay in the block.
    void narrow(const run_view& kept) noexcept {
        RAFTKIT_ASSERT(kept.owner == view_.owner);
        view_ = kept;
    }

private:
    run_view view_;
};

struct run_check {
    bool sound = false;
    bool has_members = false;  // some entry is a configuration
};

namespace detail {
[[gnu::noinline]] inline bool names_members(byte_span body) noexcept {
    const auto members = decode_configuration(body);
    return members && !members->members.empty();
}
}  // namespace detail

// Judges bytes that claim to be a run of `count` entries of one term from `first` on: every
// checksum, consecutive indexes, one term, known kinds, sound configurations, no bytes left over.
// This is the one verification that a follower makes; hostile input is safe. O(bytes).
[[gnu::flatten, gnu::noinline]] inline run_check check_run(byte_span bytes, index_t first,
                                                           term_t term, u32 count) noexcept {
    run_check seen;
    u64 index = first.value;
    for (u32 left = count; left > 0; --left, ++index) {
        if (check_record(bytes) != record_check::good) return seen;
        const entry_view entry = view_record(bytes.data());
        if (entry.at.index.value != index || entry.at.term != term) return seen;
        if (entry.kind > entry_kind::barrier) return seen;
        if (entry.kind == entry_kind::membership) {
            if (!detail::names_members(entry.body)) return seen;
            seen.has_members = true;
        }
        bytes = bytes.subspan(record_bytes(load_le<u32>(bytes.data() + 4)));
    }
    seen.sound = bytes.empty();
    return seen;
}

// The leader's open block: commands are copied and checksummed into it while they are hot, and its
// frozen prefix is already on its way to peers and disk. Owned by the raft context.
class run_builder {
public:
    explicit run_builder(block_pool& pool) noexcept : pool_(&pool) {}
    run_builder(run_builder&&) = delete;
    ~run_builder() {
        if (open_ != nullptr) release_block(open_);
    }

    // Appends one record at `at`. Returns a view of just that record, lent while the builder or a
    // taker of a reference keeps its block; an empty view when out of memory. Large bodies get a
    // block of their own.
    run_view append(const log_id& at, entry_kind kind, byte_span body, i64 unix_ns) noexcept {
        const u32 stamp = unix_ns != 0 ? record_stamp_bytes : 0;
        const u32 payload = static_cast<u32>(body.size()) + stamp;
        const u32 bytes = record_bytes(payload);
        if (open_ == nullptr || open_->capacity - used_ < bytes) {
            block* fresh = pool_->acquire(bytes > block_bytes ? bytes : block_bytes);
            if (fresh == nullptr) return {};
            if (open_ != nullptr) release_block(open_);
            open_ = fresh;
            used_ = 0;
        }
        std::byte* start = open_->bytes() + used_;
        if (stamp != 0) store_le(start + record_header_bytes, unix_ns);
        if (!body.empty())
            std::memcpy(start + record_header_bytes + stamp, body.data(), body.size());
        seal_record(start, at, static_cast<u8>(kind), stamp != 0 ? record_flag_timed : u8{0},
                    payload);
        const run_view made{open_, used_, bytes, at.index, at.term, 1};
        used_ += bytes;
        return made;
    }

private:
    block_pool* pool_;
    block* open_ = nullptr;
    u32 used_ = 0;
};

RAFTKIT_NAMESPACE_END
