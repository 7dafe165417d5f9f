#pragma once
// Configurations as bytes. Entries, snapshots, base and reset records hold full configurations with
// addresses, so that membership never depends on an entry that was compacted (known bug 37).
// Little-endian:
//
//   u16 version | u8 joint | u8 count | u32 zero | u64 index, then per member, sorted by id:
//   u64 id | u64 incarnation | u8 role | u8 old_role | u16 address_bytes | address
//
// At most 32 members; decoding checks every bound and trusts nothing.

#include <raftkit/base/bytes.hpp>
#include <raftkit/base/result.hpp>
#include <raftkit/core/types.hpp>

RAFTKIT_NAMESPACE_BEGIN

inline constexpr u16 configuration_version = 1;
inline constexpr u32 configuration_header_bytes = 16;
inline constexpr u32 configuration_member_bytes = 20;

inline u32 encoded_bytes(const configuration& of) noexcept {
    u32 bytes = configuration_header_bytes;
    for (const member& each : of.members) {
        bytes += configuration_member_bytes + static_cast<u32>(each.address.size());
    }
    return bytes;
}

// Appends to `into`. Requires: valid(of) or empty.
inline void encode(const configuration& of, std::vector<std::byte>& into) {
    RAFTKIT_ASSERT(of.members.size() <= peers_max);
    const std::size_t start = into.size();
    into.resize(start + encoded_bytes(of));
    byte_writer out(mutable_byte_span(into).subspan(start));
    out.put_u16(configuration_version);
    out.put_u8(of.joint ? 1 : 0);
    out.put_u8(static_cast<u8>(of.members.size()));
    out.put_u32(0);
    out.put(of.index);
    for (const member& each : of.members) {
        RAFTKIT_ASSERT(each.address.size() <= address_bytes_max);
        out.put(each.id);
        out.put_u64(each.incarnation);
        out.put_u8(static_cast<u8>(each.role));
        out.put_u8(static_cast<u8>(each.old_role));
        out.put_u16(static_cast<u16>(each.address.size()));
        out.put_bytes(as_bytes(each.address));
    }
}

// Why a list of members can't be a configuration, or ok. An empty one is fine only before
// bootstrap.
inline error check_configuration(const configuration& of) noexcept {
    const auto invalid = [](const char* why) { return error{errc::invalid_change, 0, why}; };
    if (of.members.size() > peers_max) return invalid("configuration: more than 32 members");
    bool incoming = false, outgoing = false;
    node_id before;
    for (const member& each : of.members) {
        if (!each.id || !each.id.next()) return invalid("configuration: a member's id is none");
        if (each.id <= before)
            return invalid("configuration: members not sorted by id, or twice the same");
        if (each.address.size() > address_bytes_max)
            return invalid("configuration: address too long");
        if (each.role > member_role::learner || each.old_role > member_role::learner) {
            return invalid("configuration: witnesses are not supported");
        }
        if (!of.joint && each.role == member_role::none) {
            return invalid("configuration: a member without a role");
        }
        incoming |= each.role == member_role::voter;
        outgoing |= each.old_role == member_role::voter;
        before = each.id;
    }
    if (!incoming) return invalid("configuration: needs at least one voter");
    if (of.joint && !outgoing) return invalid("configuration: joint without outgoing voters");
    return {};
}

inline result<configuration> decode_configuration(byte_span bytes) noexcept {
    const error damaged{errc::corrupt, 0, "core/configuration.decode"};
    byte_reader in(bytes);
    if (in.take_u16() != configuration_version) {
        return in.ok() ? error{errc::incompatible, 0, "core/configuration.decode: version"}
                       : damaged;
    }
    configuration made;
    const u8 joint = in.take_u8();
    const u8 count = in.take_u8();
    const u32 zero = in.take_u32();
    in.take(made.index);
    if (!in.ok() || joint > 1 || count > peers_max || zero != 0) return damaged;
    made.joint = joint == 1;
    made.members.reserve(count);
    for (u32 left = count; left > 0; --left) {
        member each;
        in.take(each.id);
        each.incarnation = in.take_u64();
        const u8 role = in.take_u8(), old_role = in.take_u8();
        const u16 address_bytes = in.take_u16();
        if (address_bytes > address_bytes_max) return damaged;
        each.address = std::string(as_text(in.take_bytes(address_bytes)));
        if (!in.ok() || role > u8(member_role::witness) || old_role > u8(member_role::witness))
            return damaged;
        each.role = static_cast<member_role>(role);
        each.old_role = static_cast<member_role>(old_role);
        made.members.push_back(std::move(each));
    }
    if (!in.at_end()) return damaged;
    if (!made.members.empty() && check_configuration(made)) return damaged;
    return made;
}

RAFTKIT_NAMESPACE_END
