#pragma once
// Messages as bytes. A frame is a header, a fixed part and a tail; the tail is borrowed as it is: a
// run's records (which carry their own checksums), or snapshot bytes. Every decoder is total: any
// bytes give a message or an error, nothing is believed before it is checked, and nothing is
// reserved before its size is bounded. Little-endian:
//
//   u32 head_crc (masked CRC32C of bytes 4 .. end of the fixed part) | u32 body_bytes (fixed part
//   and tail) u8 version | u8 kind | u16 fixed_bytes | u32 tail_crc (masked CRC32C of the tail; 0
//   for a run) fixed part, a multiple of 8 bytes | tail
//
// Who sent a frame, and which incarnation, is not in it: the hello at the start of the connection
// said so.

#include <array>

#include <raftkit/base/result.hpp>
#include <raftkit/core/message.hpp>

RAFTKIT_NAMESPACE_BEGIN

inline constexpr u8 wire_version = 1;
inline constexpr u64 wire_magic = 0x316b7466'61722e01ULL;  // in every hello
inline constexpr u32 frame_header_bytes = 16;
inline constexpr u32 frame_fixed_max = 112;
inline constexpr u32 frame_head_max = frame_header_bytes + frame_fixed_max;
static_assert(frame_head_max % 8 == 0);

enum class frame_kind : u8 {
    hello = 1,
    refusal,
    vote_request,
    vote_reply,
    append_request,
    append_reply,
    timeout_now,
    introduce,
    snapshot_offer,
    snapshot_done,
    snapshot_want,
    snapshot_piece
};

// Bulk has a connection of its own, so that a chunk never stands before a heartbeat.
enum class wire_lane : u8 { control, bulk };

struct hello {  // the first frame in both directions
    u64 cluster = 0, group = 0;
    node_id from, to;
    u64 incarnation = 0;
    wire_lane lane = wire_lane::control;
};

enum class refusal_reason : u8 {
    other_cluster,
    other_group,
    wrong_target,
    other_incarnation,
    own_id,
    garbage  // never said: a peer that sends garbage just loses its connection
};

struct refusal {  // the last frame before the connection is closed
    refusal_reason reason{};
};

constexpr const char* text_of(refusal_reason reason) noexcept {
    switch (reason) {
        case refusal_reason::other_cluster: return "it belongs to another cluster";
        case refusal_reason::other_group: return "it belongs to another group";
        case refusal_reason::wrong_target: return "the address belongs to another node";
        case refusal_reason::other_incarnation: return "its data directory is not the one we knew";
        case refusal_reason::own_id: return "it has our own id";
        case refusal_reason::garbage: return "what it sent is damaged";
    }
    return "?";
}

struct frame_head {
    u32 head_crc = 0, body_bytes = 0;
    frame_kind kind{};
    u16 fixed_bytes = 0;
    u32 tail_crc = 0;
    u32 frame_bytes() const noexcept { return frame_header_bytes + body_bytes; }
};

using frame = std::variant<hello, refusal, envelope, bulk_envelope>;

// What goes to writev: `head`, then `tail`. The tail is borrowed from the message, or owned by
// `copied`.
struct encoded_frame {
    std::array<std::byte, frame_head_max> head;
    u32 head_bytes = 0;
    bytes_view tail;
    buffer copied;

    byte_span head_span() const noexcept { return {head.data(), head_bytes}; }
    u64 size() const noexcept { return u64{head_bytes} + tail.size; }
};

constexpr wire_lane lane_of(const envelope&) noexcept { return wire_lane::control; }
inline wire_lane lane_of(const bulk_envelope& mail) noexcept {
    return std::holds_alternative<snapshot_piece>(mail.body) ? wire_lane::bulk : wire_lane::control;
}

// Each overwrites `into`. An offer's two views are copied into one tail; busy when there is no
// memory for that.
result<void> encode(const envelope& mail, encoded_frame& into) noexcept;
result<void> encode(const bulk_envelope& mail, encoded_frame& into) noexcept;
void encode(const hello& greeting, encoded_frame& into) noexcept;
void encode(const refusal& last, encoded_frame& into) noexcept;

// Judges a header alone, before anything is reserved for its frame. Requires: frame_header_bytes
// bytes.
result<frame_head> peek_frame(const std::byte* at, u32 body_bytes_max) noexcept;
// The frame at `offset` of a block, all of whose bytes are there. What it points to is borrowed
// from the block. The records of a run are not looked at: the core verifies them, once, before it
// believes anything (check_run); whoever reads runs without the core verifies them himself.
result<frame> decode_frame(const frame_head& head, block& from, u32 offset, node_id peer,
                           u64 incarnation) noexcept;
// The one check that decode_frame leaves out: an append's records are what its fields say.
inline bool records_are_sound(const frame& decoded) noexcept {
    const auto* mail = std::get_if<envelope>(&decoded);
    const auto* request = mail == nullptr ? nullptr : std::get_if<append_request>(&mail->body);
    if (request == nullptr) return true;
    const run_view& entries = request->entries;
    return check_run(entries.span(), entries.first, entries.term, entries.count).sound;
}

RAFTKIT_NAMESPACE_END

#include <raftkit/transport/wire_decode.hpp>
#include <raftkit/transport/wire_encode.hpp>
