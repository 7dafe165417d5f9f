// The file store when what is stored is damaged, left over, strange or newer than this program.
#include <doctest/doctest.h>

#include "snapshot/store_support.hpp"

#include <algorithm>

using namespace raftkit;
using namespace store_support;

// scenarios D50, D56
TEST_CASE("a flipped bit at any byte of a snapshot is found") {
    testing::sim_disk pattern(1);
    saved(pattern, {5});
    pattern.process_crash();
    u32 quarantined = 0, refused = 0;
    for (const std::string& path : pattern.paths()) {
        const u64 size = pattern.content(path).size();
        for (u64 offset = 0; offset < size; ++offset) {
            CAPTURE(path);
            CAPTURE(offset);
            testing::sim_disk disk(1);
            for (const std::string& each : pattern.paths()) disk.plant(each, pattern.content(each));
            REQUIRE(disk.flip_bits(path, offset, static_cast<u8>(1u << (offset % 8))));
            store made("snap", disk.files());
            const result<store_report> report = made.recover(conform::store_owner);
            REQUIRE(report);
            if (report->quarantined == 1) {
                ++quarantined;
                REQUIRE(report->found.size() == 1);
                CHECK(report->found[0].part == damaged_part::snapshot);
                CHECK(report->found[0].first == index_t{5});
                CHECK(report->found[0].file.find(".corrupt") != std::string::npos);
                CHECK(indexes_of(made).empty());
                continue;
            }
            const result<conform::contents> read = conform::read_snapshot(made, id_at(5), 64);
            REQUIRE_FALSE(read);
            CHECK(read.why().code == errc::corrupt);
            ++refused;
        }
    }
    CHECK(quarantined > 100);            // the manifest
    CHECK(refused == 150 + 70 + 5 * 4);  // every byte of every frame and checksum
}

TEST_CASE("a frame of another place or of another snapshot is damage") {
    testing::sim_disk disk(1);
    const std::vector<std::byte> alike(128, std::byte{4});
    {
        store made = opened(disk);
        REQUIRE(conform::save(made, captured_at(5), {alike, alike}, 64));
        REQUIRE(conform::save(made, captured_at(6), {alike, alike}, 64));
    }
    disk.process_crash();
    const auto file = [&](u64 index, u32 section) {
        return disk.content(directory_of(index) + "/" + snapshot_disk::section_file_name(section));
    };
    std::vector<std::byte> swapped = file(5, 0);
    std::swap_ranges(swapped.begin(), swapped.begin() + 68, swapped.begin() + 68);
    for (const std::vector<std::byte>& bytes : {swapped, file(5, 1), file(6, 0)}) {
        disk.plant(directory_of(5) + "/section-000.snap", bytes);
        store made = opened(disk);
        CHECK(conform::read_snapshot(made, id_at(5), 64).why().code == errc::corrupt);
        disk.process_crash();
    }
}

TEST_CASE("a frame's checksum knows every part of its place") {
    const std::vector<std::byte> bytes(10, std::byte{1});
    const snapshot_id id{{{5}, {2}}, 9};
    const u32 crc = snapshot_disk::frame_crc(id, 1, 3, bytes);
    CHECK(crc == snapshot_disk::frame_crc(id, 1, 3, bytes));
    CHECK(crc != snapshot_disk::frame_crc({{{6}, {2}}, 9}, 1, 3, bytes));
    CHECK(crc != snapshot_disk::frame_crc({{{5}, {3}}, 9}, 1, 3, bytes));
    CHECK(crc != snapshot_disk::frame_crc({{{5}, {2}}, 8}, 1, 3, bytes));
    CHECK(crc != snapshot_disk::frame_crc(id, 0, 3, bytes));
    CHECK(crc != snapshot_disk::frame_crc(id, 1, 2, bytes));
    CHECK(crc != snapshot_disk::frame_crc(id, 1, 3, byte_span(bytes).first(9)));
}

