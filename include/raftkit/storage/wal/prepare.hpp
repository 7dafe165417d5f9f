#pragma once
// Segments for later and segments of yesterday. Spares are filled with zeros before they are
// needed, because a commit into blocks that were never written costs half as much again; retired
// segments become spares by a rename; what is too much shrinks by steps before it is removed,
// because unlinking a large file stalls the whole disk. All of it in small paced steps, so that a
// commit beside them does not notice (performance notes: storage/wal/README.md).
//
//   spare-N.tmp ──fill──▶ sync ──rename──▶ spare-N.log ──take()──▶ wal-K.log ──retire()──▶
//   spare-M.log
//                                                                                └─ too many, odd
//                                                                                size ─▶ shrink,
//                                                                                remove

#include <errno.h>

#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include <raftkit/io/files.hpp>
#include <raftkit/storage/wal/options.hpp>
#include <raftkit/storage/wal/segment.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace wal_disk {

inline constexpr u64 fill_piece_bytes = 64u << 10;
inline constexpr u64 shrink_step_bytes = 1u << 20;
inline constexpr u64 fill_bytes_per_second = 25'000'000;           // beside a working log
inline constexpr u64 fill_bytes_per_second_starved = 100'000'000;  // when no spare is left
inline constexpr duration shrink_interval = milliseconds(4);

// Never written to; page-aligned for files that bypass the page cache.
alignas(page_bytes) inline std::array<std::byte, fill_piece_bytes> zero_bytes{};

// step() belongs to one thread at a time; everything else may run beside it on another.
template <files Files>
class segment_preparer {
public:
    segment_preparer(Files files, const wal_options& options) : files_(files), options_(&options) {
        ready_.reserve(16);
        surplus_.reserve(64);
    }
    segment_preparer(segment_preparer&&) = delete;

    // Files that were found at open. Sizes of spares are checked by the first step that touches
    // them.
    void adopt(const std::vector<u64>& spares, const std::vector<u64>& unfinished) noexcept;

    // A filled file of segment_bytes under a spare's name, or 0: none is ready.
    u64 take() noexcept;
    // A number for a file that becomes a spare.
    u64 fresh_number() noexcept {
        const std::lock_guard hold(guard_);
        return next_++;
    }
    // A file that was a segment until now, renamed to what kind_of_retired() said.
    void retire(u64 number, file_kind kind) noexcept;
    // Only a file without holes, of the usual size, may be called a spare: open() believes the
    // name.
    file_kind kind_of_retired(u64 bytes, bool filled) const noexcept {
        return filled && bytes == options_->segment_bytes ? file_kind::spare
                                                          : file_kind::unfinished;
    }

    u32 ready() const noexcept { return ready_count_.load(std::memory_order_relaxed); }
    // The last attempt to prepare found no room; it is repeated by prepare_delays.
    bool short_of_space() const noexcept { return short_of_space_.load(std::memory_order_relaxed); }
    void note_space(bool is_short) noexcept {
        short_of_space_.store(is_short, std::memory_order_relaxed);
    }

    // At most one bounded file operation. Returns when the next one is due; `never` when all is
    // done.
    instant step(instant now) noexcept;
    // Is there anything for step() to do?
    bool wanting() const noexcept {
        const std::lock_guard hold(guard_);
        return filling_number_ != 0 || ready_.size() < options_->spare_segments ||
               !surplus_.empty();
    }

private:
    using handle = typename Files::handle;
    struct doomed {
        u64 number = 0;
        file_kind kind = file_kind::spare;
    };

