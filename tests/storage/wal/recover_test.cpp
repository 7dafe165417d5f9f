// The recovery table, rows 0 to 5. Each test makes exactly what its row names, and expects the
// row's mark, its verdict, and, where the verdict is damage, a disk on which nothing was changed.

#include <doctest/doctest.h>

#include "support/wal_damage.hpp"

using namespace wal_test;

TEST_CASE("row 0: a segment of another node is foreign") {
    sim_disk disk(1), other(2);
    identity stranger = who;
    stranger.self = {8};
    play(disk, three_frames);
    play(other, three_frames, false, stranger);
    disk.plant(wal_path(2), other.content(wal_path(1)));
    EXPECT_MARK(wal_row_0_foreign, {
        const reopened seen = reopen(disk);
        CHECK(seen.found.why().code == errc::foreign);
        CHECK_FALSE(seen.changed);
    });
}

TEST_CASE("row 0: a directory of another cluster, group or node is foreign") {
    for (int which = 0; which < 3; ++which) {
        sim_disk disk(1);
        identity stranger = who;
        (which == 0 ? stranger.cluster : which == 1 ? stranger.group : stranger.self.value) = 12;
        play(disk, three_frames, false, stranger);
        const reopened seen = reopen(disk);
        CHECK(seen.found.why().code == errc::foreign);
        CHECK(std::string(seen.found.why().where).find("node.identity") == 0);
        CHECK_FALSE(seen.changed);
    }
}

TEST_CASE("row 0: a log of a newer version is incompatible, not damaged") {
    sim_disk disk(1);
    play(disk, three_frames);
    auto bytes = disk.content(wal_path(1));
    auto header = wal_disk::load_segment_header(bytes);
    header->version = wal_disk::segment_version + 1;
    wal_disk::store_segment_header(bytes, *header);
    write_at(disk, wal_path(1), 0, byte_span(bytes).first(4096));
    EXPECT_MARK(wal_row_0_incompatible, {
        const reopened seen = reopen(disk);
        CHECK(seen.found.why().code == errc::incompatible);
        CHECK_FALSE(seen.changed);
    });
}

TEST_CASE("row 0: a frame of a newer version is incompatible, not a torn tail") {
    sim_disk disk(1);
    play(disk, three_frames);
    const frame_place last = frames_of(disk, 1)[2];
    const auto segment = wal_disk::load_segment_header(disk.content(wal_path(1)));
    wal_disk::frame_header newer = last.header;
    newer.flags = 1;
    std::vector<std::byte> bytes(64);
    wal_disk::store_frame_header(bytes.data(), newer, segment->nonce, last.offset);
    write_at(disk, wal_path(1), last.offset, bytes);
    CHECK(reopen(disk).found.why().code == errc::incompatible);
}

TEST_CASE("row 1: an empty directory is a new log") {
    sim_disk disk(1);
    EXPECT_MARK(wal_row_1_new, check_last(disk, 0));
}

TEST_CASE("row 1: an identity without a log means that the log is missing") {
    sim_disk disk(1);
    play(disk, three_frames);
    REQUIRE(disk.files().remove(wal_path(1)));
    EXPECT_MARK(wal_row_1_log_missing, check_damage(disk, damaged_part::hard_state, wal_path(1)));
}

TEST_CASE("row 1: a log without an identity is damage") {
    sim_disk disk(1);
    play(disk, three_frames);
    REQUIRE(disk.files().remove("/data/node.identity"));
    EXPECT_MARK(wal_row_1_identity_missing,
                check_damage(disk, damaged_part::hard_state, wal_path(1)));
}

TEST_CASE("row 1: a first start that was cut off before its identity is repeated") {
    sim_disk disk(1);
    play(disk, {});
    REQUIRE(disk.files().remove("/data/node.identity"));
    EXPECT_MARK(wal_row_1_new, check_last(disk, 0));
}

TEST_CASE("row 1: without an identity one damaged frame is not taken for a first start") {
    sim_disk disk(1);
    play(disk, three_frames);
    zero_sector(disk, wal_path(1), 4096);
    REQUIRE(disk.files().remove("/data/node.identity"));
    EXPECT_MARK(wal_row_1_identity_missing,
                check_damage(disk, damaged_part::hard_state, wal_path(1)));
}

TEST_CASE("row 2: the newest segment's header is damaged") {
    // scenario I125: term and vote may have stood there
    sim_disk disk(1);
    play(disk, rotated);
    REQUIRE(disk.flip_bits(wal_path(2), 40));
    EXPECT_MARK(wal_row_2_header, check_damage(disk, damaged_part::hard_state, wal_path(2)));
}

TEST_CASE("row 2: the newest segment's name is not its number") {
    sim_disk disk(1);
    play(disk, rotated);
    REQUIRE(disk.files().rename(wal_path(2), wal_path(3)));
    EXPECT_MARK(wal_row_2_header, check_damage(disk, damaged_part::hard_state, wal_path(3)));
}

TEST_CASE("row 2: the newest segment's size is not what its header says") {
    sim_disk disk(1);
    play(disk, rotated);
    auto file = disk.files().open(wal_path(2), {true, false, false, false, 0640});
    REQUIRE(disk.files().truncate(*file, 8192));
    EXPECT_MARK(wal_row_2_header, check_damage(disk, damaged_part::hard_state, wal_path(2)));
}

