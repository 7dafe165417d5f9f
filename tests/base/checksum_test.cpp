#include <raftkit/base/checksum.hpp>

#include <algorithm>
#include <vector>

#include <doctest/doctest.h>

#include <raftkit/base/prng.hpp>

using namespace raftkit;

namespace {

constexpr std::array<std::byte, 9> digits{std::byte{'1'}, std::byte{'2'}, std::byte{'3'},
                                          std::byte{'4'}, std::byte{'5'}, std::byte{'6'},
                                          std::byte{'7'}, std::byte{'8'}, std::byte{'9'}};
static_assert(crc32c(digits) == 0xe3069283, "the check value of the CRC catalogue");
static_assert(crc32c_table(digits) == 0xe3069283);
static_assert(crc32c({}) == 0);

std::vector<std::byte> random_bytes(std::size_t count, u64 seed) {
    prng random(seed);
    std::vector<std::byte> made(count);
    for (std::byte& each : made) each = static_cast<std::byte>(random.next());
    return made;
}

// The definition, one bit at a time: shares nothing with the code under test.
u32 crc_by_definition(byte_span bytes) {
    u32 crc = 0xffffffff;
    for (const std::byte each : bytes) {
        crc ^= static_cast<u32>(each);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    }
    return ~crc;
}

digest128 digest_of(byte_span bytes) {
    digest128_builder builder;
    builder.update(bytes);
    return builder.finish();
}

}  // namespace

TEST_CASE("crc32c gives the vectors of RFC 3720") {
    std::vector<std::byte> bytes(32, std::byte{0});
    CHECK(crc32c(bytes) == 0x8a9136aa);
    bytes.assign(32, std::byte{0xff});
    CHECK(crc32c(bytes) == 0x62a8ab43);
    for (std::size_t i = 0; i < 32; ++i) bytes[i] = static_cast<std::byte>(i);
    CHECK(crc32c(bytes) == 0x46dd794e);
    for (std::size_t i = 0; i < 32; ++i) bytes[i] = static_cast<std::byte>(31 - i);
    CHECK(crc32c(bytes) == 0x113fdb5c);
    CHECK(crc32c(digits) == 0xe3069283);
}

TEST_CASE("crc32c, its table and its definition agree for every length and alignment") {
    const auto bytes = random_bytes(600, 1);
    for (std::size_t from = 0; from < 9; ++from) {
        for (std::size_t size = 0; size <= 512; size += size < 80 ? 1 : 37) {
            const byte_span part = byte_span(bytes).subspan(from, size);
            const u32 expected = crc_by_definition(part);
            REQUIRE(crc32c(part) == expected);
            REQUIRE(crc32c_table(part) == expected);
        }
    }
}

TEST_CASE("three streams give the same sum as one, around every boundary") {
    const auto bytes = random_bytes(40'000, 2);
    for (const std::size_t size :
         {3071u, 3072u, 4095u, 4096u, 4097u, 6143u, 6144u, 6151u, 9216u, 39'999u}) {
        const byte_span part = byte_span(bytes).first(size);
        CHECK(crc32c(part) == crc_by_definition(part));
        CHECK(crc32c(part, 77) == crc32c_table(part, 77));
    }
}

TEST_CASE("extending a checksum equals the checksum of the whole") {
    const auto bytes = random_bytes(10'000, 3);
    const byte_span all(bytes);
    for (const std::size_t cut : {0u, 1u, 7u, 8u, 33u, 4096u, 9'999u, 10'000u}) {
        CHECK(crc32c_extend(crc32c(all.first(cut)), all.subspan(cut)) == crc32c(all));
    }
}

TEST_CASE("a flip of any bit changes the checksum") {
    auto bytes = random_bytes(64, 4);
    const u32 before = crc32c(bytes);
    for (std::size_t bit = 0; bit < 64 * 8; ++bit) {
        bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
        REQUIRE(crc32c(bytes) != before);
        bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    }
}

TEST_CASE("masking is undone by unmasking and never leaves a checksum as it is") {
    prng random(5);
    for (int i = 0; i < 1000; ++i) {
        const auto crc = static_cast<u32>(random.next());
        REQUIRE(unmask_crc(mask_crc(crc)) == crc);
        REQUIRE(mask_crc(crc) != crc);
    }
    CHECK(mask_crc(0) == crc_mask_delta);
}

TEST_CASE("the digest gives the published vectors of MurmurHash3_x64_128") {
    CHECK(digest_of({}) == digest128{0, 0});
    CHECK(digest_of(as_bytes("hello")) == digest128{0xcbd8a7b341bd9b02ULL, 0x5b1e906a48ae1d19ULL});
    CHECK(digest_of(as_bytes("The quick brown fox jumps over the lazy dog")) ==
          digest128{0xe34bbc7bbc071b6cULL, 0x7a433ca9c49a9347ULL});
}

TEST_CASE("the digest does not depend on how the input is cut into pieces") {
    const auto bytes = random_bytes(1000, 6);
    const digest128 whole = digest_of(bytes);
    prng random(7);
    for (int round = 0; round < 200; ++round) {
        digest128_builder builder;
        for (std::size_t at = 0; at < bytes.size();) {
            const std::size_t left = bytes.size() - at;
            const std::size_t piece =
                static_cast<std::size_t>(random.between(0, left < 40 ? left : 40));
            builder.update(byte_span(bytes).subspan(at, piece));
            at += piece;
        }
        REQUIRE(builder.finish() == whole);
    }
}

TEST_CASE("the digest tells apart flipped bits, swapped blocks and appended zeros") {
    auto bytes = random_bytes(96, 8);
    const digest128 before = digest_of(bytes);
    for (std::size_t bit = 0; bit < 96 * 8; ++bit) {
        bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
        const digest128 after = digest_of(bytes);
        REQUIRE(after[0] != before[0]);
        REQUIRE(after[1] != before[1]);
        bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    }
    auto swapped = bytes;
    std::swap_ranges(swapped.begin(), swapped.begin() + 16, swapped.begin() + 16);
    CHECK(digest_of(swapped) != before);
    bytes.resize(97);
    CHECK(digest_of(bytes) != before);
}

TEST_CASE("finish can be asked in the middle and changes nothing") {
    digest128_builder builder;
    builder.update(as_bytes("hel"));
    (void)builder.finish();
    builder.update(as_bytes("lo"));
    CHECK(builder.finish() == digest_of(as_bytes("hello")));
}
