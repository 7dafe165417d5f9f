#pragma once
// The record: one log entry as bytes. It is encoded once, by the leader, and the same bytes are in
// every log tail, on the wire and in every WAL, under one end-to-end checksum (design §6).
// Little-endian, 32-byte header, then the payload, zero-padded to 8:
//
//   u32 crc (masked CRC32C of the padded payload, seeded by the header's own crc)
//   u32 payload_bytes | u64 index | u64 term | u8 kind | u8 flags | u16 zero | u32 header_crc
//
// header_crc covers bytes 4..28, so that a scanner may trust the length before it touches the
// payload. Flag bit 0 is *timed*: 8 bytes of leader time (ns since 1970, never falling) precede the
// command and count as payload.

#include <raftkit/base/bytes.hpp>
#include <raftkit/base/checksum.hpp>
#include <raftkit/core/types.hpp>

RAFTKIT_NAMESPACE_BEGIN

// base and reset records are written by the WAL alone; they never travel.
enum class entry_kind : u8 { command, membership, barrier };

struct entry_view {
    log_id at;
    entry_kind kind = entry_kind::command;
    byte_span body;   // without the time stamp
    i64 unix_ns = 0;  // 0: not stamped
};

inline constexpr u32 record_header_bytes = 32;
inline constexpr u32 record_payload_max = 64u << 20;
inline constexpr u8 record_flag_timed = 1;
inline constexpr u32 record_stamp_bytes = 8;

constexpr u32 record_bytes(u32 payload_bytes) noexcept {
    return record_header_bytes + static_cast<u32>(round_up(payload_bytes, 8));
}

struct record_header {
    u32 crc = 0;
    u32 payload_bytes = 0;
    log_id at;
    u8 kind = 0;
    u8 flags = 0;
    u32 header_crc = 0;
};

inline record_header load_record_header(const std::byte* at) noexcept {
    return {load_le<u32>(at),
            load_le<u32>(at + 4),
            {{load_le<u64>(at + 8)}, {load_le<u64>(at + 16)}},
            load_le<u8>(at + 24),
            load_le<u8>(at + 25),
            load_le<u32>(at + 28)};
}
inline u32 record_header_crc(const std::byte* at) noexcept {
    return mask_crc(crc32c({at + 4, 24}));
}
inline u32 record_payload_crc(const std::byte* at, u32 payload_bytes) noexcept {
    return mask_crc(
        crc32c({at + record_header_bytes, static_cast<std::size_t>(round_up(payload_bytes, 8))},
               load_le<u32>(at + 28)));
}

// Writes the header before `payload_bytes` of payload that already stand at `at + 32`; zeroes the
// padding. Requires: room for record_bytes(payload_bytes).
inline void seal_record(std::byte* at, log_id where, u8 kind, u8 flags,
                        u32 payload_bytes) noexcept {
    const u32 padded = static_cast<u32>(round_up(payload_bytes, 8));
    std::memset(at + record_header_bytes + payload_bytes, 0, padded - payload_bytes);
    store_le(at + 4, payload_bytes);
    store_le(at + 8, where.index.value);
    store_le(at + 16, where.term.value);
    store_le(at + 24, u32{kind} | u32{flags} << 8);
    store_le(at + 28, record_header_crc(at));
    store_le(at, record_payload_crc(at, payload_bytes));
}

enum class record_check : u8 { good, short_input, bad_header, bad_payload, incompatible };

// Judges the record at the start of `from`: hostile input is safe. O(payload).
inline record_check check_record(byte_span from) noexcept {
    if (from.size() < record_header_bytes) return record_check::short_input;
    const record_header header = load_record_header(from.data());
    if (header.header_crc != record_header_crc(from.data())) return record_check::bad_header;
    if (header.payload_bytes > record_payload_max) return record_check::bad_header;
    if (from.size() < record_bytes(header.payload_bytes)) return record_check::short_input;
    if (header.crc != record_payload_crc(from.data(), header.payload_bytes)) {
        return record_check::bad_payload;
    }
    const bool timed = (header.flags & record_flag_timed) != 0;
    if ((header.flags & ~record_flag_timed) != 0) return record_check::incompatible;
    if (timed && header.payload_bytes < record_stamp_bytes) return record_check::bad_header;
    return record_check::good;
}

// Requires: a record that was checked, or that we wrote.
inline entry_view view_record(const std::byte* at) noexcept {
    const record_header header = load_record_header(at);
    const bool timed = (header.flags & record_flag_timed) != 0;
    const std::byte* payload = at + record_header_bytes;
    entry_view entry{
        header.at, static_cast<entry_kind>(header.kind), {payload, header.payload_bytes}};
    if (timed) {
        entry.unix_ns = load_le<i64>(payload);
        entry.body = entry.body.subspan(record_stamp_bytes);
    }
    return entry;
}

RAFTKIT_NAMESPACE_END
