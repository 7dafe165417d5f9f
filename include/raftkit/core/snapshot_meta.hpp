#pragma once
// snapshot_meta as bytes: what an offer carries to the core of a follower, and a part of every
// stored manifest. Little-endian: u16 version | u16 format | u8 origin | u8 installing | u16 zero |
// u32 sections | u32 configuration_bytes | u64 index | u64 term | u64 nonce | u64 bytes | u64
// digest[2] | configuration.

#include <raftkit/core/configuration.hpp>

RAFTKIT_NAMESPACE_BEGIN

inline constexpr u16 snapshot_meta_version = 1;
inline constexpr u32 snapshot_meta_header_bytes = 64;
inline constexpr u32 snapshot_meta_bytes_max =
    snapshot_meta_header_bytes + configuration_header_bytes +
    peers_max * (configuration_member_bytes + address_bytes_max);

// Appends to `into`.
inline void encode(const snapshot_meta& of, std::vector<std::byte>& into) {
    const std::size_t start = into.size();
    into.resize(start + snapshot_meta_header_bytes);
    byte_writer out(mutable_byte_span(into).subspan(start));
    out.put_u16(snapshot_meta_version);
    out.put_u16(of.format);
    out.put_u8(static_cast<u8>(of.origin));
    out.put_u8(of.installing ? 1 : 0);
    out.put_u16(0);
    out.put_u32(of.sections);
    out.put_u32(encoded_bytes(of.members));
    out.put(of.id.at.index);
    out.put(of.id.at.term);
    out.put_u64(of.id.nonce);
    out.put_u64(of.bytes);
    out.put_u64(of.digest[0]);
    out.put_u64(of.digest[1]);
    encode(of.members, into);
}

inline result<snapshot_meta> decode_snapshot_meta(byte_span bytes) noexcept {
    const error damaged{errc::corrupt, 0, "core/snapshot_meta.decode"};
    byte_reader in(bytes);
    if (in.take_u16() != snapshot_meta_version) {
        return in.ok() ? error{errc::incompatible, 0, "core/snapshot_meta.decode: version"}
                       : damaged;
    }
    snapshot_meta made;
    made.format = in.take_u16();
    const u8 origin = in.take_u8(), installing = in.take_u8();
    const u16 zero = in.take_u16();
    made.sections = in.take_u32();
    const u32 configuration_bytes = in.take_u32();
    in.take(made.id.at.index);
    in.take(made.id.at.term);
    made.id.nonce = in.take_u64();
    made.bytes = in.take_u64();
    made.digest = {in.take_u64(), in.take_u64()};
    if (!in.ok() || origin > u8(snapshot_origin::imported) || installing > 1 || zero != 0)
        return damaged;
    if (configuration_bytes != in.left()) return damaged;
    if (!made.id.at.index || made.id.at.index > index_max || made.id.at.term > term_max)
        return damaged;
    result<configuration> members = decode_configuration(in.take_bytes(configuration_bytes));
    if (!members) return members.why();
    made.members = std::move(*members);
    made.origin = static_cast<snapshot_origin>(origin);
    made.installing = installing == 1;
    return made;
}

RAFTKIT_NAMESPACE_END
