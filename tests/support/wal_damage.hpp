#pragma once
// Making damage to a log by hand, and looking at what its next open() says.

#include <doctest/doctest.h>

#include "support/wal_fixture.hpp"

namespace wal_test {

// Offsets of the frames of a segment, in order; marks and seals too.
struct frame_place {
    u64 offset;
    wal_disk::frame_header header;
};
inline std::vector<frame_place> frames_of(const sim_disk& disk, u64 seq) {
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

inline void write_at(sim_disk& disk, const std::string& path, u64 offset, byte_span bytes) {
    auto file = disk.files().open(path, {true, false, false, false, 0640});
    REQUIRE(file);
    REQUIRE(disk.files().write_at(*file, offset, std::span(&bytes, 1)));
    REQUIRE(disk.files().sync_data(*file));
}
inline void zero_sector(sim_disk& disk, const std::string& path, u64 offset) {
    write_at(disk, path, offset, std::vector<std::byte>(512));
}

// A disk after some steps; the process is gone, whatever it wrote is there.
inline void play(sim_disk& disk, const std::vector<step>& steps, bool clean = false,
                 identity as = who) {
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
inline reopened reopen(sim_disk& disk) {
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

inline void check_damage(sim_disk& disk, damaged_part part, const std::string& file) {
    const reopened seen = reopen(disk);
    REQUIRE(seen.found);
    REQUIRE(seen.found->found);
    CHECK(seen.found->found->part == part);
    CHECK(seen.found->found->file == file);
    CHECK_FALSE(std::string(seen.found->found->where).empty());
    CHECK_FALSE(seen.changed);
}

inline void check_last(sim_disk& disk, u64 last) {
    const reopened seen = reopen(disk);
    REQUIRE(seen.found);
    CHECK_FALSE(seen.found->found);
    CHECK(seen.found->last.index == index_t{last});
}

inline const std::vector<step> three_frames = {append(1, 1, 2), append(3, 1, 2), append(5, 1, 2)};
// Two segments, the first sealed.
inline const std::vector<step> rotated = {append(1, 1, 4, 2000), append(5, 1, 4, 2000),
                                          append(9, 1)};

}  // namespace wal_test

#define EXPECT_MARK(name, act)                           \
    do {                                                 \
        const u64 hits_before = RAFTKIT_MARK_HITS(name); \
        act;                                             \
        CHECK(RAFTKIT_MARK_HITS(name) > hits_before);    \
    } while (false)