// scenario D50: falling back is the node's decision; the store keeps the older one readable.
TEST_CASE("a damaged newest snapshot is put aside and the older one stays") {
    testing::sim_disk disk(1);
    saved(disk, {5, 9});
    disk.process_crash();
    REQUIRE(disk.flip_bits(directory_of(9) + "/section-001.snap", 3));
    store made = opened(disk);
    CHECK(indexes_of(made) == std::vector<u64>{9, 5});
    CHECK(conform::read_snapshot(made, id_at(9), 64).why().code == errc::corrupt);
    REQUIRE(made.quarantine(id_at(9)));
    CHECK(indexes_of(made) == std::vector<u64>{5});
    CHECK(conform::read_snapshot(made, id_at(5), 64));
    CHECK(conform::save(made, captured_at(9), small, 64));  // e.g. fetched again
    REQUIRE(made.quarantine(id_at(9)));                     // a second one beside the first
    disk.power_cut({.survive_per_million = 0});
    store again = opened(disk);
    CHECK(indexes_of(again) == std::vector<u64>{5});
}

// scenario D49
TEST_CASE("what is left over, empty, cut or strange is never loaded") {
    testing::sim_disk disk(1);
    saved(disk, {5, 7});
    disk.process_crash();
    const std::vector<std::byte> manifest = disk.content(directory_of(5) + "/manifest.snap");
    const std::vector<std::byte> section = disk.content(directory_of(5) + "/section-000.snap");
    disk.plant("snap/staging-whatever/section-000.snap", section);
    disk.plant("snap/staging-file", section);
    disk.plant(directory_of(8) + "/section-000.snap", section);  // no manifest
    disk.plant(directory_of(9) + "/manifest.snap", {});          // an empty one
    disk.plant(directory_of(10) + "/manifest.snap", manifest);   // of another snapshot
    for (const char* name :
         {"/section-000.snap", "/section-001.snap"}) {  // whole, but for its name
        disk.plant(directory_of(10) + name, disk.content(directory_of(5) + name));
    }
    disk.plant("snap/snap-5-2-f/manifest.snap", manifest);  // no name of ours
    disk.plant("snap/snap-", manifest);
    disk.plant("snap/notes.txt", section);
    disk.plant(directory_of(11), section);  // a file
    disk.plant(directory_of(7) + "/section-001.snap",
               byte_span(section).first(10));  // a cut section
    store made("snap", disk.files());
    const result<store_report> report = made.recover(conform::store_owner);
    REQUIRE(report);
    CHECK(report->published == 1);
    CHECK(report->quarantined == 5);
    CHECK(report->removed == 2);
    CHECK(report->found.size() == 5);
    CHECK(indexes_of(made) == std::vector<u64>{5});
    CHECK_FALSE(has_left_over(disk));
    CHECK(disk.exists("snap/notes.txt"));
    CHECK(disk.exists("snap/snap-5-2-f/manifest.snap"));
}

// scenario D83
TEST_CASE("a snapshot of a newer version is refused and not touched") {
    testing::sim_disk disk(1);
    saved(disk, {5, 9});
    disk.process_crash();
    std::vector<std::byte> manifest = disk.content(directory_of(9) + "/manifest.snap");
    store_le(manifest.data() + 8, u16{manifest_version + 1});
    store_le(manifest.data() + 16, detail::manifest_crc(manifest));
    disk.plant(directory_of(9) + "/manifest.snap", manifest);
    disk.plant("snap/staging-x/section-000.snap", manifest);
    const std::vector<std::string> paths = disk.paths();
    store made("snap", disk.files());
    const result<store_report> report = made.recover(conform::store_owner);
    CHECK(report.why().code == errc::incompatible);
    CHECK(disk.paths() == paths);
    CHECK(made.list().why().code == errc::not_started);
}

// known bug 51
TEST_CASE("names say which snapshot it is, and nothing else is a name") {
    const snapshot_id large{{index_max, term_max}, ~u64{0}};
    for (const snapshot_id id : {id_at(9), id_at(10), large, snapshot_id{{{1}, {0}}, 0}}) {
        const auto read = snapshot_disk::published_id("snap-" + snapshot_disk::name_of(id));
        REQUIRE(read);
        CHECK(*read == id);
    }
    CHECK(snapshot_disk::name_of(id_at(9)) == "00000000000000000009-0000000002-000000000000001b");
    for (const char* name :
         {"", "snap-", "snap-9-2-1b", "snap-00000000000000000009-0000000002-000000000000001B",
          "snap-00000000000000000009-0000000002-000000000000001b.corrupt",
          "snap-00000000000000000009-0000000002-000000000000001b-",
          "snap-00000000000000000009-0000000002",
          "snap-99999999999999999999-0000000002-000000000000001b",
          "staging-00000000000000000009-0000000002-000000000000001b"}) {
        CAPTURE(name);
        CHECK_FALSE(snapshot_disk::published_id(name));
    }
}
