#pragma once
// A save, step by step on the work executor: from a captured image to a snapshot that is durable
// and listed.
//
//   create -> pump a few chunks -> ... -> publish -> [verify a few chunks -> ...] -> list -> done
//      \________\___________________________\________________/
//       an error, or cancel() seen between two calls: the writer is dropped, nothing was ever
//       visible
//
// The driver runs the next step when the throttle allows; before the step that publishes (`stage()`
// says so) it asks coordinator.may_publish(), for nothing is taken back afterwards. The result
// stands in the job: the manifest, and the listing read after publish, from which compaction takes
// its bound (known bugs 43 and 44). A failed listing leaves a good snapshot whose `listing` is
// missing. Image and writer die here, on the executor.

#include <optional>
#include <utility>

#include <raftkit/concepts/snapshot_store.hpp>
#include <raftkit/snapshot/chunk_pump.hpp>
#include <raftkit/snapshot/options.hpp>
#include <raftkit/snapshot/work_job.hpp>

RAFTKIT_NAMESPACE_BEGIN

inline constexpr u32 chunks_per_step = 4;

template <class Image, class Store>
class save_job : public work_job {
public:
    enum class stage_t : u8 { create, pump, publish, verify, list, ended };

    // `manifest` says everything but sections, bytes and digests. Requires: `store` outlives the
    // job.
    save_job(Store& store, Image image, snapshot_manifest manifest, const snapshot_options& options,
             completion_port to)
        : work_job(&run_job_step<save_job>, to, bulk_use::save),
          store_(&store),
          image_(std::move(image)),
          wanted_(std::move(manifest)),
          pump_(options.snapshot_chunk_bytes),
          chunk_bytes_(options.snapshot_chunk_bytes),
          free_min_(options.snapshot_free_min),
          verify_(options.snapshot_verify_published) {}

    // What the next step does.
    stage_t stage() const noexcept { return stage_; }
    u64 saved_bytes() const noexcept { return pump_.bytes(); }
    // Before the step that publishes: how long it took so far.
    void took(duration time) noexcept { wanted_.took = time; }
    // Ensures, when done without an error: published() holds. listing() may still be missing.
    const std::optional<snapshot_manifest>& published() const noexcept { return published_; }
    std::optional<std::vector<snapshot_manifest>>& listing() noexcept { return listing_; }

    void step() noexcept;

private:
    error advance() noexcept;
    error create() noexcept;
    error pump() noexcept;
    error publish() noexcept;
    error verify() noexcept;
    error list() noexcept;

    Store* store_;
    std::optional<Image> image_;
    snapshot_manifest wanted_;
    chunk_pump<Image> pump_;
    std::optional<typename Store::writer> writer_;
    std::optional<typename Store::reader> reader_;
    std::optional<snapshot_manifest> published_;
    std::optional<std::vector<snapshot_manifest>> listing_;
    stage_t stage_ = stage_t::create;
    u32 chunk_bytes_;
    u64 free_min_;
    bool verify_;
    u32 verify_section_ = 0;
    u64 verify_offset_ = 0;
};

template <class Image, class Store>
void save_job<Image, Store>::step() noexcept {
    RAFTKIT_ASSERT(!done);
    bytes = 0;
    // What is published stays: a cancellation that comes later is too late, and the listing is
    // still wanted.
    if (cancelled() && !published_) {
        status = error{errc::cancelled, 0, "save_job"};
    } else {
        status = advance();
    }
    if (!status && stage_ != stage_t::ended) return;

    if (status) published_.reset();
    writer_.reset();
    reader_.reset();
    image_.reset();
    stage_ = stage_t::ended;
    done = true;
}

template <class Image, class Store>
error save_job<Image, Store>::advance() noexcept {
    switch (stage_) {
        case stage_t::create: return create();
        case stage_t::pump: return pump();
        case stage_t::publish: return publish();
        case stage_t::verify: return verify();
        case stage_t::list: return list();
        case stage_t::ended: break;
    }
    return {};
}

template <class Image, class Store>
error save_job<Image, Store>::create() noexcept {
    if constexpr (measured_store<Store>) {
        if (free_min_ != 0) {
            result<u64> free = store_->free_bytes();
            if (!free) return free.why();
            if (*free < free_min_) return {errc::no_space, 0, "save_job: snapshot_free_min", *free};
        }
    }
    result<typename Store::writer> made = store_->create(wanted_);
    if (!made) return made.why();
    writer_.emplace(std::move(*made));
    stage_ = stage_t::pump;
    return {};
}

template <class Image, class Store>
error save_job<Image, Store>::pump() noexcept {
    for (u32 count = 0; count < chunks_per_step && !pump_.ended(); ++count) {
        if (cancelled()) return {errc::cancelled, 0, "save_job"};
        if (pump_.at_section()) {
            result<void> begun = writer_->begin_section(pump_.describe(*image_));
            if (!begun) return begun.why();
        }
        result<chunk> pulled = pump_.pull(*image_);
        if (!pulled) return pulled.why();
        bytes += pulled->bytes.size();
        result<void> written = writer_->write(*pulled);
        if (!written) return written.why();
    }
    if (!pump_.ended()) return {};
    image_.reset();  // it may pin much memory, and publishing takes its time
    stage_ = stage_t::publish;
    return {};
}

template <class Image, class Store>
error save_job<Image, Store>::publish() noexcept {
    if constexpr (timed_writer<typename Store::writer>) writer_->took(wanted_.took);
    result<snapshot_manifest> stored = writer_->publish();
    if (!stored)
        return stored.why();  // known bug 62: an error while closing is an error of the save
    published_ = std::move(*stored);
    writer_.reset();
    stage_ = verify_ ? stage_t::verify : stage_t::list;
    return {};
}

// Reads back what was published; the reader checks. A snapshot that fails is taken away again.
template <class Image, class Store>
error save_job<Image, Store>::verify() noexcept {
    const snapshot_id id = published_->meta.id;
    const auto refuse = [&](error why) {
        reader_.reset();
        if constexpr (quarantining_store<Store>) {
            (void)store_->quarantine(id);
        } else {
            (void)store_->remove(id);
        }
        return why;
    };
    if (!reader_) {
        result<typename Store::reader> opened = store_->open(id);
        if (!opened) return refuse(opened.why());
        reader_.emplace(std::move(*opened));
    }
    for (u32 count = 0; count < chunks_per_step && verify_section_ < published_->sections.size();
         ++count) {
        const u64 size = published_->sections[verify_section_].bytes;
        if (verify_offset_ < size) {
            result<chunk> read = reader_->read(verify_section_, verify_offset_, chunk_bytes_);
            if (!read) return refuse(read.why());
            if (read->bytes.empty()) {
                return refuse(
                    {errc::corrupt, 0, "save_job.verify: a section is short", verify_offset_});
            }
            verify_offset_ += read->bytes.size();
            bytes += read->bytes.size();
        }
        if (verify_offset_ < size) continue;
        ++verify_section_;
        verify_offset_ = 0;
    }
    if (verify_section_ < published_->sections.size()) return {};
    reader_.reset();
    stage_ = stage_t::list;
    return {};
}

template <class Image, class Store>
error save_job<Image, Store>::list() noexcept {
    result<std::vector<snapshot_manifest>> listed = store_->list();
    if (listed) listing_ = std::move(*listed);
    stage_ = stage_t::ended;
    return {};
}

RAFTKIT_NAMESPACE_END
