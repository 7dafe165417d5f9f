#pragma once
// A restore, step by step on the work executor: from a stored snapshot into a machine's restore
// writer. The live machine is untouched until the driver calls commit() in the apply context; a
// writer that is not committed leaves nothing.
//
//   open -> fill a few chunks -> ... -> filled --- driver: writer().commit(), apply context
//                                         |
//                                         +-> one more run: the writer, and after a commit the
//                                             old state inside it, die where it hurts nobody
//
// The `end` chunk always comes, also for an empty state; short reads of a store are joined by
// offset (known bug 61). A reader held for the whole time is a pin: nothing removes the snapshot
// under it (known bug 64).

#include <optional>
#include <string>
#include <utility>

#include <raftkit/concepts/snapshot_store.hpp>
#include <raftkit/concepts/state_machine.hpp>
#include <raftkit/snapshot/options.hpp>
#include <raftkit/snapshot/work_job.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class Writer, class Store>
class restore_job : public work_job {
public:
    enum class stage_t : u8 { open, fill, filled, ended };

    // Requires: `store` outlives the job. `writer`: what machine.restore() gave.
    restore_job(Store& store, snapshot_id id, Writer writer, const snapshot_options& options,
                completion_port to)
        : work_job(&run_job_step<restore_job>, to, bulk_use::restore),
          store_(&store),
          id_(id),
          writer_(std::move(writer)),
          chunk_bytes_(options.snapshot_chunk_bytes) {}

    snapshot_id id() const noexcept { return id_; }
    stage_t stage() const noexcept { return stage_; }
    // Everything is written. The job stays, `done` is false: next comes commit() or cancel(), then
    // one more run.
    bool filled() const noexcept { return stage_ == stage_t::filled; }
    // Requires: filled(). Apply context.
    Writer& writer() noexcept {
        RAFTKIT_ASSERT(filled());
        return *writer_;
    }

    // After a failure: where it was read, if the store can tell.
    const std::string& failed_in() const noexcept { return failed_in_; }

    void step() noexcept;

private:
    static constexpr u32 chunks_a_step = 4;

    error open() noexcept;
    error fill() noexcept;
    result<bool> write_next() noexcept;

    Store* store_;
    snapshot_id id_;
    std::optional<Writer> writer_;
    std::optional<typename Store::reader> reader_;
    stage_t stage_ = stage_t::open;
    u32 chunk_bytes_;
    u32 section_ = 0;
    u64 offset_ = 0;
    std::string failed_in_;
};

template <class Writer, class Store>
void restore_job<Writer, Store>::step() noexcept {
    RAFTKIT_ASSERT(!done);
    bytes = 0;
    if (stage_ == stage_t::filled) {
        stage_ = stage_t::ended;
    } else if (cancelled()) {
        status = error{errc::cancelled, 0, "restore_job"};
    } else {
        status = stage_ == stage_t::open ? open() : fill();
    }
    if (!status && stage_ != stage_t::ended) return;

    if constexpr (locating_store<Store>) {
        if (status) failed_in_ = store_->file_of(id_, section_);
    }
    reader_.reset();
    writer_.reset();
    stage_ = stage_t::ended;
    done = true;
}

template <class Writer, class Store>
error restore_job<Writer, Store>::open() noexcept {
    result<typename Store::reader> opened = store_->open(id_);
    if (!opened) return opened.why();
    reader_.emplace(std::move(*opened));
    stage_ = stage_t::fill;
    return {};
}

template <class Writer, class Store>
error restore_job<Writer, Store>::fill() noexcept {
    for (u32 count = 0; count < chunks_a_step; ++count) {
        if (cancelled()) return {errc::cancelled, 0, "restore_job"};
        result<bool> more = write_next();
        if (!more) return more.why();
        if (*more) continue;
        reader_.reset();
        stage_ = stage_t::filled;
        return {};
    }
    return {};
}

// Moves one chunk; false: it was the last. The flags come from the manifest, whatever the store
// says.
template <class Writer, class Store>
result<bool> restore_job<Writer, Store>::write_next() noexcept {
    const std::vector<section_meta>& sections = reader_->manifest().sections;
    if (sections.empty()) {
        result<void> written = writer_->write(chunk{0, 0, {}, true, true});
        if (!written) return written.why();
        return false;
    }
    const u64 size = sections[section_].bytes;
    chunk moved{section_, offset_, {}, false, false};
    if (offset_ < size) {
        const u64 left = size - offset_;
        const u32 asked = left < chunk_bytes_ ? static_cast<u32>(left) : chunk_bytes_;
        result<chunk> read = reader_->read(section_, offset_, asked);
        if (!read) return read.why();
        if (read->bytes.empty() || read->bytes.size() > asked) {
            return error{errc::corrupt, 0, "restore_job: a section is short", offset_};
        }
        moved.bytes = std::move(read->bytes);
    }
    bytes += moved.bytes.size();
    offset_ += moved.bytes.size();
    moved.end_of_section = offset_ == size;
    moved.end = moved.end_of_section && section_ + 1 == sections.size();
    result<void> written = writer_->write(moved);
    if (!written) return written.why();
    if (moved.end_of_section) {
        ++section_;
        offset_ = 0;
    }
    return !moved.end;
}

RAFTKIT_NAMESPACE_END
