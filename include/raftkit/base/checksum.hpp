#pragma once
// CRC32C (Castagnoli) finds damage, digest128 decides sameness. Every record, frame, chunk and
// hello is checked, so the sum of 128 bytes must cost a few nanoseconds: the CPU's instruction
// where there is one, tables elsewhere. Large inputs run as three interleaved streams, joined by
// multiplication with x^8192 (Gopal et al., Intel 2011). Neither finds an adversary who chooses the
// bytes; a peer that lies is the business of authentication.

#include <array>
#include <cstring>
#include <type_traits>

#include <raftkit/base/bytes.hpp>

#if defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

RAFTKIT_NAMESPACE_BEGIN

using digest128 = std::array<u64, 2>;

namespace detail {

inline constexpr u32 crc_polynomial = 0x82f63b78;  // reflected
inline constexpr std::size_t crc_stream_bytes = 1024;
inline constexpr std::size_t crc_three_streams_min = 4096;
static_assert(crc_three_streams_min >= 3 * crc_stream_bytes);

using crc_tables = std::array<std::array<u32, 256>, 8>;  // [k][b]: byte b, then k zero bytes

constexpr crc_tables make_crc_tables() noexcept {
    crc_tables made{};
    for (u32 byte = 0; byte < 256; ++byte) {
        u32 crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? crc_polynomial : 0);
        made[0][byte] = crc;
    }
    for (u32 byte = 0; byte < 256; ++byte) {
        for (std::size_t zeros = 1; zeros < 8; ++zeros) {
            const u32 before = made[zeros - 1][byte];
            made[zeros][byte] = made[0][before & 0xff] ^ (before >> 8);
        }
    }
    return made;
}
inline constexpr crc_tables crc_bytes_table = make_crc_tables();

// Appending zero bytes is linear over GF(2): a 32 x 32 bit matrix, one column a bit of the crc.
using crc_matrix = std::array<u32, 32>;

constexpr u32 crc_multiply(const crc_matrix& by, u32 crc) noexcept {
    u32 product = 0;
    for (std::size_t bit = 0; crc != 0; ++bit, crc >>= 1) product ^= (crc & 1) != 0 ? by[bit] : 0;
    return product;
}

using crc_shift_table = std::array<std::array<u32, 256>, 4>;  // by byte of the crc

// The shift over crc_stream_bytes of zeros: that over one byte, squared ten times.
constexpr crc_shift_table make_crc_shift() noexcept {
    crc_matrix shift{};
    for (std::size_t bit = 0; bit < 32; ++bit) {
        const u32 crc = u32{1} << bit;
        shift[bit] = crc_bytes_table[0][crc & 0xff] ^ (crc >> 8);
    }
    for (std::size_t bytes = 1; bytes < crc_stream_bytes; bytes *= 2) {
        crc_matrix squared{};
        for (std::size_t bit = 0; bit < 32; ++bit) squared[bit] = crc_multiply(shift, shift[bit]);
        shift = squared;
    }
    crc_shift_table made{};
    for (std::size_t place = 0; place < 4; ++place) {
        for (u32 byte = 0; byte < 256; ++byte)
            made[place][byte] = crc_multiply(shift, byte << (8 * place));
    }
    return made;
}
inline constexpr crc_shift_table crc_stream_shift = make_crc_shift();

inline u32 crc_shifted(u32 crc) noexcept {
    return crc_stream_shift[0][crc & 0xff] ^ crc_stream_shift[1][(crc >> 8) & 0xff] ^
           crc_stream_shift[2][(crc >> 16) & 0xff] ^ crc_stream_shift[3][crc >> 24];
}

}  // namespace detail

