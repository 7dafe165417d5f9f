#pragma once
// The log on disk, without a thread: the raft context enqueues, and the runner decides where and
// when commit_group() turns everything that waits into one frame, one write, one sync, one
// watermark. Answers to loads and retired segments follow in the same order. The first failed write
// or sync is the last: it is reported for ever, and nothing is acknowledged behind it (known from
// fsyncgate: a second sync proves nothing).
//
//   enqueue ─▶ job_list ──swap──▶ job_list ─▶ frame_draft ─▶ segment_writer ─▶ catalog ─▶
//   persisted{upto}
//    raft context          lock     runner's context                └─▶ segment_preparer: spares,
//    retired files

#include <atomic>
#include <mutex>

#include <raftkit/port/mailbox.hpp>
#include <raftkit/storage/identity.hpp>
#include <raftkit/storage/wal/draft.hpp>
#include <raftkit/storage/wal/jobs.hpp>
#include <raftkit/storage/wal/load.hpp>
#include <raftkit/storage/wal/recover.hpp>
#include <raftkit/storage/wal/writer.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace marks {
RAFTKIT_DECLARE_MARK(wal_rotated);
RAFTKIT_DECLARE_MARK(wal_rotated_without_spare);
RAFTKIT_DECLARE_MARK(wal_frame_oversize);
RAFTKIT_DECLARE_MARK(wal_retired_segment);
RAFTKIT_DECLARE_MARK(wal_failed);
RAFTKIT_DECLARE_MARK(wal_idle_mark);
}  // namespace marks

// `Clock` is copyable and has `instant now() const noexcept`: it measures, and decides nothing but
// the age of a mark.
template <files Files, class Clock>
class wal_engine {
public:
    wal_engine(Files files, const wal_options& options, Clock clock, u64 seed)
        : files_(files),
          options_(&options),
          clock_(clock),
          seed_(seed),
          identities_(files, options.directory, options.file_mode),
          spares_(files, options),
          writer_(files, options, spares_, seed),
          reader_(files, options.directory) {
        filling_.reserve();
        working_.reserve();
        draft_.reserve();
        draft_.clear();
        retired_.reserve(64);
    }
    wal_engine(wal_engine&&) = delete;

    // Raft context, once, before anything else: storage/wal/reopen.hpp.
    result<recovered_log> open(const identity& who, completion_port port) noexcept;

    // ---- raft context -----------------------------------------------------------------------
    // Never waits for the disk. What a batch points to is copied, the bytes of its runs stay lent.
    void enqueue(const persist_batch& batch) noexcept {
        const std::lock_guard hold(guard_);
        filling_.add(batch, batches_max_);
    }
    void batches_max(u32 count) noexcept {
        const std::lock_guard hold(guard_);
        batches_max_ = count;
    }
    // Names the file of what is amiss, and the place where the log holds its first entry or would.
    // After open(), before the first batch.
    void locate(damage& found) const;
    void enqueue(const load_request& asked) noexcept {
        const std::lock_guard hold(guard_);
        filling_.add(asked);
    }
    void enqueue_compaction(const log_base& upto) noexcept {
        const std::lock_guard hold(guard_);
        filling_.add_compaction(upto);
    }
    // May a proposal of this size be accepted? False while the disk has no room for segments and
    // the rest is kept for votes and a compaction. Any context.
    bool ready_for(u64 bytes) const noexcept;

    // ---- any context ------------------------------------------------------------------------
    bool waiting() const noexcept {
        const std::lock_guard hold(guard_);
        return !filling_.jobs.empty();
    }
    persisted watermark() const noexcept {
        const std::lock_guard hold(guard_);
        return published_;
    }

    // ---- the runner's context, one at a time ----------------------------------------------------
    // Everything that waits becomes durable, or the log fails for good.
    persisted commit_group() noexcept;
    // After an idle second the mark is synced, so that from then on no damage can look like a torn
    // tail. Returns when it wants to be called again: `now` if the log has just failed, so that the
    // watermark is worth a look.
    instant idle_step(instant now) noexcept;
    // May run beside the other two, in a context of its own.
    instant prepare_step(instant now) noexcept { return is_open_ ? spares_.step(now) : never; }
    bool wants_preparing() const noexcept { return is_open_ && spares_.wanting(); }

    // Commits what waits and leaves a synced mark. The lock goes with the engine.
    void close() noexcept;

private:
    static constexpr duration idle_before_mark = seconds(1);

    using job = wal_disk::job;
    using job_list = wal_disk::job_list;
    using wal_verdict = wal_disk::wal_verdict;

    // opening: reopen.hpp
    result<recovered_log> open_new(const identity& who) noexcept;
    result<recovered_log> open_found(wal_verdict&& verdict, node_identity&& stored) noexcept;
    result<void> settle(const wal_verdict& verdict, typename Files::handle& newest) noexcept;
    result<void> write_missing_seal(const wal_verdict& verdict) noexcept;
    result<void> drop_stale(const wal_verdict& verdict) noexcept;
    void report_room() noexcept;

    // committing: commit.hpp
    void run(const job& asked) noexcept;
    void run_batch(const job& asked) noexcept;
    void run_peers(const job& asked) noexcept;
    void run_compaction(const job& asked) noexcept;
    void run_load(const job& asked) noexcept;
    bool joins_draft(std::span<const run_view> runs) const noexcept;
    void add_run(run_view run) noexcept;
    void add_own_fence() noexcept;
    void flush_draft() noexcept;
    result<void> make_room(u64 frame_bytes) noexcept;
    result<void> rotate(u64 frame_bytes) noexcept;
    result<void> write_draft() noexcept;
    void note_written(u64 offset) noexcept;
    void retire_segments() noexcept;
    bool check(const result<void>& done) noexcept;
    void publish() noexcept;
    u64 frame_bytes_shared() const noexcept {
        return std::min<u64>(wal_disk::frame_body_max,
                             wal_disk::frame_room(options_->segment_bytes));
    }

    Files files_;
    const wal_options* options_;
    Clock clock_;
    u64 seed_;
    identity_store<Files> identities_;
    wal_disk::segment_preparer<Files> spares_;
    wal_disk::segment_writer<Files> writer_;
    wal_disk::log_reader<Files> reader_;
    completion_port port_;
    typename Files::handle lock_;
    bool is_open_ = false;

    mutable std::mutex guard_;  // of the next three
    job_list filling_;
    u32 batches_max_ = ~0u;
    persisted published_;
    std::atomic<u64> room_allocated_{0};

    // The runner's context.
    job_list working_;
    wal_disk::frame_draft draft_;
    wal_disk::catalog places_;
    node_identity identity_;
    hard_state hard_;
    log_id base_, last_;
    std::optional<fence_mark> fence_;
    std::array<std::byte, record_bytes(wal_disk::fence_payload_bytes)> own_fence_{};
    struct retired_file {
        u64 number = 0;
        wal_disk::file_kind kind{};
    };
    std::vector<retired_file> retired_;
    std::string from_, to_;  // paths, reused
    ticket accepted_, durable_;
    error failed_;
    duration write_took_, sync_took_;
    bool mark_due_ = false;  // frames were written since the last mark
    bool mark_unsynced_ = false;
    instant written_at_;
};

RAFTKIT_NAMESPACE_END

#include <raftkit/storage/wal/commit.hpp>
#include <raftkit/storage/wal/reopen.hpp>