TEST_CASE("row 3: a damaged frame in a segment that has a successor") {
    sim_disk disk(1);
    play(disk, rotated);
    const u64 place = frames_of(disk, 1)[0].offset;
    REQUIRE(disk.flip_bits(wal_path(1), place + 700));
    EXPECT_MARK(wal_row_3_predecessor, {
        const reopened seen = reopen(disk);
        REQUIRE(seen.found->found);
        CHECK(seen.found->found->offset == place);
        CHECK(seen.found->found->first == index_t{1});
        CHECK_FALSE(seen.changed);
    });
}

TEST_CASE("row 4: the newest segment is sealed, so the next file is missing") {
    sim_disk disk(1);
    play(disk, rotated);
    REQUIRE(frames_of(disk, 1).back().header.kind == wal_disk::frame_kind::seal);
    REQUIRE(disk.files().remove(wal_path(2)));
    EXPECT_MARK(wal_row_4_sealed, check_damage(disk, damaged_part::hard_state, wal_path(2)));
}

TEST_CASE("row 5: a segment in the middle of the log is missing") {
    sim_disk disk(1);
    play(disk, {append(1, 1, 4, 2000), append(5, 1, 4, 2000), append(9, 1, 4, 2000)});
    REQUIRE(disk.files().remove(wal_path(2)));
    EXPECT_MARK(wal_row_5_gap, check_damage(disk, damaged_part::log, wal_path(3)));
}

TEST_CASE("row 5: a bad header below the run that still holds entries") {
    sim_disk disk(1);
    play(disk, rotated);
    REQUIRE(disk.flip_bits(wal_path(1), 40));
    EXPECT_MARK(wal_row_5_gap, check_damage(disk, damaged_part::log, wal_path(2)));
}

TEST_CASE("row 5: the segment that holds the base's configuration is missing") {
    sim_disk disk(1);
    play(disk, {append(1, 1, 4, 2000), compact(4, 1), append(5, 1, 4, 2000)});
    REQUIRE(disk.exists(wal_path(1)));
    REQUIRE(disk.flip_bits(wal_path(1), 40));
    EXPECT_MARK(wal_row_5_gap, check_damage(disk, damaged_part::log, wal_path(2)));
}

TEST_CASE("a bad header below the run is no matter when the entries are compacted") {
    sim_disk disk(1);
    play(disk, {append(1, 1, 4, 2000), append(5, 1, 4, 2000), compact(8, 1), append(9, 1)});
    disk.plant(wal_path(1), std::vector<std::byte>(16384, std::byte{9}));
    {
        const reopened seen = reopen(disk);
        REQUIRE(seen.found);
        CHECK_FALSE(seen.found->found);
        CHECK(seen.found->last.index == index_t{9});
    }
    CHECK_FALSE(disk.exists(wal_path(1)));
}

namespace {

// A segment with one frame, made by hand: what no code of ours would write.
void plant_frame(sim_disk& disk, const hard_state& before, wal_disk::frame_header frame,
                 byte_span body) {
    play(disk, {});
    auto bytes = disk.content(wal_path(1));
    auto segment = wal_disk::load_segment_header(bytes);
    segment->hard = before;
    wal_disk::store_segment_header(bytes, *segment);
    wal_disk::body_checksum sum(segment->nonce, 4096);
    sum.add_records(body);
    frame.number = 1;
    frame.bytes = static_cast<u32>(64 + body.size());
    frame.body_crc = sum.value();
    wal_disk::store_frame_header(bytes.data() + 4096, frame, segment->nonce, 4096);
    std::memcpy(bytes.data() + 4160, body.data(), body.size());
    write_at(disk, wal_path(1), 0, bytes);
}

}  // namespace

TEST_CASE(
    "row 5: a term that falls, a second vote in a term, a last term above the term, a gap in a "
    "frame") {
    // S002-21
    const run one = make_run(1, 3, 1, 40, 1), far = make_run(5, 3, 1, 40, 1);
    wal_disk::frame_header good;
    good.records = 1;
    good.term = {3};
    good.voted_for = {2};
    good.last = {{1}, {3}};
    {
        sim_disk disk(1);
        plant_frame(disk, {}, good, one.view().span());
        check_last(disk, 1);  // the frame itself is right
    }
    {
        sim_disk disk(1);
        wal_disk::frame_header stranger = good;
        stranger.chain = 5;
        plant_frame(disk, {}, stranger, one.view().span());
        check_last(disk, 0);  // not of this chain: no frame, and no evidence either
    }
    const auto refuses = [&](hard_state before, wal_disk::frame_header frame, const run& body) {
        sim_disk disk(1);
        plant_frame(disk, before, frame, body.view().span());
        EXPECT_MARK(wal_row_5_gap, check_damage(disk, damaged_part::log, wal_path(1)));
    };
    refuses({{4}, {}, {}}, good, one);
    refuses({{3}, {1}, {}}, good, one);
    wal_disk::frame_header low = good;
    low.term = {2};
    refuses({}, low, one);
    wal_disk::frame_header gap = good;
    gap.last = {{5}, {3}};
    refuses({}, gap, far);
    refuses({}, gap, one);
}
