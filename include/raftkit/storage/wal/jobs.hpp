#pragma once
// What waits for the log: batches, compactions and loads in their order, copied out of their
// lenders' arguments into lists that are used again and again. The raft context fills one list
// while the runner's context works on the other; they are swapped under a lock.

#include <vector>

#include <raftkit/core/configuration.hpp>
#include <raftkit/storage/wal/frame.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace wal_disk {

enum class job_kind : u8 { batch, peers, compact, load };

struct job {
    job_kind kind = job_kind::batch;
    ticket id;
    bool has_hard = false, has_fence = false, resets = false;
    hard_state hard;
    fence_mark fence;
    log_id base;                          // of a reset or a compaction
    u32 record_at = 0, record_bytes = 0;  // the base's record, in job_list::encoded
    u32 fence_at = 0;                     // the fence's
    u32 runs_at = 0, runs = 0;            // in job_list::runs
    u32 peers_at = 0;                     // in job_list::peers
    load_request load;
};

struct job_list {
    std::vector<job> jobs;
    std::vector<run_view> runs;
    std::vector<std::byte> encoded;
    std::vector<peer_book> peers;
    u32 batches = 0;  // of log records, among the jobs

    void clear() noexcept {
        batches = 0;
        jobs.clear();
        runs.clear();
        encoded.clear();
        peers.clear();
    }
    void reserve() {
        jobs.reserve(256);
        runs.reserve(1024);
        encoded.reserve(1024);
    }

    // Beyond `batches_max` that wait, a batch becomes a part of the last one: nobody gains from the
    // order of two that wait for the same sync.
    void add(const persist_batch& batch, u32 batches_max) {
        if (batches >= batches_max && merge(batch)) return;
        job made;
        made.id = batch.id;
        if (batch.peers == nullptr) ++batches;
        if (batch.peers != nullptr) {
            RAFTKIT_ASSERT(batch.hard == nullptr && batch.fence == nullptr &&
                           batch.reset == nullptr);
            RAFTKIT_ASSERT(batch.append.empty());
            made.kind = job_kind::peers;
            made.peers_at = static_cast<u32>(peers.size());
            peers.push_back(*batch.peers);
        }
        made.has_hard = batch.hard != nullptr;
        if (made.has_hard) made.hard = *batch.hard;
        made.has_fence = batch.fence != nullptr;
        if (made.has_fence) add_fence(made, *batch.fence);
        if (batch.reset != nullptr) {
            made.resets = true;
            add_base(made, *batch.reset, local_record::reset);
        }
        made.runs_at = static_cast<u32>(runs.size());
        for (const run_view& each : batch.append) {
            if (!each.empty()) runs.push_back(each);
        }
        made.runs = static_cast<u32>(runs.size()) - made.runs_at;
        jobs.push_back(made);
    }
    void add_compaction(const log_base& upto) {
        job made;
        made.kind = job_kind::compact;
        add_base(made, upto, local_record::base);
        jobs.push_back(made);
    }
    void add(const load_request& asked) {
        job made;
        made.kind = job_kind::load;
        made.load = asked;
        jobs.push_back(made);
    }

    byte_span record_of(const job& of) const noexcept {
        return byte_span(encoded).subspan(of.record_at, of.record_bytes);
    }
    byte_span fence_of(const job& of) const noexcept {
        return byte_span(encoded).subspan(of.fence_at, record_bytes_of_fence);
    }
    std::span<const run_view> runs_of(const job& of) const noexcept {
        return std::span(runs).subspan(of.runs_at, of.runs);
    }

private:
    static constexpr u32 record_bytes_of_fence = record_bytes(fence_payload_bytes);
    // A batch is atomic, and its frame is better one of a usual size.
    static constexpr u64 merged_bytes_max = 256u << 10;

    // Only what goes on where the last batch ended: no reset, no fence, nothing superseded.
    bool merge(const persist_batch& batch) {
        if (jobs.empty() || batch.peers != nullptr || batch.fence != nullptr ||
            batch.reset != nullptr) {
            return false;
        }
        job& last = jobs.back();
        if (last.kind != job_kind::batch || last.has_fence || last.resets) return false;
        u64 bytes = 0;
        index_t end;
        for (const run_view& each : runs_of(last)) {
            bytes += each.bytes;
            end = each.last();
        }
        for (const run_view& each : batch.append) {
            if (each.empty()) continue;
            if (end && each.first != end.next()) return false;
            bytes += each.bytes;
            end = each.last();
        }
        if (bytes > merged_bytes_max) return false;
        last.id = batch.id;
        if (batch.hard != nullptr) {
            last.has_hard = true;
            last.hard = *batch.hard;
        }
        for (const run_view& each : batch.append) {
            if (!each.empty()) runs.push_back(each);
        }
        last.runs = static_cast<u32>(runs.size()) - last.runs_at;
        return true;
    }
    void add_fence(job& made, const fence_mark& fence) {
        made.fence = fence;
        made.fence_at = static_cast<u32>(encoded.size());
        encoded.resize(encoded.size() + record_bytes_of_fence);
        store_fence_record(encoded.data() + made.fence_at, fence);
    }
    void add_base(job& made, const log_base& base, local_record kind) {
        made.base = base.at;
        made.record_at = static_cast<u32>(encoded.size());
        encoded.resize(encoded.size() + record_header_bytes);
        encode(base.members, encoded);
        const u32 payload = static_cast<u32>(encoded.size()) - made.record_at - record_header_bytes;
        made.record_bytes = record_bytes(payload);
        encoded.resize(made.record_at + made.record_bytes);
        seal_record(encoded.data() + made.record_at, base.at, static_cast<u8>(kind), 0, payload);
    }
};

}  // namespace wal_disk

RAFTKIT_NAMESPACE_END
