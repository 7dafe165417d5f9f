#pragma once
// A transfer's work at the leader: it opens a stored snapshot, then reads one chunk a step, as
// often as it is asked. The open reader pins the snapshot in its store. A cancelled job has one
// step left: the one that lets go of it.

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include <raftkit/concepts/snapshot_store.hpp>
#include <raftkit/snapshot/transfer_chunks.hpp>
#include <raftkit/snapshot/work_job.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class Store>
class send_job : public work_job {
public:
    send_job(Store& store, completion_port to) noexcept
        : work_job(&run_job_step<send_job>, to, bulk_use::send), store_(&store) {}

    snapshot_id id;         // set before the first step
    transfer_chunk wanted;  // set before each later one
    buffer read;            // the result of such a step; empty if status is an error
    bool opened() const noexcept { return opened_; }

    void step() noexcept {
        RAFTKIT_ASSERT(!done);
        if (!cancelled()) status = reader_ ? read_chunk() : open();
        if (!cancelled() && !status) return;
        reader_.reset();
        done = true;
    }

private:
    error open() noexcept {
        result<typename Store::reader> made = store_->open(id);
        if (!made) return made.why();
        reader_.emplace(std::move(*made));
        opened_ = true;
        return {};
    }
    // A store may give less than asked at a time; a piece is always whole (known bug 61).
    error read_chunk() noexcept {
        result<chunk> got = reader_->read(wanted.section, wanted.offset, wanted.bytes);
        if (!got) return got.why();
        if (got->bytes.size() == wanted.bytes) {
            read = std::move(got->bytes);
            return {};
        }
        buffer joined = buffer::allocate(wanted.bytes);
        if (!joined.valid())
            return {errc::no_space, 0, "send_job: no memory for a chunk", wanted.bytes};
        u32 size = 0;
        for (;;) {
            const u32 more = got->bytes.size();
            if (more == 0 || more > wanted.bytes - size) {
                return {errc::corrupt, 0, "send_job: a section is short", wanted.offset + size};
            }
            std::memcpy(joined.data() + size, got->bytes.bytes().data(), more);
            size += more;
            if (size == wanted.bytes) break;
            got = reader_->read(wanted.section, wanted.offset + size, wanted.bytes - size);
            if (!got) return got.why();
        }
        read = std::move(joined);
        return {};
    }

    Store* store_;
    std::optional<typename Store::reader> reader_;
    bool opened_ = false;
};

RAFTKIT_NAMESPACE_END
