#pragma once
// Segment files: their names and their 4 KiB header. A header is written when all frames of the
// segment before are durable, into a file that still has a spare's name; so a `wal-` file always
// has a good header, and what the header says (hard state, base, last entry, where the chain goes
// on) was true and durable before the file had its name.
//
//   u64 magic | u32 crc (of bytes 12..4096) | u32 version | u64 cluster, group, self | u64 seq,
//   nonce, bytes u64 term, voted_for, commit_hint | u64 base index, term | u64 last index, term u64
//   last_frame | u32 chain | u32 flags (bit 0: filled) | zeros

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include <raftkit/base/result.hpp>
#include <raftkit/storage/wal/frame.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace wal_disk {

inline constexpr u64 segment_header_bytes = 4096;
inline constexpr u64 segment_magic = 0x314c41576b746672;  // "rftkWAL1"
inline constexpr u32 segment_version = 1;
inline constexpr u32 segment_flag_filled = 1;
// One sector for a mark or a seal behind the last frame, and one in reserve.
inline constexpr u64 segment_footer_bytes = 2 * sector_bytes;

struct segment_header {
    u32 version = segment_version;
    identity owner;  // without the incarnation: a fence changes it
    u64 seq = 0;
    u64 nonce = 0;  // of this life of the file
    u64 bytes = 0;  // of the file
    // Where the log stood when the segment began.
    hard_state hard;
    log_id base, last;
    u64 last_frame = 0;  // number and chain of the predecessor's last data frame
    u32 chain = 0;
    bool filled = false;  // no hole: the file was filled with zeros before
};

// Bytes of records that one frame can hold in a segment of this size.
constexpr u64 frame_room(u64 segment_bytes) noexcept {
    return segment_bytes - segment_header_bytes - segment_footer_bytes - frame_header_bytes;
}
// The size of a segment of its own for a frame of this many bytes.
constexpr u64 oversize_bytes(u64 frame_bytes) noexcept {
    return round_up(
        segment_header_bytes + round_up(frame_bytes, sector_bytes) + segment_footer_bytes,
        page_bytes);
}

// Requires: `into` has segment_header_bytes.
inline void store_segment_header(mutable_byte_span into, const segment_header& header) noexcept {
    byte_writer out(into.first(segment_header_bytes));
    out.put_u64(segment_magic);
    out.put_u32(0);
    out.put_u32(header.version);
    for (const u64 each :
         {header.owner.cluster, header.owner.group, header.owner.self.value, header.seq,
          header.nonce, header.bytes, header.hard.term.value, header.hard.voted_for.value,
          header.hard.commit_hint.value, header.base.index.value, header.base.term.value,
          header.last.index.value, header.last.term.value, header.last_frame}) {
        out.put_u64(each);
    }
    out.put_u32(header.chain);
    out.put_u32(header.filled ? segment_flag_filled : 0);
    out.put_zeros(segment_header_bytes - out.position());
    store_le(into.data() + 8,
             mask_crc(crc32c(byte_span(into).subspan(12, segment_header_bytes - 12))));
}

// A header whose checksum is right, of whatever version and owner; or nothing.
inline std::optional<segment_header> load_segment_header(byte_span from) noexcept {
    if (from.size() < segment_header_bytes) return std::nullopt;
    byte_reader in(from.first(segment_header_bytes));
    const u64 magic = in.take_u64();
    const u32 crc = in.take_u32();
    if (magic != segment_magic) return std::nullopt;
    if (crc != mask_crc(crc32c(from.subspan(12, segment_header_bytes - 12)))) return std::nullopt;
    segment_header header;
    header.version = in.take_u32();
    header.owner.cluster = in.take_u64();
    header.owner.group = in.take_u64();
    in.take(header.owner.self);
    header.seq = in.take_u64();
    header.nonce = in.take_u64();
    header.bytes = in.take_u64();
    in.take(header.hard.term);
    in.take(header.hard.voted_for);
    in.take(header.hard.commit_hint);
    in.take(header.base.index);
    in.take(header.base.term);
    in.take(header.last.index);
    in.take(header.last.term);
    header.last_frame = in.take_u64();
    header.chain = in.take_u32();
    header.filled = (in.take_u32() & segment_flag_filled) != 0;
    return header;
}

enum class file_kind : u8 { other, segment, spare, unfinished };

struct file_name {
    file_kind kind = file_kind::other;
    u64 number = 0;
};

// Rewrites `into` without an allocation once it is large enough: rotation is part of the hot path.
inline void name_file(std::string& into, std::string_view directory, file_name named) noexcept {
    char digits[16];
    for (int place = 15; place >= 0; --place, named.number >>= 4) {
        digits[place] = "0123456789abcdef"[named.number & 15];
    }
    into.assign(directory);
    into.append(named.kind == file_kind::segment ? "/wal-" : "/spare-");
    into.append(digits, sizeof digits);
    into.append(named.kind == file_kind::unfinished ? ".tmp" : ".log");
}
inline std::string path_of(std::string_view directory, file_name named) {
    std::string path;
    name_file(path, directory, named);
    return path;
}

// The reverse, for a name in a directory's listing.
inline file_name parse_file_name(std::string_view name) noexcept {
    const auto number_in = [](std::string_view digits, u64& number) {
        const auto parsed =
            std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
        return digits.size() == 16 && parsed.ec == std::errc{} && parsed.ptr == digits.data() + 16;
    };
    file_name found;
    const bool finished = name.ends_with(".log"), unfinished = name.ends_with(".tmp");
    if (!finished && !unfinished) return found;
    const std::string_view stem = name.substr(0, name.size() - 4);
    if (finished && stem.starts_with("wal-") && number_in(stem.substr(4), found.number)) {
        found.kind = file_kind::segment;
    } else if (stem.starts_with("spare-") && number_in(stem.substr(6), found.number)) {
        found.kind = finished ? file_kind::spare : file_kind::unfinished;
    }
    return found;
}

}  // namespace wal_disk

RAFTKIT_NAMESPACE_END
