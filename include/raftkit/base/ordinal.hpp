#pragma once
// Strong 64-bit numbers. Terms, indexes and node ids are all u64 on the wire; mixing two of them up
// compiles silently in most Raft libraries and corrupts logs. Here it is an error. 0 is always
// "none".

#include <compare>
#include <cstdint>

#include <raftkit/config.hpp>

RAFTKIT_NAMESPACE_BEGIN

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i64 = std::int64_t;

template <class Tag>
struct ordinal {
    u64 value = 0;
    constexpr explicit operator bool() const noexcept { return value != 0; }
    constexpr ordinal next() const noexcept { return {value + 1}; }
    // Saturates at "none": the predecessor of the first one.
    constexpr ordinal previous() const noexcept { return {value == 0 ? 0 : value - 1}; }
    friend constexpr auto operator<=>(ordinal, ordinal) noexcept = default;
};

RAFTKIT_NAMESPACE_END
