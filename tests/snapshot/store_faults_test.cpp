// The file store when the disk refuses or is full, and what it does with space.
#include <doctest/doctest.h>

#include "snapshot/store_support.hpp"

#include <filesystem>
#include <optional>
#include <thread>

#include <sys/stat.h>

using namespace raftkit;
using namespace store_support;
using testing::disk_call;

// scenarios D76, D77
TEST_CASE("a full disk ends a save or an install, leaves nothing, and later there is room") {
    const conform::contents large = conform::some_contents(std::array<u64, 2>{20'000, 3000}, 2);
    const snapshot_manifest asked = conform::described_manifest(8, 2, 24, 64, large);
    u32 refused = 0;
    for (u64 room = 0; room < 30'000; room += 512) {
        testing::sim_disk disk(1);  // a fresh one: what was freed on an old one comes back late
        store made = opened(disk);
        REQUIRE(conform::save(made, captured_at(5), small, 64));
        const u64 used = visible_bytes(disk);
        disk.set_capacity(disk.used_bytes() + room);
        const result<snapshot_manifest> captured =
            conform::save(made, conform::captured_manifest(7, 2, 21, 64), large, 600);
        if (captured) break;
        CHECK(captured.why().code == errc::no_space);
        CHECK(conform::save(made, asked, large, 600).why().code == errc::no_space);
        CHECK_FALSE(has_left_over(disk));
        CHECK(indexes_of(made) == std::vector<u64>{5});
        CHECK(visible_bytes(disk) == used);
        disk.set_capacity(testing::sim_disk::unlimited);
        CHECK(conform::save(made, asked, large, 600));
        CHECK(made.free_bytes());
        ++refused;
    }
    CHECK(refused > 20);
}

TEST_CASE(
    "a full disk does not keep an install from being settled, nor snapshots from being removed") {
    testing::sim_disk disk(1);
    store made = opened(disk);
    REQUIRE(conform::save(made, described_at(5), small, 64));
    REQUIRE(conform::save(made, captured_at(3), small, 64));
    disk.set_capacity(0);
    CHECK(made.settle(id_at(5)));
    CHECK(made.remove(id_at(3)));
    CHECK(*made.free_bytes() == 0);
}

// scenario D78; known bug 62
TEST_CASE("an error of any call of a save publishes nothing, and the next save succeeds") {
    for (const bool described : {false, true}) {
        for (const disk_call kind :
             {disk_call::open, disk_call::write, disk_call::sync, disk_call::rename,
              disk_call::make_directory, disk_call::sync_directory}) {
            u32 failed = 0;
            for (u64 run = 0; run < 160; ++run) {
                const u64 nth = run % 40 + 1;
                CAPTURE(nth);
                CAPTURE(static_cast<int>(kind));
                testing::sim_disk disk(run);
                store made = opened(disk);
                REQUIRE(conform::save(made, captured_at(5), small, 64));
                disk.fail(kind, nth, EIO);
                const snapshot_manifest asked = described ? described_at(9) : captured_at(9);
                const result<snapshot_manifest> done = conform::save(made, asked, small, 64);
                disk.clear_faults();
                if (done) continue;  // no such call, or it had happened after all
                ++failed;
                CHECK(done.why().code == errc::io);
                CHECK(indexes_of(made) == std::vector<u64>{5});
                CHECK(made.open(id_at(9)).why().code == errc::not_found);
                CHECK(conform::save(made, captured_at(12), small, 64));
                disk.power_cut();
                store again = opened(disk);
                CHECK_FALSE(has_left_over(disk));
                const std::vector<u64> seen = indexes_of(again);
                CHECK((seen == std::vector<u64>{12, 5} || seen == std::vector<u64>{12, 9, 5}));
                for (const u64 index : seen) CHECK(conform::read_snapshot(again, id_at(index), 64));
            }
            CHECK(failed >= 1);
        }
    }
}

TEST_CASE("an error while a snapshot is removed, settled or put aside loses no other one") {
    for (const disk_call kind : {disk_call::rename, disk_call::remove, disk_call::sync_directory,
                                 disk_call::truncate, disk_call::list}) {
        for (u64 nth = 1; nth <= 6; ++nth) {
            CAPTURE(nth);
            CAPTURE(static_cast<int>(kind));
            testing::sim_disk disk(nth);
            store made = opened(disk);
            REQUIRE(conform::save(made, captured_at(5), small, 64));
            REQUIRE(conform::save(made, described_at(9), small, 64));
            REQUIRE(conform::save(made, captured_at(12), small, 64));
            disk.fail(kind, nth, EIO);
            (void)made.remove(id_at(5));
            (void)made.settle(id_at(9));
            (void)made.quarantine(id_at(12));
            (void)made.list();
            disk.clear_faults();
            for (const u64 index : indexes_of(made)) {
                CHECK(conform::read_snapshot(made, id_at(index), 64));
                if (index == 9) CHECK(made.settle(id_at(9)));
            }
            disk.power_cut();
            store again = opened(disk);
            CHECK_FALSE(has_left_over(disk));
            const std::vector<u64> seen = indexes_of(again);
            CHECK(std::find(seen.begin(), seen.end(), 9) != seen.end());
            for (const u64 index : seen) CHECK(conform::read_snapshot(again, id_at(index), 64));
        }
    }
}

// scenario I127: a disk that can't be read is not a store without snapshots.
TEST_CASE("an error while recovering is an error, and nothing is thrown away because of it") {
    for (const disk_call kind :
         {disk_call::open, disk_call::read, disk_call::size, disk_call::list,
          disk_call::sync_directory, disk_call::lock, disk_call::make_directory}) {
        for (u64 nth = 1; nth <= 3; ++nth) {
            testing::sim_disk disk(1);
            saved(disk, {5, 9});
            disk.process_crash();
            const std::vector<std::string> paths = disk.paths();
            disk.fail(kind, nth, EIO);
            {
                store made("snap", disk.files());
                const result<store_report> report = made.recover(conform::store_owner);
                if (!report) CHECK(report.why().code == errc::io);
            }
            disk.clear_faults();
            CHECK(disk.paths() == paths);
            store again = opened(disk);
            CHECK(indexes_of(again) == std::vector<u64>{9, 5});
        }
    }
}

// requirement S003-55
TEST_CASE("space is given back in small steps, once the last reader closed") {
    testing::sim_disk disk(1);
    store made = opened(disk);
    const u64 before = visible_bytes(disk);
    const conform::contents large = conform::some_contents(std::array<u64, 1>{3'500'000}, 3);
    REQUIRE(conform::save(made, conform::captured_manifest(5, 2, 15, 256 << 10), large, 256 << 10));
    std::optional<store::reader> first(std::move(*made.open(id_at(5)))),
        second(std::move(*made.open(id_at(5))));
    CHECK(first->read(0, 0, 100));
    REQUIRE(made.remove(id_at(5)));
    CHECK(indexes_of(made).empty());
    first.reset();
    CHECK(indexes_of(made).empty());
    CHECK(visible_bytes(disk) > before + 3'000'000);
    CHECK(conform::read_all(*second, 1 << 20));
    std::thread([&] { second.reset(); }).join();  // a reader may end on another thread
    disk.keep_trace(true);
    CHECK(indexes_of(made).empty());
    CHECK(visible_bytes(disk) == before);
    u64 size = disk.trace().empty() ? 0 : 3'600'000, steps = 0;
    for (const testing::disk_trace_line& line : disk.trace()) {
        if (line.call != disk_call::truncate) continue;
        CHECK(line.bytes < size);
        CHECK(size - line.bytes <= (1u << 20) + 100'000);
        size = line.bytes;
        ++steps;
    }
    CHECK(steps == 3);
    CHECK(size <= 1u << 20);
}

// scenario D75
TEST_CASE("disk use stays bounded however many snapshots come and go") {
    testing::sim_disk disk(1);
    store made = opened(disk);
    for (u64 index = 1; index <= 200; ++index) {
        REQUIRE(conform::save(made, captured_at(index), small, 64));
        if (index > 2) REQUIRE(made.remove(id_at(index - 2)));
    }
    CHECK(indexes_of(made) == std::vector<u64>{200, 199});
    CHECK(visible_bytes(disk) <= 20 * 512);
    CHECK_FALSE(has_left_over(disk));
}

TEST_CASE("a store is used by one at a time, and not before recover()") {
    testing::sim_disk disk(1);
    store unready("snap", disk.files());
    CHECK(unready.list().why().code == errc::not_started);
    CHECK(unready.create(captured_at(5)).why().code == errc::not_started);
    CHECK(unready.remove(id_at(5)).why().code == errc::not_started);
    store made = opened(disk);
    store second("snap", disk.files());
    CHECK(second.recover(conform::store_owner).why().code == errc::busy);
    CHECK(made.recover(conform::store_owner).why().code == errc::busy);
    result<store::writer> writer = made.create(captured_at(5));
    REQUIRE(writer);
    CHECK(made.create(captured_at(5)).why().code == errc::busy);
}

TEST_CASE("a manifest from outside can't make a writer reserve or keep more than it sends") {
    testing::sim_disk disk(1);
    store made = opened(disk);
    snapshot_manifest asked = described_at(5);
    asked.sections[0].bytes = section_bytes_max;
    asked.meta.bytes = bytes_of(asked.sections);
    asked.meta.digest = digest_of(asked.sections);
    result<store::writer> writer = made.create(asked);
    REQUIRE(writer);
    CHECK(writer->write(conform::piece_of(small, 0, 0, 64)));
    CHECK(writer->publish().why().code == errc::corrupt);

    asked.chunk_bytes = stored_chunk_bytes_max;
    result<store::writer> greedy = made.create(asked);
    REQUIRE(greedy);
    CHECK(greedy->write(conform::piece_of(small, 0, 0, 10)));
    chunk other = conform::piece_of(small, 0, 0, 10);
    other.offset = u64{stored_chunk_bytes_max} * 5;
    CHECK(greedy->write(other).why().code == errc::too_large);

    asked.chunk_bytes = stored_chunk_bytes_max + 1;
    CHECK(made.create(asked).why().code == errc::too_large);
    asked = described_at(5);
    asked.sections[0].origin = section_origin::referenced;
    CHECK(made.create(asked).why().code == errc::invalid_option);
    asked = captured_at(5);
    asked.meta.format = 2;
    CHECK(made.create(asked).why().code == errc::incompatible);
}

TEST_CASE("files are for owner and group alone") {
    std::string name = (std::filesystem::temp_directory_path() / "raftkit-modes-XXXXXX").string();
    const std::filesystem::path root = ::mkdtemp(name.data());
    {
        file_snapshots made((root / "snap").string());
        REQUIRE(made.recover(conform::store_owner));
        REQUIRE(conform::save(made, captured_at(5), small, 64));
        u32 files = 0;
        for (const auto& each : std::filesystem::recursive_directory_iterator(root)) {
            struct stat seen {};
            REQUIRE(::stat(each.path().c_str(), &seen) == 0);
            CHECK((seen.st_mode & 0027) == 0);
            ++files;
        }
        CHECK(files == 6);  // snap, its lock, the snapshot, two sections, the manifest
    }
    std::filesystem::remove_all(root);
}
