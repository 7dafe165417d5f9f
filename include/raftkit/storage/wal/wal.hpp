#pragma once
// The write-ahead log as a storage (design §9): an engine, and a runner that says where its work is
// done.
//
//   persist / load / compact ─▶ queue          at most a copy of spans; returns what is durable
//   already flush(), once a turn     ─▶ one write, one sync for all that waits (or a thread is told
//   to) tick(now)                ─▶ idle mark, preparation of segments; says when it wants to be
//   called again
//
// A caller that ends its turns by flush() shows so by its first one; for a caller that never does,
// every call is a turn of its own. Format, orders and the recovery table: README.md beside this
// file.

#include <memory>

#include <raftkit/concepts/storage.hpp>
#include <raftkit/storage/wal/engine.hpp>
#include <raftkit/storage/wal/runner.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <files Files, wal_runner Runner>
class basic_wal {
public:
    explicit basic_wal(wal_options options, Files files = Files{}, Runner runner = Runner{})
        : options_(std::make_unique<wal_options>(std::move(options))),
          files_(files),
          runner_(std::move(runner)) {}
    basic_wal(basic_wal&&) noexcept = default;  // before open
    ~basic_wal() { close(); }

    // Blocking; once. An error changes nothing on disk that the next open() would not do again:
    // `busy`, `foreign`, `incompatible`, `invalid_option`, `io`, `no_space`. With `found` set the
    // log is damaged, and nothing was changed.
    result<recovered_log> open(const identity& who, completion_port port) noexcept;

    persisted persist(const persist_batch& batch) noexcept {
        if (engine_ == nullptr) return stopped();
        engine_->enqueue(batch);
        return turns_end_by_flush_ ? engine_->watermark() : runner_.flush();
    }
    void load(load_request asked) noexcept {
        if (engine_ == nullptr) return;
        engine_->enqueue(asked);
        end_turn();
    }
    void compact(const log_base& upto) noexcept {
        if (engine_ == nullptr) return;
        engine_->enqueue_compaction(upto);
        end_turn();
    }

    // After open(): in which file the log holds what is said to be amiss, or would hold it.
    void locate(damage& found) const {
        if (engine_ != nullptr) engine_->locate(found);
    }
    // So many batches may wait for the disk; later ones join the last of them.
    void batches_max(u32 count) noexcept {
        if (engine_ != nullptr) engine_->batches_max(count);
    }

    // The end of a turn: what was asked for begins. Returns what is durable.
    persisted flush() noexcept {
        turns_end_by_flush_ = true;
        return engine_ == nullptr ? stopped() : runner_.flush();
    }
    // Would flush() wait for the disk in the caller's thread?
    bool flush_waits() const noexcept { return engine_ != nullptr && runner_.flush_waits(); }
    // Between turns. Returns when it wants to be called again.
    instant tick(instant now) noexcept { return engine_ == nullptr ? never : runner_.tick(now); }
    // May a proposal of this size be accepted? False: there is no room, the rest is kept for votes
    // and a compaction.
    bool ready_for(u64 bytes) const noexcept {
        return engine_ != nullptr && engine_->ready_for(bytes);
    }

    // What waits is committed, the mark synced, the lock released. Nothing is posted afterwards.
    void close() noexcept;

    // Who the directory belongs to, before open(): `not_found` if it is new. Takes no lock.
    result<identity> stored_identity() noexcept;
    const wal_options& options() const noexcept { return *options_; }
    Runner& runner() noexcept { return runner_; }

private:
    using engine = wal_engine<Files, typename Runner::clock_type>;

    // Without a flush() to come, a failure is told by the next persist().
    void end_turn() noexcept {
        if (!turns_end_by_flush_) runner_.flush();
    }
    static persisted stopped() noexcept {
        return {{}, {errc::stopped, 0, "wal: not open"}, 0, {}, {}};
    }

    std::unique_ptr<wal_options> options_;  // engine and preparer point to it
    Files files_;
    Runner runner_;
    std::unique_ptr<engine> engine_;
    bool turns_end_by_flush_ = false;
};

template <files Files, wal_runner Runner>
result<recovered_log> basic_wal<Files, Runner>::open(const identity& who,
                                                     completion_port port) noexcept {
    RAFTKIT_ASSERT(engine_ == nullptr);
    if (auto valid = options_->validate(); !valid) return valid.why();
    const u64 seed = options_->seed != 0 ? options_->seed : os_random();
    auto made = std::make_unique<engine>(files_, *options_, runner_.clock(), seed);
    auto found = made->open(who, port);
    if (!found || found->found) return found;
    if (auto started = runner_.start(wal_work::of(*made, port, options_->sync_inline_max));
        !started) {
        return started.why();
    }
    engine_ = std::move(made);
    return found;
}

template <files Files, wal_runner Runner>
void basic_wal<Files, Runner>::close() noexcept {
    if (engine_ == nullptr) return;
    runner_.stop();
    engine_->close();
    engine_.reset();
}

template <files Files, wal_runner Runner>
result<identity> basic_wal<Files, Runner>::stored_identity() noexcept {
    auto stored = identity_store<Files>(files_, options_->directory, options_->file_mode).read();
    if (!stored) return stored.why();
    if (!*stored) return error{errc::not_found, 0, "node.identity: the directory is new"};
    return (*stored)->self;
}

using wal = basic_wal<posix_files, adaptive_runner>;
static_assert(storage<wal>);

RAFTKIT_NAMESPACE_END
