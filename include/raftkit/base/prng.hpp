#pragma once
// A small deterministic generator (splitmix64 seeding xoshiro256**, Blackman and Vigna 2018). The
// standard's distributions differ between libraries; a seed must reproduce a run everywhere.

#include <raftkit/base/assert.hpp>
#include <raftkit/base/ordinal.hpp>

RAFTKIT_NAMESPACE_BEGIN

// -Wpedantic names it an extension; both compilers have it.
__extension__ using detail_u128 = unsigned __int128;

class prng {
public:
    explicit constexpr prng(u64 seed) noexcept {
        for (u64& word : state_) word = scramble(seed);
    }

    constexpr u64 next() noexcept {
        const u64 out = rotate(state_[1] * 5, 7) * 9;
        const u64 shifted = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = rotate(state_[3], 45);
        return out;
    }
    // Uniform in [0, bound). Requires: bound > 0. The bias is below bound / 2^64.
    constexpr u64 below(u64 bound) noexcept {
        RAFTKIT_ASSERT(bound > 0);
        return static_cast<u64>((static_cast<detail_u128>(next()) * bound) >> 64);
    }
    // Uniform in [low, high], inclusive.
    constexpr u64 between(u64 low, u64 high) noexcept {
        RAFTKIT_ASSERT(low <= high);
        return high - low == ~u64{0} ? next() : low + below(high - low + 1);
    }
    constexpr bool chance(u32 per_million) noexcept { return below(1'000'000) < per_million; }

    // One step of splitmix64; also a good integer hash.
    static constexpr u64 scramble(u64& seed) noexcept {
        u64 z = (seed += 0x9e3779b97f4a7c15ULL);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }

private:
    static constexpr u64 rotate(u64 value, int by) noexcept {
        return (value << by) | (value >> (64 - by));
    }

    u64 state_[4]{};
};

RAFTKIT_NAMESPACE_END
