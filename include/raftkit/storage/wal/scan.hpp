#pragma once
// Reading a segment: frames one after the other as long as they are valid, and, behind the last
// valid one, every header of this life that stands at a sector boundary: the evidence by which a
// torn tail is told from damage. Everything here is given bytes that may be anything.

#include <algorithm>
#include <vector>

#include <raftkit/io/files.hpp>
#include <raftkit/storage/wal/segment.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace wal_disk {

// A part of a file in memory; reading on moves it.
template <files Files>
class file_window {
public:
    file_window(Files& files, typename Files::handle& file, u64 size) noexcept
        : files_(&files), file_(&file), size_(size) {}

    // The bytes from `offset`, fewer than `bytes` at the end of the file; valid until the next
    // call.
    result<byte_span> at(u64 offset, u64 bytes) noexcept {
        if (offset >= size_) return byte_span{};
        bytes = std::min(bytes, size_ - offset);
        if (offset < start_ || offset + bytes > start_ + held_) {
            const u64 wanted = std::min(std::max(bytes, read_bytes), size_ - offset);
            if (buffer_.size() < wanted) buffer_.resize(wanted);
            held_ = 0;
            start_ = offset;
            auto read = files_->read_at(*file_, offset, mutable_byte_span(buffer_).first(wanted));
            if (!read) return read.why();
            held_ = *read;
            bytes = std::min(bytes, held_);
        }
        return byte_span(buffer_).subspan(static_cast<std::size_t>(offset - start_),
                                          static_cast<std::size_t>(bytes));
    }
    u64 size() const noexcept { return size_; }

private:
    static constexpr u64 read_bytes = 256u << 10;

    Files* files_;
    typename Files::handle* file_;
    u64 size_, start_ = 0, held_ = 0;
    std::vector<std::byte> buffer_;
};

// Where a reader stands in the chain of frames.
struct chain_place {
    u64 offset = segment_header_bytes;
    u64 number = 0;  // of the last data frame before `offset`
    u32 chain = 0;   // its header_crc
};

enum class frame_verdict : u8 { valid, invalid, incompatible };

struct frame_seen {
    frame_verdict verdict = frame_verdict::invalid;
    frame_header header;
    byte_span body;  // until the window moves
};

// Is there a valid frame at `at`: right checksums, the next number, the right chain? An error only
// if the disk fails.
template <files Files>
result<frame_seen> read_frame(file_window<Files>& window, const segment_header& in,
                              const chain_place& at) noexcept {
    frame_seen seen;
    const auto head = window.at(at.offset, frame_header_bytes);
    if (!head) return head.why();
    const auto header = load_frame_header(*head, in.nonce, at.offset);
    if (!header || header->number != at.number + 1 || header->chain != at.chain) return seen;
    seen.header = *header;
    if (header->kind != frame_kind::data || header->bytes < frame_header_bytes) return seen;
    if (at.offset + header->sectors_bytes() + segment_footer_bytes > in.bytes) return seen;
    const auto whole = window.at(at.offset, header->bytes);
    if (!whole) return whole.why();
    if (whole->size() < header->bytes) return seen;
    seen.body = whole->subspan(frame_header_bytes);
    switch (check_frame_body(seen.body, *header, in.nonce, at.offset)) {
        case body_check::bad: return seen;
        case body_check::incompatible: seen.verdict = frame_verdict::incompatible; return seen;
        case body_check::good: break;
    }
    seen.verdict = header->flags == 0 ? frame_verdict::valid : frame_verdict::incompatible;
    return seen;
}

// What stands at and behind the first place without a valid frame.
struct tail_evidence {
    std::optional<frame_header> here;   // at the place itself
    std::optional<frame_header> proof;  // says that the missing frame was durable
    std::vector<u64> headers;           // offsets of all headers of this life
    bool holds_data = false;            // one of them is a data frame's
    bool zeros = true;                  // the place's own sector is empty
};

// Frames begin at sector boundaries, so a copy of one inside a record is never looked at unless it
// lies on one; there its checksum is wrong, because it was not made for this life and this offset.
// O(rest of the file).
template <files Files>
result<tail_evidence> read_tail(file_window<Files>& window, const segment_header& in,
                                const chain_place& at) noexcept {
    tail_evidence seen;
    for (u64 offset = at.offset; offset + frame_header_bytes <= in.bytes; offset += sector_bytes) {
        const auto head = window.at(offset, sector_bytes);
        if (!head) return head.why();
        if (offset == at.offset) {
            seen.zeros = std::all_of(head->begin(), head->end(),
                                     [](std::byte b) { return b == std::byte{}; });
        }
        const auto header = load_frame_header(*head, in.nonce, offset);
        if (!header) continue;
        seen.headers.push_back(offset);
        if (offset == at.offset) seen.here = header;
        seen.holds_data = seen.holds_data || header->kind == frame_kind::data;
        const bool proves = header->durable_before() > at.number;
        if (proves && (!seen.proof || seen.proof->number < header->number)) seen.proof = header;
    }
    return seen;
}

}  // namespace wal_disk

RAFTKIT_NAMESPACE_END
