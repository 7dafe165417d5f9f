#pragma once
// An install's work at the follower, one command a step: look whether the snapshot is stored here
// already, create the staging writer, look at what an earlier one left, write the pieces that came,
// publish. A cancelled job has one step left, in which its writer dies: if its store can, what was
// staged waits for the next offer of the same snapshot.

#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include <raftkit/concepts/snapshot_store.hpp>
#include <raftkit/snapshot/transfer_chunks.hpp>
#include <raftkit/snapshot/work_job.hpp>

RAFTKIT_NAMESPACE_BEGIN

// decode_manifest has checked the manifest in itself; here it meets its offer and our bounds.
inline error check_offer(const snapshot_meta& said, const snapshot_manifest& manifest,
                         u32 piece_bytes_max) noexcept {
    const snapshot_meta& meta = manifest.meta;
    if (meta.id != said.id || meta.digest != said.digest || meta.bytes != said.bytes ||
        meta.members != said.members) {
        return {errc::corrupt, 0, "receiver: the offer and its manifest differ"};
    }
    if (manifest.sections.empty()) return {errc::corrupt, 0, "receiver: no sections"};
    if (manifest.chunk_bytes > piece_bytes_max) {
        return {errc::too_large, 0, "receiver: chunks above message_bytes_max",
                manifest.chunk_bytes};
    }
    return {};
}

template <class Store>
class receive_job : public work_job {
public:
    enum class command_t : u8 { probe, create, recheck, write, publish };

    receive_job(Store& store, snapshot_manifest manifest, completion_port to)
        : work_job(&run_job_step<receive_job>, to, bulk_use::receive),
          manifest_(std::move(manifest)),
          store_(&store) {}

    command_t command = command_t::create;
    std::vector<chunk> batch;  // for `write`; emptied by it
    bool stored = false;       // after `probe`: the store opens it,
    bool differs = false;      // but it is not what was offered under that id
    u64 rechecked = 0;  // after `create` and `recheck`: bytes looked at; 0: it was all of them
    std::optional<snapshot_manifest> published;  // after `publish`
    std::atomic<bool> forget{false};             // with cancel(): nothing of it is worth keeping
    bool holds_writer() const noexcept { return began_ && !done; }
    // Requires: it does not run.
    bool holds(const transfer_chunk& one) const noexcept {
        if constexpr (resumable) {
            return writer_ && writer_->holds(one.section, one.offset, one.bytes);
        }
        return false;
    }

    void step() noexcept {
        RAFTKIT_ASSERT(!done);
        if (!cancelled()) status = obey();
        if (!cancelled() && !status && !published) return;
        if constexpr (resumable) {
            const bool keep = !status && !published && !forget.load(std::memory_order_relaxed);
            if (writer_ && keep) (void)writer_->suspend();
        }
        writer_.reset();
        batch.clear();
        done = true;
    }

private:
    static constexpr bool resumable = resumable_writer<typename Store::writer>;

    error obey() noexcept {
        switch (command) {
            case command_t::probe: {
                result<typename Store::reader> opened = store_->open(manifest_.meta.id);
                stored = bool(opened);
                differs = stored && opened->manifest().meta.digest != manifest_.meta.digest;
                return {};
            }
            case command_t::create: {
                result<typename Store::writer> made = store_->create(manifest_);
                if (!made) return made.why();
                writer_.emplace(std::move(*made));
                began_ = true;
                return recheck();
            }
            case command_t::recheck: return recheck();
            case command_t::write: return write();
            case command_t::publish: {
                result<snapshot_manifest> made = writer_->publish();
                if (!made) return made.why();
                published = std::move(*made);
                return {};
            }
        }
        return {};
    }
    error recheck() noexcept {
        if constexpr (resumable) {
            result<u64> looked = writer_->recheck();
            if (!looked) return looked.why();
            rechecked = *looked;
        }
        return {};
    }
    // What the store refuses is not sent again piece by piece: its writer is spent.
    error write() noexcept {
        error why;
        for (const chunk& each : batch) {
            if (cancelled()) break;
            result<void> written = writer_->write(each);
            why = written.why();
            if (why) break;
        }
        batch.clear();
        return why;
    }

    snapshot_manifest manifest_;
    Store* store_;
    std::optional<typename Store::writer> writer_;
    bool began_ = false;
};

RAFTKIT_NAMESPACE_END
