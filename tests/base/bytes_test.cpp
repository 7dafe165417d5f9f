#include <raftkit/base/bytes.hpp>

#include <array>

#include <doctest/doctest.h>

using namespace raftkit;

TEST_CASE("numbers are little-endian in memory") {
    std::array<std::byte, 8> bytes{};
    store_le(bytes.data(), u64{0x0807060504030201});
    for (std::size_t i = 0; i < 8; ++i) CHECK(bytes[i] == static_cast<std::byte>(i + 1));
    CHECK(load_le<u32>(bytes.data() + 2) == 0x06050403);
}

TEST_CASE("a reader gives back what a writer put") {
    std::array<std::byte, 64> bytes{};
    byte_writer writer(bytes);
    writer.put_u8(1);
    writer.put_u16(0x1234);
    writer.put_u32(0xdeadbeef);
    writer.put_u64(~u64{0} - 1);
    writer.put(ordinal<struct some_tag>{77});
    writer.put_bytes(as_bytes("text"));
    writer.put_zeros(3);
    CHECK(writer.position() == 1 + 2 + 4 + 8 + 8 + 4 + 3);

    byte_reader reader(writer.written());
    CHECK(reader.take_u8() == 1);
    CHECK(reader.take_u16() == 0x1234);
    CHECK(reader.take_u32() == 0xdeadbeef);
    CHECK(reader.take_u64() == ~u64{0} - 1);
    ordinal<struct some_tag> number;
    reader.take(number);
    CHECK(number.value == 77);
    CHECK(as_text(reader.take_bytes(4)) == "text");
    CHECK(reader.left() == 3);
    CHECK(reader.ok());
    CHECK_FALSE(reader.at_end());
}

TEST_CASE("a short input fails the reader for good, even where later fields would fit") {
    const std::array<std::byte, 5> bytes{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4},
                                         std::byte{5}};
    byte_reader reader(bytes);
    CHECK(reader.take_u64() == 0);
    CHECK_FALSE(reader.ok());
    CHECK(reader.take_u8() == 0);
    CHECK(reader.position() == 0);
    CHECK(reader.take_bytes(1).empty());
}

TEST_CASE(
    "a length from outside that is larger than the input is refused without arithmetic overflow") {
    const std::array<std::byte, 4> bytes{};
    byte_reader reader(bytes);
    CHECK(reader.take_bytes(~std::size_t{0}).empty());
    CHECK_FALSE(reader.ok());
}

TEST_CASE("round_up goes to the next multiple and leaves multiples alone") {
    CHECK(round_up(0, 8) == 0);
    CHECK(round_up(1, 8) == 8);
    CHECK(round_up(8, 8) == 8);
    CHECK(round_up(513, 512) == 1024);
}
