#pragma once
// A manifest as bytes: it makes a directory of sections a snapshot, and it travels in an offer.
// What it says is believed only after its own checksum, every bound and every sum agree: disks and
// peers are inputs. Little-endian:
//
//   u64 magic | u16 version | u16 zero | u32 total_bytes | u32 crc | u32 zero        the frame of
//   every version u32 codec | u32 chunk_bytes | i64 created_at_unix_ms | i64 took | u32 meta_bytes
//   | u32 sections | snapshot_meta per section: u64 bytes | u64 digest[2] | u8 origin | u8 zero |
//   u16 name_bytes | u16 external_bytes | u16 zero |
//                u32 user_meta_bytes | name | external_id | user_meta
//
// The checksum covers everything but itself and stands where no version moves it, so that a newer
// format is told from damage: `incompatible`, never `corrupt`.

#include <raftkit/base/checksum.hpp>
#include <raftkit/core/snapshot_meta.hpp>
#include <raftkit/port/manifest.hpp>

RAFTKIT_NAMESPACE_BEGIN

inline constexpr u64 manifest_magic = 0x31666e616d6b6672;  // "rfkmanf1"
inline constexpr u16 manifest_version = 1;
inline constexpr u16 snapshot_format = 1;  // of sections and chunks, snapshot_meta::format
inline constexpr u32 manifest_frame_bytes = 24;
inline constexpr u32 manifest_fixed_bytes = 32;
inline constexpr u32 manifest_section_bytes = 36;
inline constexpr u32 manifest_bytes_max = 16u << 20;
inline constexpr u32 manifest_sections_max = 4096;
inline constexpr u32 section_name_bytes_max = 255;
inline constexpr u32 section_external_bytes_max = 4096;
inline constexpr u32 section_user_meta_bytes_max = 64u << 10;
inline constexpr u32 stored_chunk_bytes_max = 64u << 20;
inline constexpr u64 section_bytes_max = u64{1} << 50;  // sums of 4096 of them don't overflow
static_assert(section_bytes_max <= ~u64{0} / manifest_sections_max);

// The digest of a snapshot: that of its sections' lengths and digests, in order.
inline digest128 digest_of(std::span<const section_meta> sections) noexcept {
    digest128_builder sum;
    for (const section_meta& each : sections) {
        std::array<std::byte, 24> bytes;
        byte_writer out(bytes);
        out.put_u64(each.bytes);
        out.put_u64(each.digest[0]);
        out.put_u64(each.digest[1]);
        sum.update(bytes);
    }
    return sum.finish();
}

inline u64 bytes_of(std::span<const section_meta> sections) noexcept {
    u64 sum = 0;
    for (const section_meta& each : sections) sum += each.bytes;
    return sum;
}

// Why a section can't be stored, or ok.
inline error check_section(const section_meta& of) noexcept {
    const auto too_large = [](const char* why) { return error{errc::too_large, 0, why}; };
    if (of.name.size() > section_name_bytes_max)
        return too_large("manifest: a section's name above 255 bytes");
    if (of.external_id.size() > section_external_bytes_max) {
        return too_large("manifest: a section's external id above 4 KiB");
    }
    if (of.user_meta.size() > section_user_meta_bytes_max) {
        return too_large("manifest: a section's user_meta above 64 KiB");
    }
    if (of.bytes > section_bytes_max) return too_large("manifest: a section above 2^50 bytes");
    return {};
}

// Why a manifest can't be that of a whole snapshot, or ok.
inline error check_manifest(const snapshot_manifest& of) noexcept {
    const auto wrong = [](const char* why) { return error{errc::corrupt, 0, why}; };
    if (of.chunk_bytes == 0 || of.chunk_bytes > stored_chunk_bytes_max)
        return wrong("manifest: chunk_bytes");
    if (of.sections.size() > manifest_sections_max) {
        return {errc::too_large, 0, "manifest: more than 4096 sections"};
    }
    for (const section_meta& each : of.sections) {
        if (const error why = check_section(each)) return why;
    }
    if (of.meta.sections != of.sections.size()) return wrong("manifest: the count of sections");
    if (of.meta.bytes != bytes_of(of.sections))
        return wrong("manifest: the sum of the sections' bytes");
    if (of.meta.digest != digest_of(of.sections))
        return wrong("manifest: the digest of the sections' digests");
    return {};
}

inline u64 encoded_bytes(const snapshot_manifest& of) noexcept {
    u64 bytes = manifest_frame_bytes + manifest_fixed_bytes + snapshot_meta_header_bytes;
    bytes += encoded_bytes(of.meta.members);
    for (const section_meta& each : of.sections) {
        bytes += manifest_section_bytes + each.name.size() + each.external_id.size() +
                 each.user_meta.size();
    }
    return bytes;
}

// Appends to `into`. Requires: !check_manifest(of), encoded_bytes(of) <= manifest_bytes_max.
void encode(const snapshot_manifest& of, std::vector<std::byte>& into);
// `corrupt`, or `incompatible` for what a newer version wrote; O(bytes), reserves nothing
// unchecked.
result<snapshot_manifest> decode_manifest(byte_span bytes) noexcept;

