// A frame header is believed only where it was written: this life of the file, this offset.

#include <doctest/doctest.h>

#include <raftkit/storage/wal/frame.hpp>

#include "support/wal_fixture.hpp"

using namespace wal_test;
using namespace raftkit::wal_disk;

namespace {

frame_header some_header() {
    frame_header header;
    header.body_crc = 5;
    header.bytes = 1234;
    header.chain = 77;
    header.records = 9;
    header.durable_delta = 3;
    header.number = 40;
    header.term = {6};
    header.voted_for = {2};
    header.last = {{1000}, {5}};
    return header;
}

}  // namespace

TEST_CASE("a frame header comes back as it was written") {
    frame_header header = some_header();
    std::array<std::byte, 64> bytes{};
    store_frame_header(bytes.data(), header, 11, 4096);
    const auto found = load_frame_header(bytes, 11, 4096);
    REQUIRE(found);
    CHECK(found->header_crc == header.header_crc);
    CHECK(found->bytes == 1234);
    CHECK(found->chain == 77);
    CHECK(found->records == 9);
    CHECK(found->kind == frame_kind::data);
    CHECK(found->durable_before() == 37);
    CHECK(found->term == term_t{6});
    CHECK(found->voted_for == node_id{2});
    CHECK(found->last == log_id{{1000}, {5}});
    CHECK(found->sectors_bytes() == 1536);
}

TEST_CASE("a frame header of another life, another place, or with any bit changed is none") {
    frame_header header = some_header();
    std::array<std::byte, 64> bytes{};
    store_frame_header(bytes.data(), header, 11, 4096);
    CHECK_FALSE(load_frame_header(bytes, 12, 4096));
    CHECK_FALSE(load_frame_header(bytes, 11, 4608));
    CHECK_FALSE(load_frame_header(byte_span(bytes).first(63), 11, 4096));
    for (std::size_t bit = 0; bit < 512; ++bit) {
        bytes[bit / 8] ^= std::byte{1} << (bit % 8);
        CHECK_FALSE(load_frame_header(bytes, 11, 4096));
        bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    }
    CHECK_FALSE(load_frame_header(std::array<std::byte, 64>{}, 0, 0));
}

TEST_CASE("the body of a frame is its records, whole, in number and in place") {
    const run records = make_run(1, 1, 3, 50, 7);
    std::vector<std::byte> body(records.view().span().begin(), records.view().span().end());
    frame_header header = some_header();
    header.records = 3;
    body_checksum sum(11, 4096);
    sum.add_records(body);
    header.body_crc = sum.value();
    CHECK(check_frame_body(body, header, 11, 4096) == body_check::good);
    CHECK(check_frame_body(body, header, 12, 4096) == body_check::bad);
    CHECK(check_frame_body(body, header, 11, 8192) == body_check::bad);
    header.records = 2;
    CHECK(check_frame_body(body, header, 11, 4096) == body_check::bad);
    header.records = 4;
    CHECK(check_frame_body(body, header, 11, 4096) == body_check::bad);
    header.records = 3;
    for (std::size_t at = 0; at < body.size(); ++at) {
        body[at] ^= std::byte{0x10};
        CHECK(check_frame_body(body, header, 11, 4096) == body_check::bad);
        body[at] ^= std::byte{0x10};
    }
}

TEST_CASE("a fence record comes back as it was written") {
    const fence_mark mark{true, {{7}, {2}}, {3}};
    std::array<std::byte, record_bytes(fence_payload_bytes)> bytes{};
    store_fence_record(bytes.data(), mark);
    CHECK(check_record(bytes) == record_check::good);
    const fence_mark found = load_fence(bytes.data() + record_header_bytes);
    CHECK(found.acked_known);
    CHECK(found.acked == mark.acked);
    CHECK(found.at_damage == mark.at_damage);
}
