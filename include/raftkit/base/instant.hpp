#pragma once
// Monotonic time as plain numbers of nanoseconds. The kit never reads a clock outside the drives:
// every instant is handed in, so that a run can be replayed from its inputs.

#include <compare>
#include <limits>

#include <raftkit/base/ordinal.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct duration {
    i64 ns = 0;
    friend constexpr auto operator<=>(duration, duration) noexcept = default;
    friend constexpr duration operator+(duration a, duration b) noexcept { return {a.ns + b.ns}; }
    friend constexpr duration operator-(duration a, duration b) noexcept { return {a.ns - b.ns}; }
    friend constexpr duration operator*(duration a, i64 times) noexcept { return {a.ns * times}; }
    friend constexpr duration operator/(duration a, i64 parts) noexcept { return {a.ns / parts}; }
};

struct instant {
    i64 ns = 0;
    friend constexpr auto operator<=>(instant, instant) noexcept = default;
    friend constexpr duration operator-(instant a, instant b) noexcept { return {a.ns - b.ns}; }
};

inline constexpr instant never{std::numeric_limits<i64>::max()};

// Saturates at `never`, so that "no deadline" survives arithmetic.
constexpr instant operator+(instant at, duration d) noexcept {
    if (d.ns > 0 && at.ns > never.ns - d.ns) return never;
    return {at.ns + d.ns};
}
constexpr instant operator-(instant at, duration d) noexcept {
    return at == never ? never : instant{at.ns - d.ns};
}
constexpr instant earliest(instant a, instant b) noexcept { return a < b ? a : b; }

constexpr duration nanoseconds(i64 count) noexcept { return {count}; }
constexpr duration microseconds(i64 count) noexcept { return {count * 1'000}; }
constexpr duration milliseconds(i64 count) noexcept { return {count * 1'000'000}; }
constexpr duration seconds(i64 count) noexcept { return {count * 1'000'000'000}; }
constexpr duration minutes(i64 count) noexcept { return {count * 60'000'000'000}; }

RAFTKIT_NAMESPACE_END
