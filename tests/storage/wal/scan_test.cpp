// The recovery table, rows 6 to 9: what stands behind the last valid frame, and what it proves.
// Each test makes exactly what its row names, and expects the row's mark and its verdict.

#include <doctest/doctest.h>

#include "support/wal_damage.hpp"

using namespace wal_test;

TEST_CASE("row 6: a damaged frame that a later frame proves durable") {
    // S002-20
    sim_disk disk(1);
    play(disk, three_frames);
    const u64 place = frames_of(disk, 1)[1].offset;
    REQUIRE(disk.flip_bits(wal_path(1), place + 100));
    EXPECT_MARK(wal_row_6_proven, {
        const reopened seen = reopen(disk);
        REQUIRE(seen.found->found);
        CHECK(seen.found->found->part == damaged_part::log);
        CHECK(seen.found->found->offset == place);
        CHECK(seen.found->found->first == index_t{3});
        CHECK(seen.found->found->last == index_t{6});
        CHECK(seen.found->hard.term == term_t{1});
        CHECK_FALSE(seen.changed);
    });
}

TEST_CASE("row 6: a damaged last frame that only the mark behind it proves durable") {
    sim_disk disk(1);
    play(disk, three_frames, true);
    const auto frames = frames_of(disk, 1);
    REQUIRE(frames.size() == 4);
    REQUIRE(frames[3].header.kind == wal_disk::frame_kind::mark);
    zero_sector(disk, wal_path(1), frames[2].offset);
    EXPECT_MARK(wal_row_6_proven, check_damage(disk, damaged_part::log, wal_path(1)));
}

TEST_CASE(
    "row 6: a torn later frame still proves the one before: its header is believed by itself") {
    sim_disk disk(1);
    play(disk, three_frames);
    const auto frames = frames_of(disk, 1);
    zero_sector(disk, wal_path(1), frames[3].offset);              // the mark
    REQUIRE(disk.flip_bits(wal_path(1), frames[2].offset + 100));  // torn body of the last frame
    REQUIRE(disk.flip_bits(wal_path(1), frames[1].offset + 100));  // the one before is damaged
    EXPECT_MARK(wal_row_6_proven, check_damage(disk, damaged_part::log, wal_path(1)));
}

TEST_CASE("row 8: a torn frame of which only the header is there is cut") {
    // S002-20
    sim_disk disk(1);
    play(disk, three_frames);
    const auto frames = frames_of(disk, 1);
    zero_sector(disk, wal_path(1), frames[3].offset);
    REQUIRE(disk.flip_bits(wal_path(1), frames[2].offset + 100));
    EXPECT_MARK(wal_row_8_torn, check_last(disk, 4));
    const auto left = frames_of(disk, 1);
    REQUIRE(left.size() == 3);
    CHECK(left[2].header.kind == wal_disk::frame_kind::mark);
    check_last(disk, 4);
}

TEST_CASE("row 8: headers behind the torn frame are zeroed as well") {
    sim_disk disk(1);
    {
        wal_options options = small_options();
        options.sync = wal_sync::none_unsafe;  // several frames in flight
        options.segment_bytes = 64u << 10;
        process node(disk, options);
        REQUIRE(node.open());
        node.settle();
        // The second segment is a filled spare: nothing but the cut writes zeros there.
        for (const step& each : {append(1, 1, 4, 13'000), append(5, 1, 4, 3000),
                                 append(9, 1, 1, 5000), append(10, 1, 1, 5000)}) {
            REQUIRE_FALSE(node.run(each).status);
        }
        disk.process_crash();
    }
    REQUIRE(frames_of(disk, 2).size() == 4);
    zero_sector(disk, wal_path(2), frames_of(disk, 2)[0].offset);
    {
        wal_options options = small_options();
        options.segment_bytes = 64u << 10;
        process node(disk, options);
        const auto found = node.open();
        REQUIRE(found);
        CHECK_FALSE(found->found);
        CHECK(found->last.index == index_t{4});
        disk.process_crash();
    }
    const auto left = frames_of(disk, 2);
    REQUIRE(left.size() == 1);
    CHECK(left[0].header.kind == wal_disk::frame_kind::mark);
}

TEST_CASE("row 8: the mark of the last frame alone") {
    sim_disk disk(1);
    play(disk, three_frames, true);
    EXPECT_MARK(wal_row_8_torn, check_last(disk, 6));
}

TEST_CASE("row 9: nothing of this life behind the last frame") {
    for (const bool garbage : {false, true}) {
        sim_disk disk(1);
        play(disk, three_frames);
        const u64 place = frames_of(disk, 1)[3].offset;
        zero_sector(disk, wal_path(1), place);
        if (garbage)
            write_at(disk, wal_path(1), place, std::vector<std::byte>(512, std::byte{0x5a}));
        EXPECT_MARK(wal_row_9_end, check_last(disk, 6));
        check_last(disk, 6);
    }
}

// known bug 76
TEST_CASE("every tear of the last group at sector grain is recoverable") {
    for (u32 kept = 0; kept < 16; ++kept) {
        sim_disk disk(1);
        play(disk, {append(1, 1, 2), append(3, 1, 1, 1900)});
        const auto frames = frames_of(disk, 1);
        zero_sector(disk, wal_path(1), frames[2].offset);  // the mark came later
        for (u32 sector = 0; sector < 4; ++sector) {
            if ((kept >> sector & 1) == 0)
                zero_sector(disk, wal_path(1), frames[1].offset + sector * 512);
        }
        check_last(disk, kept == 15 ? 3 : 2);
    }
}

TEST_CASE("a payload that holds a frame, at a sector boundary, of this very log, is not evidence") {
    // W9: the client has read the file, and sends back what would prove that frames are missing.
    sim_disk disk(1);
    play(disk, {append(1, 1, 2), append(3, 1, 2), append(5, 1, 2)});
    const auto segment = wal_disk::load_segment_header(disk.content(wal_path(1)));
    const auto frames = frames_of(disk, 1);
    const u64 place = frames[3].offset;
    wal_disk::frame_header fake;
    fake.number = 4000;
    fake.durable_delta = 1;
    fake.last = {{9000}, {9}};
    std::vector<std::byte> payload(4096);
    // Right in everything but the nonce, and, in the second half, but the offset.
    for (u64 at = 0; at < payload.size(); at += 512) {
        const bool copied = at >= 2048;
        wal_disk::store_frame_header(payload.data() + at, fake,
                                     copied ? segment->nonce : segment->nonce + 1,
                                     copied ? frames[0].offset : place + at);
    }
    write_at(disk, wal_path(1), place, payload);  // the torn body of the group that held it
    check_last(disk, 6);
}

TEST_CASE("old frames of a recycled file are not evidence") {
    sim_disk disk(1);
    {
        process node(disk);
        REQUIRE(node.open());
        node.settle();
        u64 index = 1;
        for (int round = 0; round < 6; ++round) {
            REQUIRE_FALSE(node.run(append(index, 1, 4, 2000)).status);
            index += 4;
            REQUIRE_FALSE(node.run(compact(index - 1, 1)).status);
            node.settle();
        }
        REQUIRE_FALSE(node.run(append(index, 1)).status);
        disk.power_cut({0, 0});
    }
    check_last(disk, 25);
}
