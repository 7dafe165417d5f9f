// Names and headers of segment files.

#include <doctest/doctest.h>

#include <raftkit/storage/wal/segment.hpp>

using namespace raftkit;
using namespace raftkit::wal_disk;

TEST_CASE("file names are read as they are written, and nothing else is") {
    for (const file_kind kind : {file_kind::segment, file_kind::spare, file_kind::unfinished}) {
        const std::string path = path_of("/some/where", {kind, 0xab12});
        const file_name found = parse_file_name(path.substr(12));
        CHECK(found.kind == kind);
        CHECK(found.number == 0xab12);
    }
    CHECK(path_of("d", {file_kind::segment, 1}) == "d/wal-0000000000000001.log");
    for (const char* name :
         {"wal-1.log", "wal-000000000000000g.log", "wal-0000000000000001.tmp", "wal-tail.slot",
          "spare-00000000000000001.log", "node.identity", "", ".log", "snap"}) {
        CHECK(parse_file_name(name).kind == file_kind::other);
    }
}

TEST_CASE("a segment header comes back as it was written; one changed bit and it is none") {
    segment_header header;
    header.owner = {1, 2, {3}, 4};
    header.seq = 5;
    header.nonce = 6;
    header.bytes = 7;
    header.hard = {{8}, {9}, {10}};
    header.base = {{11}, {12}};
    header.last = {{13}, {14}};
    header.last_frame = 15;
    header.chain = 16;
    header.filled = true;
    std::vector<std::byte> bytes(segment_header_bytes);
    store_segment_header(bytes, header);
    const auto found = load_segment_header(bytes);
    REQUIRE(found);
    CHECK(found->owner.cluster == 1);
    CHECK(found->owner.group == 2);
    CHECK(found->owner.self == node_id{3});
    CHECK(found->seq == 5);
    CHECK(found->nonce == 6);
    CHECK(found->bytes == 7);
    CHECK(found->hard == header.hard);
    CHECK(found->base == header.base);
    CHECK(found->last == header.last);
    CHECK(found->last_frame == 15);
    CHECK(found->chain == 16);
    CHECK(found->filled);
    for (std::size_t at = 0; at < bytes.size(); at += 7) {
        bytes[at] ^= std::byte{4};
        CHECK_FALSE(load_segment_header(bytes));
        bytes[at] ^= std::byte{4};
    }
    CHECK_FALSE(load_segment_header(byte_span(bytes).first(4095)));
}

TEST_CASE("a segment of its own has room for its frame, its mark and its seal") {
    for (const u64 frame : {u64{64}, u64{11'264}, u64{11'265}, u64{100'000}, u64{67'108'960}}) {
        const u64 bytes = oversize_bytes(frame);
        CHECK(bytes % page_bytes == 0);
        CHECK(frame_room(bytes) + frame_header_bytes >= frame);
    }
    CHECK(frame_room(16384) == 11200);
}
