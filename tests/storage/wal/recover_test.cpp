// The recovery table, row by row. Each test makes exactly what its row names, and expects the row's
// mark, its verdict, and, where the verdict is damage, a disk on which nothing was changed.

#include <doctest/doctest.h>

#include "support/wal_fixture.hpp"

using namespace wal_test;

namespace {

// Offsets of the frames of a segment, in order; marks and seals too.
struct frame_place {
    u64 offset;
    wal_disk::frame_header header;
};
std::vector<frame_place> frames_of(const sim_disk& disk, u64 seq) {
    const std::vector<std::byte> bytes = disk.content(wal_path(seq));
    const auto header = wal_disk::load_segment_header(bytes);
    REQUIRE(header);
    std::vector<frame_place> found;
    for (u64 offset = 4096; offset + 512 <= bytes.size(); offset += 512) {
        const auto at = byte_span(bytes).subspan(static_cast<std::size_t>(offset));
        if (const auto frame = wal_disk::load_frame_header(at, header->nonce, offset))
            found.push_back({offset, *frame});
    }
    return found;
}

void write_at(sim_disk& disk, const std::string& path, u64 offset, byte_span bytes) {
    auto file = disk.files().open(path, {true, false, false, false, 0640});
    REQUIRE(file);
    REQUIRE(disk.files().write_at(*file, offset, std::span(&bytes, 1)));
    REQUIRE(disk.files().sync_data(*file));
}
void zero_sector(sim_disk& disk, const std::string& path, u64 offset) {
    write_at(disk, path, offset, std::vector<std::byte>(512));
}

// A disk after some steps; the process is gone, whatever it wrote is there.
void play(sim_disk& disk, const std::vector<step>& steps, bool clean = false, identity as = who) {
    {
        process node(disk);
        REQUIRE(node.wal().open(as, {&node.box}));
        node.model.hard = {};
        for (const step& each : steps) REQUIRE_FALSE(node.run(each).status);
        if (!clean) disk.process_crash();  // before close() can write
    }
    disk.process_crash();
}

struct reopened {
    result<recovered_log> found;
    bool changed = false;
};
reopened reopen(sim_disk& disk) {
    std::vector<std::vector<std::byte>> before, after;
    const auto picture = [&](std::vector<std::vector<std::byte>>& into) {
        for (const std::string& path : disk.paths()) into.push_back(disk.content(path));
    };
    picture(before);
    process node(disk);
    auto found = node.open();
    picture(after);
    return {std::move(found), before != after};
}

void check_damage(sim_disk& disk, damaged_part part, const std::string& file) {
    const reopened seen = reopen(disk);
    REQUIRE(seen.found);
    REQUIRE(seen.found->found);
    CHECK(seen.found->found->part == part);
    CHECK(seen.found->found->file == file);
    CHECK_FALSE(std::string(seen.found->found->where).empty());
    CHECK_FALSE(seen.changed);
}

void check_last(sim_disk& disk, u64 last) {
    const reopened seen = reopen(disk);
    REQUIRE(seen.found);
    CHECK_FALSE(seen.found->found);
    CHECK(seen.found->last.index == index_t{last});
}

const std::vector<step> three_frames = {append(1, 1, 2), append(3, 1, 2), append(5, 1, 2)};
// Two segments, the first sealed.
const std::vector<step> rotated = {append(1, 1, 4, 2000), append(5, 1, 4, 2000), append(9, 1)};

}  // namespace

#define EXPECT_MARK(name, act)                           \
    do {                                                 \
        const u64 hits_before = RAFTKIT_MARK_HITS(name); \
        act;                                             \
        CHECK(RAFTKIT_MARK_HITS(name) > hits_before);    \
    } while (false)

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

TEST_CASE("row 6: a damaged frame that a later frame proves durable") {
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