namespace detail {

inline u32 manifest_crc(byte_span whole) noexcept {
    return mask_crc(crc32c(whole.subspan(20), crc32c(whole.first(16))));
}

inline void put_section(byte_writer& out, const section_meta& of) noexcept {
    out.put_u64(of.bytes);
    out.put_u64(of.digest[0]);
    out.put_u64(of.digest[1]);
    out.put_u8(static_cast<u8>(of.origin));
    out.put_u8(0);
    out.put_u16(static_cast<u16>(of.name.size()));
    out.put_u16(static_cast<u16>(of.external_id.size()));
    out.put_u16(0);
    out.put_u32(static_cast<u32>(of.user_meta.size()));
    out.put_bytes(as_bytes(of.name));
    out.put_bytes(as_bytes(of.external_id));
    out.put_bytes(of.user_meta);
}

inline bool take_section(byte_reader& in, section_meta& into) noexcept {
    into.bytes = in.take_u64();
    into.digest[0] = in.take_u64();
    into.digest[1] = in.take_u64();
    const u8 origin = in.take_u8(), zero = in.take_u8();
    const u16 name_bytes = in.take_u16(), external_bytes = in.take_u16();
    const u16 zeros = in.take_u16();
    const u32 user_meta_bytes = in.take_u32();
    if (!in.ok() || origin > u8(section_origin::referenced) || zero != 0 || zeros != 0)
        return false;
    into.origin = static_cast<section_origin>(origin);
    into.name = std::string(as_text(in.take_bytes(name_bytes)));
    into.external_id = std::string(as_text(in.take_bytes(external_bytes)));
    const byte_span user_meta = in.take_bytes(user_meta_bytes);
    into.user_meta.assign(user_meta.begin(), user_meta.end());
    return in.ok();
}

// The frame that all versions share: whether `bytes` are one whole, undamaged manifest of this
// version.
inline error check_manifest_frame(byte_span bytes) noexcept {
    const error damaged{errc::corrupt, 0, "snapshot/manifest.decode"};
    byte_reader in(bytes);
    const u64 magic = in.take_u64();
    const u16 version = in.take_u16();
    const u16 zero = in.take_u16();
    const u32 total = in.take_u32(), crc = in.take_u32(), zeros = in.take_u32();
    if (!in.ok() || bytes.size() < manifest_frame_bytes || magic != manifest_magic) return damaged;
    if (total != bytes.size() || crc != manifest_crc(bytes)) return damaged;
    if (version != manifest_version) {
        return {errc::incompatible, 0, "snapshot/manifest: written by another version of raftkit",
                version};
    }
    if (zero != 0 || zeros != 0) return damaged;  // what a newer version says there, we can't know
    return {};
}

}  // namespace detail

inline void encode(const snapshot_manifest& of, std::vector<std::byte>& into) {
    RAFTKIT_ASSERT(encoded_bytes(of) <= manifest_bytes_max);
    std::vector<std::byte> meta;
    encode(of.meta, meta);
    const std::size_t start = into.size();
    into.resize(start + static_cast<std::size_t>(encoded_bytes(of)));
    const mutable_byte_span whole = mutable_byte_span(into).subspan(start);
    byte_writer out(whole);
    out.put_u64(manifest_magic);
    out.put_u16(manifest_version);
    out.put_u16(0);
    out.put_u32(static_cast<u32>(whole.size()));
    out.put_zeros(8);
    out.put_u32(of.codec);
    out.put_u32(of.chunk_bytes);
    out.put(of.created_at_unix_ms);
    out.put(of.took.ns);
    out.put_u32(static_cast<u32>(meta.size()));
    out.put_u32(static_cast<u32>(of.sections.size()));
    out.put_bytes(meta);
    for (const section_meta& each : of.sections) detail::put_section(out, each);
    RAFTKIT_ASSERT(out.position() == whole.size());
    store_le(whole.data() + 16, detail::manifest_crc(whole));
}

inline result<snapshot_manifest> decode_manifest(byte_span bytes) noexcept {
    const error damaged{errc::corrupt, 0, "snapshot/manifest.decode"};
    if (const error why = detail::check_manifest_frame(bytes)) return why;
    byte_reader in(bytes.subspan(manifest_frame_bytes));
    snapshot_manifest made;
    made.codec = in.take_u32();
    made.chunk_bytes = in.take_u32();
    made.created_at_unix_ms = in.take<i64>();
    made.took.ns = in.take<i64>();
    const u32 meta_bytes = in.take_u32(), sections = in.take_u32();
    const byte_span meta = in.take_bytes(meta_bytes);
    if (!in.ok() || sections > manifest_sections_max) return damaged;
    if (in.left() / manifest_section_bytes < sections) return damaged;
    result<snapshot_meta> head = decode_snapshot_meta(meta);
    if (!head) return head.why();
    if (head->format != snapshot_format) {
        return error{errc::incompatible, 0, "snapshot/manifest: another format of snapshots",
                     head->format};
    }
    made.meta = std::move(*head);
    made.sections.resize(sections);
    for (section_meta& each : made.sections) {
        if (!detail::take_section(in, each)) return damaged;
    }
    if (!in.at_end()) return damaged;
    if (const error why = check_manifest(made)) return error{errc::corrupt, 0, why.where};
    return made;
}

RAFTKIT_NAMESPACE_END
