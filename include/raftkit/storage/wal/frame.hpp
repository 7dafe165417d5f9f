#pragma once
// The frame: one group commit on disk, atomic, and the whole evidence that the groups before it
// were durable. Why each field is there is told, with what breaks without it, by
// storage/wal/README.md. 64 bytes, little-endian, at a sector boundary, then the records of the
// group:
//
//   u32 header_crc (of bytes 4..64) | u32 body_crc (of the records' headers) | u32 bytes | u32
//   chain u16 records | u8 kind | u8 flags | u32 durable_delta u64 number | u64 term | u64
//   voted_for | u64 last_index | u64 last_term
//
// Both checksums are seeded with the nonce of the segment's life and the offset in the file:
// neither old bytes of a recycled file, nor a copy inside a client's payload, nor a block that the
// disk put in the wrong place can pass. A header is believed by itself, so that a torn body does
// not hide it. A payload has its record's own checksum.

#include <optional>

#include <raftkit/core/persist.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace wal_disk {

inline constexpr u64 sector_bytes = 512;  // what a disk writes as a whole
inline constexpr u64 page_bytes = 4096;  // what the page cache reads before it changes a part of it
inline constexpr u32 frame_header_bytes = 64;
inline constexpr u32 frame_body_max = 8u << 20;  // or one record, if that is more
inline constexpr u32 frame_records_max = 65535;
inline constexpr u32 frame_pieces_max = 1024;
static_assert(page_bytes % sector_bytes == 0);

// A mark and a seal stand where the next frame would: they carry its number, and nothing is chained
// to them.
enum class frame_kind : u8 { data = 1, mark = 2, seal = 3 };

struct frame_header {
    u32 header_crc = 0, body_crc = 0;
    u32 bytes = frame_header_bytes;  // with this header, without the rest of the last sector
    u32 chain = 0;                   // header_crc of the data frame before
    u16 records = 0;
    frame_kind kind = frame_kind::data;
    u8 flags = 0;
    u32 durable_delta = 1;
    u64 number = 0;
    term_t term;
    node_id voted_for;
    log_id last;  // of the log after this frame

    // The highest frame that was known to be on disk when this one was written.
    u64 durable_before() const noexcept { return number - durable_delta; }
    u64 sectors_bytes() const noexcept { return round_up(bytes, sector_bytes); }
};

inline u32 place_seed(u64 nonce, u64 offset) noexcept {
    std::byte place[16];
    store_le(place, nonce);
    store_le(place + 8, offset);
    return crc32c({place, sizeof place});
}

// Requires: room for frame_header_bytes. Fills header_crc in.
inline void store_frame_header(std::byte* at, frame_header& header, u64 nonce,
                               u64 offset) noexcept {
    store_le(at + 4, header.body_crc);
    store_le(at + 8, header.bytes);
    store_le(at + 12, header.chain);
    store_le(at + 16, header.records);
    store_le(at + 18, static_cast<u8>(header.kind));
    store_le(at + 19, header.flags);
    store_le(at + 20, header.durable_delta);
    store_le(at + 24, header.number);
    store_le(at + 32, header.term.value);
    store_le(at + 40, header.voted_for.value);
    store_le(at + 48, header.last.index.value);
    store_le(at + 56, header.last.term.value);
    header.header_crc =
        mask_crc(crc32c({at + 4, frame_header_bytes - 4}, place_seed(nonce, offset)));
    store_le(at, header.header_crc);
}

// A header of this life at this place, or nothing. Hostile input is safe.
inline std::optional<frame_header> load_frame_header(byte_span from, u64 nonce,
                                                     u64 offset) noexcept {
    if (from.size() < frame_header_bytes) return std::nullopt;
    const std::byte* at = from.data();
    frame_header header;
    header.header_crc = load_le<u32>(at);
    if (header.header_crc !=
        mask_crc(crc32c({at + 4, frame_header_bytes - 4}, place_seed(nonce, offset)))) {
        return std::nullopt;
    }
    header.body_crc = load_le<u32>(at + 4);
    header.bytes = load_le<u32>(at + 8);
    header.chain = load_le<u32>(at + 12);
    header.records = load_le<u16>(at + 16);
    header.kind = static_cast<frame_kind>(load_le<u8>(at + 18));
    header.flags = load_le<u8>(at + 19);
    header.durable_delta = load_le<u32>(at + 20);
    header.number = load_le<u64>(at + 24);
    header.term = {load_le<u64>(at + 32)};
    header.voted_for = {load_le<u64>(at + 40)};
    header.last = {{load_le<u64>(at + 48)}, {load_le<u64>(at + 56)}};
    return header;
}

// The body's checksum, piece by piece; a piece holds whole records that we wrote or checked.
class body_checksum {
public:
    body_checksum(u64 nonce, u64 offset) noexcept : crc_(place_seed(nonce, offset)) {}
    void add_record(const std::byte* header) noexcept {
        crc_ = crc32c({header, record_header_bytes}, crc_);
    }
    void add_records(byte_span piece) noexcept {
        for (const std::byte* at = piece.data(); at != piece.data() + piece.size();
             at += run_view::record_stride(at)) {
            add_record(at);
        }
    }
    u32 value() const noexcept { return mask_crc(crc_); }

private:
    u32 crc_;
};

enum class body_check : u8 { good, bad, incompatible };

// Judges the records of a frame whose header is good. O(bytes); hostile input is safe.
inline body_check check_frame_body(byte_span body, const frame_header& header, u64 nonce,
                                   u64 offset) noexcept {
    body_checksum sum(nonce, offset);
    bool incompatible = false;
    for (u32 left = header.records; left > 0; --left) {
        const record_check seen = check_record(body);
        incompatible = incompatible || seen == record_check::incompatible;
        if (seen != record_check::good && seen != record_check::incompatible)
            return body_check::bad;
        sum.add_record(body.data());
        body = body.subspan(run_view::record_stride(body.data()));
    }
    if (!body.empty() || sum.value() != header.body_crc) return body_check::bad;
    return incompatible ? body_check::incompatible : body_check::good;
}

// Records of the WAL alone; they never travel. The first two hold the configuration that is in
// force there.
enum class local_record : u8 { base = 16, reset = 17, fence = 18 };

inline constexpr u32 fence_payload_bytes = 32;

inline void store_fence(std::byte* at, const fence_mark& fence) noexcept {
    store_le(at, u64{fence.acked_known});
    store_le(at + 8, fence.acked.index.value);
    store_le(at + 16, fence.acked.term.value);
    store_le(at + 24, fence.at_damage.value);
}
inline fence_mark load_fence(const std::byte* at) noexcept {
    return {load_le<u64>(at) != 0,
            {{load_le<u64>(at + 8)}, {load_le<u64>(at + 16)}},
            {load_le<u64>(at + 24)}};
}

// Requires: room for record_bytes(fence_payload_bytes).
inline void store_fence_record(std::byte* at, const fence_mark& fence) noexcept {
    store_fence(at + record_header_bytes, fence);
    seal_record(at, {}, static_cast<u8>(local_record::fence), 0, fence_payload_bytes);
}

}  // namespace wal_disk

RAFTKIT_NAMESPACE_END