// Slicing by eight (Kounavis and Berry 2005): the fallback, and the reference that the tests trust.
constexpr u32 crc32c_table(byte_span bytes, u32 seed = 0) noexcept {
    const detail::crc_tables& table = detail::crc_bytes_table;
    u32 crc = ~seed;
    if (!std::is_constant_evaluated()) {
        for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
            const u64 word = load_le<u64>(bytes.data()) ^ crc;
            crc = table[7][word & 0xff] ^ table[6][(word >> 8) & 0xff] ^
                  table[5][(word >> 16) & 0xff] ^ table[4][(word >> 24) & 0xff] ^
                  table[3][(word >> 32) & 0xff] ^ table[2][(word >> 40) & 0xff] ^
                  table[1][(word >> 48) & 0xff] ^ table[0][word >> 56];
        }
    }
    for (const std::byte each : bytes) {
        crc = table[0][(crc ^ static_cast<u32>(each)) & 0xff] ^ (crc >> 8);
    }
    return ~crc;
}

#if defined(__x86_64__)
#define RAFTKIT_CRC_TARGET [[gnu::target("sse4.2")]]
#elif defined(__ARM_FEATURE_CRC32)
#define RAFTKIT_CRC_TARGET
#endif

#if defined(RAFTKIT_CRC_TARGET)
namespace detail {

#if defined(__x86_64__)
RAFTKIT_CRC_TARGET inline u64 crc_word(u64 crc, u64 word) noexcept {
    return __builtin_ia32_crc32di(crc, word);
}
RAFTKIT_CRC_TARGET inline u64 crc_byte(u64 crc, u8 byte) noexcept {
    return __builtin_ia32_crc32qi(static_cast<u32>(crc), byte);
}
// Read before main as well, by the constructors of statics: false then only costs speed.
inline const bool crc_in_hardware = (__builtin_cpu_init(), __builtin_cpu_supports("sse4.2") != 0);
#else
inline u64 crc_word(u64 crc, u64 word) noexcept { return __crc32cd(static_cast<u32>(crc), word); }
inline u64 crc_byte(u64 crc, u8 byte) noexcept { return __crc32cb(static_cast<u32>(crc), byte); }
inline constexpr bool crc_in_hardware = true;
#endif

// Requires: size >= 3 * crc_stream_bytes. Consumes as many triples of streams as there are.
RAFTKIT_CRC_TARGET inline u32 crc_three_streams(const std::byte*& at, std::size_t& size,
                                                u32 crc) noexcept {
    while (size >= 3 * crc_stream_bytes) {
        u64 first = crc, second = 0, third = 0;
        for (std::size_t i = 0; i < crc_stream_bytes; i += 8) {
            first = crc_word(first, load_le<u64>(at + i));
            second = crc_word(second, load_le<u64>(at + i + crc_stream_bytes));
            third = crc_word(third, load_le<u64>(at + i + 2 * crc_stream_bytes));
        }
        crc = crc_shifted(crc_shifted(static_cast<u32>(first)) ^ static_cast<u32>(second)) ^
              static_cast<u32>(third);
        at += 3 * crc_stream_bytes;
        size -= 3 * crc_stream_bytes;
    }
    return crc;
}

RAFTKIT_CRC_TARGET inline u32 crc32c_hardware(const std::byte* at, std::size_t size,
                                              u32 seed) noexcept {
    u64 crc = static_cast<u32>(~seed);
    if (size >= crc_three_streams_min) crc = crc_three_streams(at, size, static_cast<u32>(crc));
    // Word by word from memory: gathering the words first makes gcc build a vector and take it
    // apart again.
    for (; size >= 32; size -= 32, at += 32) {
        crc = crc_word(crc, load_le<u64>(at));
        crc = crc_word(crc, load_le<u64>(at + 8));
        crc = crc_word(crc, load_le<u64>(at + 16));
        crc = crc_word(crc, load_le<u64>(at + 24));
    }
    for (; size >= 8; size -= 8, at += 8) crc = crc_word(crc, load_le<u64>(at));
    for (; size > 0; --size, ++at) crc = crc_byte(crc, static_cast<u8>(*at));
    return ~static_cast<u32>(crc);
}

}  // namespace detail
#endif