    result<void> begin_fill() noexcept;
    result<void> fill() noexcept;
    result<void> finish_fill() noexcept;
    void shrink() noexcept;
    void give_up_fill(const error& why) noexcept;
    void set_ready(u64 number) noexcept {
        ready_.push_back(number);
        ready_count_.store(static_cast<u32>(ready_.size()), std::memory_order_relaxed);
    }
    duration pace() const noexcept {
        const u64 rate = ready() == 0 ? fill_bytes_per_second_starved : fill_bytes_per_second;
        return {static_cast<i64>(fill_piece_bytes * 1'000'000'000 / rate)};
    }

    Files files_;
    const wal_options* options_;
    mutable std::mutex guard_;  // of the lists and numbers
    std::vector<u64> ready_;
    std::vector<doomed> surplus_;
    u64 next_ = 1;
    std::atomic<u32> ready_count_{0};
    std::atomic<bool> short_of_space_{false};

    // Only step() touches these, but for the number, under the lock.
    u64 filling_number_ = 0, filled_ = 0, shrinking_ = 0;
    handle filling_file_, shrinking_file_;
    std::string path_, other_path_;
    instant fill_due_, shrink_due_;
    std::size_t failures_ = 0;
    bool direct_ = true;
};

template <files Files>
void segment_preparer<Files>::adopt(const std::vector<u64>& spares,
                                    const std::vector<u64>& unfinished) noexcept {
    const std::lock_guard hold(guard_);
    for (const u64 number : unfinished) {
        surplus_.push_back({number, file_kind::unfinished});
        next_ = std::max(next_, number + 1);
    }
    for (const u64 number : spares) {
        next_ = std::max(next_, number + 1);
        name_file(path_, options_->directory, {file_kind::spare, number});
        auto file = files_.open(path_, file_mode{});
        const bool fits = file && [&] {
            const auto size = files_.size(*file);
            return size && *size == options_->segment_bytes;
        }();
        if (fits && ready_.size() < options_->spare_segments) {
            set_ready(number);
        } else {
            surplus_.push_back({number, file_kind::spare});
        }
    }
}

template <files Files>
u64 segment_preparer<Files>::take() noexcept {
    const std::lock_guard hold(guard_);
    if (ready_.empty()) return 0;
    const u64 number = ready_.front();
    ready_.erase(ready_.begin());
    ready_count_.store(static_cast<u32>(ready_.size()), std::memory_order_relaxed);
    return number;
}

template <files Files>
void segment_preparer<Files>::retire(u64 number, file_kind kind) noexcept {
    const std::lock_guard hold(guard_);
    if (kind == file_kind::spare && ready_.size() < options_->spare_segments) {
        set_ready(number);
        note_space(false);
    } else {
        surplus_.push_back({number, kind});
    }
}

template <files Files>
instant segment_preparer<Files>::step(instant now) noexcept {
    bool wants_spare = false, has_surplus = false;
    {
        const std::lock_guard hold(guard_);
        wants_spare = filling_number_ != 0 || ready_.size() < options_->spare_segments;
        has_surplus = !surplus_.empty();
    }
    if (has_surplus && now >= shrink_due_) {
        shrink();
        shrink_due_ = now + shrink_interval;
        return shrink_due_;
    }
    if (wants_spare && now >= fill_due_) {
        const auto done = filling_number_ == 0                ? begin_fill()
                          : filled_ < options_->segment_bytes ? fill()
                                                              : finish_fill();
        if (done) {
            fill_due_ = now + pace();
        } else {
            give_up_fill(done.why());
            const std::size_t last = options_->prepare_delays.size() - 1;
            fill_due_ = now + options_->prepare_delays[std::min(failures_++, last)];
            has_surplus = true;
        }
    }
    if (has_surplus) return wants_spare ? earliest(fill_due_, shrink_due_) : shrink_due_;
    return wants_spare ? fill_due_ : never;
}

template <files Files>
result<void> segment_preparer<Files>::begin_fill() noexcept {
    const u64 number = fresh_number();
    name_file(path_, options_->directory, {file_kind::unfinished, number});
    file_mode mode{true, true, true, direct_, options_->file_mode};
    auto opened = files_.open(path_, mode);
    if (!opened) return opened.why();
    {
        const std::lock_guard hold(guard_);
        filling_number_ = number;
    }
    filling_file_ = std::move(*opened);
    filled_ = 0;
    return files_.truncate(filling_file_, options_->segment_bytes);
}

template <files Files>
result<void> segment_preparer<Files>::fill() noexcept {
    const u64 bytes = std::min(fill_piece_bytes, options_->segment_bytes - filled_);
    const byte_span piece = byte_span(zero_bytes).first(static_cast<std::size_t>(bytes));
    const auto written = files_.write_at(filling_file_, filled_, std::span(&piece, 1));
    if (!written && written.why().os == EINVAL && direct_) {
        // The file system took the flag and refuses the writes: through the page cache, then.
        direct_ = false;
        auto again = files_.open(path_, {true, false, false, false, options_->file_mode});
        if (!again) return again.why();
        filling_file_ = std::move(*again);
        return {};
    }
    if (written) filled_ += bytes;
    return written;
}

template <files Files>
result<void> segment_preparer<Files>::finish_fill() noexcept {
    if (auto done = files_.sync_data(filling_file_); !done) return done;
    name_file(other_path_, options_->directory, {file_kind::spare, filling_number_});
    if (auto done = files_.rename(path_, other_path_); !done) return done;
    filling_file_ = handle{};
    const std::lock_guard hold(guard_);
    set_ready(filling_number_);
    filling_number_ = 0;
    failures_ = 0;
    note_space(false);
    return {};
}

template <files Files>
void segment_preparer<Files>::give_up_fill(const error& why) noexcept {
    if (why.code == errc::no_space) note_space(true);
    filling_file_ = handle{};
    const std::lock_guard hold(guard_);
    if (filling_number_ != 0) surplus_.push_back({filling_number_, file_kind::unfinished});
    filling_number_ = 0;
}

// Shrinks the oldest surplus file by one step; removes it when it is small. What fails is left for
// the next open.
template <files Files>
void segment_preparer<Files>::shrink() noexcept {
    doomed gone;
    {
        const std::lock_guard hold(guard_);
        gone = surplus_.front();
    }
    name_file(other_path_, options_->directory, {gone.kind, gone.number});
    if (shrinking_ != gone.number) {
        auto opened = files_.open(other_path_, {true, false, false, false, options_->file_mode});
        if (opened) shrinking_file_ = std::move(*opened);
        if (opened) shrinking_ = gone.number;
    }
    if (shrinking_ == gone.number) {
        const auto size = files_.size(shrinking_file_);
        if (size && *size > shrink_step_bytes) {
            const u64 left = (*size - 1) / shrink_step_bytes * shrink_step_bytes;
            if (files_.truncate(shrinking_file_, left)) return;
        }
        maybe(bool(files_.remove(other_path_)));
    }
    shrinking_file_ = handle{};
    shrinking_ = 0;
    const std::lock_guard hold(guard_);
    surplus_.erase(surplus_.begin());
}

}  // namespace wal_disk

RAFTKIT_NAMESPACE_END
