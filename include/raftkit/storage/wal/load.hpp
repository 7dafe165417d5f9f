#pragma once
// Reading entries back: for a peer that lags behind the log tail, and for a restart's replay. Every
// frame header and every record is verified again; an entry that can't be proven right is an error,
// never a wrong entry. Answers are runs in one fresh block.

#include <raftkit/port/events.hpp>
#include <raftkit/storage/wal/catalog.hpp>
#include <raftkit/storage/wal/scan.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace wal_disk {

// Collects records, rising by one, into a block of a bounded size; the first record fits always.
class load_basket {
public:
    load_basket(index_t first, index_t last, u32 bytes_max) noexcept
        : next_(first), last_(last), bytes_max_(bytes_max) {}
    ~load_basket() {
        if (block_ != nullptr) release_block(block_);
    }
    load_basket(load_basket&&) = delete;

    index_t next() const noexcept { return next_; }
    bool full() const noexcept { return full_ || next_ > last_; }
    bool empty() const noexcept { return runs_.empty(); }

    // A verified record; ignored unless it is the next one. An error: no memory.
    error take(const std::byte* record) {
        const record_header header = load_record_header(record);
        if (header.at.index != next_ || full()) return {};
        const u32 bytes = record_bytes(header.payload_bytes);
        if (block_ == nullptr) {
            const u64 wanted =
                std::max<u64>(bytes, std::min<u64>(bytes_max_, bytes_of_a_block_max));
            block_ = allocate_block(static_cast<u32>(wanted));
            if (block_ == nullptr) return {errc::busy, 0, "wal/load: out of memory", bytes};
        }
        if (block_->capacity - used_ < bytes) {
            full_ = true;
            return {};
        }
        std::memcpy(block_->bytes() + used_, record, bytes);
        add_to_runs(header.at, bytes);
        used_ += bytes;
        next_ = next_.next();
        return {};
    }
    std::vector<run> finish() noexcept {
        std::vector<run> made;
        made.reserve(runs_.size());
        for (const run_view& each : runs_) made.emplace_back(each);
        return made;
    }

private:
    static constexpr u64 bytes_of_a_block_max = 8u << 20;

    void add_to_runs(log_id at, u32 bytes) {
        if (runs_.empty() || runs_.back().term != at.term) {
            runs_.push_back({block_, used_, bytes, at.index, at.term, 1});
            return;
        }
        runs_.back().bytes += bytes;
        ++runs_.back().count;
    }

    index_t next_, last_;
    u32 bytes_max_, used_ = 0;
    bool full_ = false;
    block* block_ = nullptr;
    std::vector<run_view> runs_;
};

template <files Files>
class log_reader {
public:
    log_reader(Files files, const std::string& directory) : files_(files), directory_(&directory) {}

    // `base`: entries up to it are gone.
    loaded load(const catalog& places, index_t base, const load_request& asked) noexcept {
        loaded answer{asked.id, {}, {}};
        if (asked.first <= base) {
            answer.status = {errc::compacted, 0, "wal/load: below the base", base.value};
            return answer;
        }
        const index_t last = std::min(asked.last, places.last());
        if (asked.first > last) {
            answer.status = {errc::not_found, 0, "wal/load: above the last entry",
                             places.last().value};
            return answer;
        }
        load_basket basket(asked.first, last, asked.bytes_max);
        while (!basket.full()) {
            const log_point* point = places.find(basket.next());
            const index_t before = basket.next();
            answer.status = point == nullptr ? damaged(0) : walk(places, *point, basket);
            if (!answer.status && basket.next() == before && !basket.full())
                answer.status = damaged(point->offset);
            if (answer.status) break;
        }
        // What was read before the bad place is good, and the asker comes back for the rest.
        if (answer.status && !basket.empty()) answer.status = {};
        if (!answer.status) answer.entries = basket.finish();
        return answer;
    }

private:
    static error damaged(u64 offset) noexcept {
        return {errc::corrupt, 0, "wal/load: a record is damaged", offset};
    }

    // Takes from `point` on what the catalog says can be found by walking from it.
    error walk(const catalog& places, const log_point& point, load_basket& basket) {
        const kept_segment& segment = places.segment(point.segment);
        auto file =
            files_.open(path_of(*directory_, {file_kind::segment, point.segment}), file_mode{});
        if (!file) return file.why();
        file_window<Files> window(files_, *file, segment.bytes);
        const index_t last = places.last_of(point);
        for (u64 offset = point.offset; basket.next() <= last && !basket.full();) {
            const auto head = window.at(offset, frame_header_bytes);
            if (!head) return head.why();
            const auto header = load_frame_header(*head, segment.nonce, offset);
            if (!header || header->kind != frame_kind::data) return damaged(offset);
            if (const error why = take_frame(window, *header, offset, last, basket)) return why;
            offset += header->sectors_bytes();
        }
        return {};
    }
    error take_frame(file_window<Files>& window, const frame_header& header, u64 offset,
                     index_t last, load_basket& basket) {
        const auto whole = window.at(offset, header.bytes);
        if (!whole) return whole.why();
        byte_span rest = whole->subspan(std::min<std::size_t>(frame_header_bytes, whole->size()));
        for (u32 left = header.records; left > 0 && basket.next() <= last && !basket.full();
             --left) {
            if (check_record(rest) != record_check::good) return damaged(offset);
            const bool entry =
                load_record_header(rest.data()).kind <= static_cast<u8>(entry_kind::barrier);
            if (const error why = entry ? basket.take(rest.data()) : error{}) return why;
            rest = rest.subspan(run_view::record_stride(rest.data()));
        }
        return {};
    }

    Files files_;
    const std::string* directory_;
};

}  // namespace wal_disk

RAFTKIT_NAMESPACE_END