// The checksum of `bytes`; with a seed, the checksum of what the seed stands for followed by
// `bytes`.
constexpr u32 crc32c(byte_span bytes, u32 seed = 0) noexcept {
#if defined(RAFTKIT_CRC_TARGET)
    if (!std::is_constant_evaluated() && detail::crc_in_hardware) {
        return detail::crc32c_hardware(bytes.data(), bytes.size(), seed);
    }
#endif
    return crc32c_table(bytes, seed);
}
#undef RAFTKIT_CRC_TARGET

// crc32c(a then b) == crc32c_extend(crc32c(a), b).
constexpr u32 crc32c_extend(u32 crc, byte_span bytes) noexcept { return crc32c(bytes, crc); }

// A checksum that lies among the bytes of an outer checksum makes that one blind (a crc over data
// that ends with its own crc is a constant); stored checksums are therefore rotated and shifted, as
// LevelDB does.
inline constexpr u32 crc_mask_delta = 0xa282ead8;
constexpr u32 mask_crc(u32 crc) noexcept { return ((crc >> 15) | (crc << 17)) + crc_mask_delta; }
constexpr u32 unmask_crc(u32 masked) noexcept {
    const u32 rotated = masked - crc_mask_delta;
    return (rotated >> 17) | (rotated << 15);
}

// A streaming 128-bit digest: the mixing of MurmurHash3_x64_128 (Appleby, public domain) with seed
// 0. Every step is a bijection of the state, so inputs of one length that differ only within one
// 16-byte block never collide, and others do by chance only. It finds differences, not an
// adversary. How the input is cut into pieces is irrelevant.
class digest128_builder {
public:
    void update(byte_span bytes) noexcept {
        total_ += bytes.size();
        if (held_ != 0) {
            const std::size_t taken = bytes.size() < block - held_ ? bytes.size() : block - held_;
            if (taken != 0) std::memcpy(rest_.data() + held_, bytes.data(), taken);
            held_ += taken;
            bytes = bytes.subspan(taken);
            if (held_ < block) return;
            mix(rest_.data());
            held_ = 0;
        }
        for (; bytes.size() >= block; bytes = bytes.subspan(block)) mix(bytes.data());
        if (!bytes.empty()) std::memcpy(rest_.data(), bytes.data(), bytes.size());
        held_ = bytes.size();
    }

    digest128 finish() const noexcept {
        std::array<std::byte, block> padded{};
        std::memcpy(padded.data(), rest_.data(), held_);
        u64 low = low_ ^ scrambled_low(load_le<u64>(padded.data()));
        u64 high = high_ ^ scrambled_high(load_le<u64>(padded.data() + 8));
        low ^= total_;
        high ^= total_;
        low += high;
        high += low;
        low = avalanche(low);
        high = avalanche(high);
        low += high;
        high += low;
        return {low, high};
    }

private:
    static constexpr std::size_t block = 16;
    static constexpr u64 first_factor = 0x87c37b91114253d5ULL,
                         second_factor = 0x4cf5ad432745937fULL;

    static constexpr u64 rotated(u64 value, int by) noexcept {
        return (value << by) | (value >> (64 - by));
    }
    static constexpr u64 scrambled_low(u64 word) noexcept {
        return rotated(word * first_factor, 31) * second_factor;
    }
    static constexpr u64 scrambled_high(u64 word) noexcept {
        return rotated(word * second_factor, 33) * first_factor;
    }
    static constexpr u64 avalanche(u64 value) noexcept {
        value = (value ^ (value >> 33)) * 0xff51afd7ed558ccdULL;
        value = (value ^ (value >> 33)) * 0xc4ceb9fe1a85ec53ULL;
        return value ^ (value >> 33);
    }
    void mix(const std::byte* at) noexcept {
        low_ = (rotated(low_ ^ scrambled_low(load_le<u64>(at)), 27) + high_) * 5 + 0x52dce729;
        high_ = (rotated(high_ ^ scrambled_high(load_le<u64>(at + 8)), 31) + low_) * 5 + 0x38495ab5;
    }

    u64 low_ = 0, high_ = 0, total_ = 0;
    std::size_t held_ = 0;
    std::array<std::byte, block> rest_{};
};

RAFTKIT_NAMESPACE_END
