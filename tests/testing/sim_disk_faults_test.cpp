// Planned crashes, errors and damage; names and power cuts are in sim_disk_test.cpp.
#include <raftkit/testing/sim/disk.hpp>

#include <set>
#include <string>

#include <doctest/doctest.h>

#include "testing/disk_support.hpp"

using namespace disk_support;

TEST_CASE("the planned crash ends the process before its call, and everything after it fails") {
    sim_disk disk(7);
    sim_files files = disk.files();
    auto file = files.open("a", fresh);
    disk.crash_at(2);
    REQUIRE(put(files, *file, 0, "one"));
    CHECK_FALSE(disk.crashed());
    CHECK_FALSE(put(files, *file, 0, "two"));
    CHECK(disk.crashed());
    CHECK_FALSE(files.list(""));
    CHECK_FALSE(files.sync_data(*file));
    CHECK(disk.calls() == 3);
    disk.process_crash();
    CHECK(text_in(disk, "a") == "one");
    CHECK(files.list(""));
}

// Scenario I119: a torn write at every byte.
TEST_CASE("a crash inside a write leaves any prefix of it") {
    std::set<std::size_t> lengths;
    for (u64 seed = 0; seed < 200; ++seed) {
        sim_disk disk(seed);
        sim_files files = disk.files();
        auto file = files.open("a", fresh);
        disk.crash_at(1, crash_moment::inside);
        CHECK_FALSE(put(files, *file, 0, "123456"));
        disk.process_crash();
        const std::string left = text_in(disk, "a");
        REQUIRE(left == std::string("123456").substr(0, left.size()));
        lengths.insert(left.size());
    }
    CHECK(lengths.size() == 7);
}

TEST_CASE("a crash inside a change of names leaves it done or not done") {
    std::set<std::string> seen;
    for (u64 seed = 0; seed < 40; ++seed) {
        sim_disk disk(seed);
        { sim_file file = durable_file(disk, "a", "x"); }
        disk.crash_at(1, crash_moment::inside);
        CHECK_FALSE(disk.files().rename("a", "b"));
        disk.process_crash();
        seen.insert(disk.paths().at(0));
    }
    CHECK(seen == std::set<std::string>{"a", "b"});
}

// Scenario I126.
TEST_CASE("a full disk takes what fits and says no_space; removing and syncing makes room") {
    sim_disk disk(8, 4 * sector_bytes);
    sim_files files = disk.files();
    sim_file old = durable_file(disk, "old", sectors("oo"));
    auto file = files.open("a", fresh);
    const error why = put(files, *file, 0, sectors("abc")).why();
    CHECK(why.code == errc::no_space);
    CHECK(why.detail == 2 * sector_bytes);
    CHECK(letters_of(text_in(disk, "a")) == "ab");
    CHECK(*files.free_bytes("") == 0);
    CHECK(put(files, *file, 0, sectors("cd")));  // overwriting needs no room
    REQUIRE(files.remove("old"));
    CHECK_FALSE(put(files, *file, 2 * sector_bytes, "x"));
    REQUIRE(files.sync_directory(""));
    old = sim_file();
    CHECK(put(files, *file, 2 * sector_bytes, "x"));
    REQUIRE(files.truncate(*file, 0));
    CHECK(disk.used_bytes() == 0);
    disk.set_capacity(0);
    CHECK(put(files, *file, 0, "x").why().code == errc::no_space);
}

// Scenario I127.
TEST_CASE("the nth call of a kind fails as told, as often as told, and others don't") {
    sim_disk disk(9);
    sim_files files = disk.files();
    sim_file file = durable_file(disk, "a", "text");
    disk.fail(disk_call::read, 2, EIO, 2);
    std::byte into[4];
    CHECK(files.read_at(file, 0, into));
    for (int i = 0; i < 2; ++i) {
        const error why = files.read_at(file, 0, into).why();
        CHECK(why.code == errc::io);
        CHECK(why.os == EIO);
    }
    CHECK(files.read_at(file, 0, into));
    CHECK(files.sync_data(file));
    disk.fail(disk_call::write, 1, ENOSPC);
    CHECK(put(files, file, 0, "x").why().code == errc::no_space);
    disk.fail(disk_call::open, 1, EMFILE);
    CHECK(files.open("a", {}).why().os == EMFILE);
    disk.fail(disk_call::sync, 1, EIO, 1, "other");
    CHECK(files.sync_data(file));
    disk.fail_by_chance(disk_call::sync, 1'000'000, EIO, "a");
    CHECK_FALSE(files.sync_data(file));
    disk.clear_faults();
    CHECK(files.sync_data(file));
}

// Scenario I128: a second sync that succeeds proves nothing.
TEST_CASE(
    "after a failed sync the pages count as clean: the next sync succeeds and saves nothing") {
    sim_disk disk(10);
    sim_files files = disk.files();
    {
        sim_file file = durable_file(disk, "a", "old");
        REQUIRE(put(files, file, 0, "new"));
        disk.fail(disk_call::sync, 1, EIO);
        CHECK_FALSE(files.sync_data(file));
        CHECK(text_in(disk, "a") == "new");
        CHECK(files.sync_data(file));
        CHECK(text_in(disk, "a") == "new");
        REQUIRE(disk.evict("a"));
        CHECK(text_in(disk, "a") == "old");
    }
    disk.power_cut(none_lost);
    CHECK(text_in(disk, "a") == "old");
}

// Scenarios I120 and I123.
TEST_CASE("damage is done where it was asked for, to the medium as well") {
    sim_disk disk(11);
    sim_files files = disk.files();
    {
        sim_file file = durable_file(disk, "a", sectors("abc"));
        CHECK(disk.make_sector_stale("a", 0));  // before its first version there were zeros
        REQUIRE(put(files, file, 0, sectors("x")));
        REQUIRE(files.sync_data(file));
        REQUIRE(put(files, file, 0, sectors("y")));
        REQUIRE(files.sync_data(file));
    }
    REQUIRE(disk.make_sector_stale("a", 5));
    REQUIRE(disk.misdirect_sector("a", 2 * sector_bytes, "a", sector_bytes));
    CHECK(letters_of(text_in(disk, "a")) == "xcc");
    REQUIRE(disk.flip_bits("a", 2 * sector_bytes, 2));
    disk.power_cut(all_lost);
    CHECK(letters_of(text_in(disk, "a")) == "xca");  // c is 0x63
    REQUIRE(disk.garble_sector("a", 0));
    CHECK(text_in(disk, "a").substr(0, sector_bytes) != sectors("x"));
    CHECK(text_in(disk, "a").substr(2 * sector_bytes + 1) == sectors("c").substr(1));
    CHECK_FALSE(disk.flip_bits("a", 3 * sector_bytes));
    CHECK_FALSE(disk.flip_bits("none", 0));
    CHECK_FALSE(disk.misdirect_sector("none", 0, "a", 0));
}

// Scenario I123: the device says that it stored something, and has not.
TEST_CASE("a lost write is read until the cache is cold, and is the old content then") {
    sim_disk disk(15);
    sim_files files = disk.files();
    {
        sim_file file = durable_file(disk, "a", sectors("a"));
        sim_file other = durable_file(disk, "b", sectors("b"));
        disk.lose_writes(1, "a");
        REQUIRE(put(files, other, 0, sectors("y")));
        REQUIRE(files.sync_data(other));  // not one of those files
        REQUIRE(put(files, file, 0, sectors("x")));
        CHECK(files.sync_data(file));
        CHECK(letters_of(text_in(disk, "a")) == "x");
        REQUIRE(disk.evict("a"));
        CHECK(letters_of(text_in(disk, "a")) == "a");
        REQUIRE(put(files, file, 0, sectors("z")));
        CHECK(files.sync_data(file));
    }
    disk.power_cut(all_lost);
    CHECK(letters_of(text_in(disk, "a")) == "z");
    CHECK(letters_of(text_in(disk, "b")) == "y");
}

TEST_CASE("a misdirected write is missing in one place and found in another") {
    sim_disk disk(16);
    sim_files files = disk.files();
    {
        sim_file file = durable_file(disk, "a", sectors("abc"));
        CHECK_FALSE(disk.misdirect_write("a", 5 * sector_bytes, "a", 0));
        REQUIRE(put(files, file, 0, sectors("x")));
        REQUIRE(files.sync_data(file));
    }
    CHECK_FALSE(disk.misdirect_write("a", 0, "a", 3 * sector_bytes));
    CHECK(letters_of(text_in(disk, "a")) == "xbc");
    CHECK(disk.misdirect_write("a", 0, "a", 2 * sector_bytes));
    disk.power_cut(all_lost);
    CHECK(letters_of(text_in(disk, "a")) == "abx");
}

// Scenario I127.
TEST_CASE("a broken sector can't be read until it is written again as a whole") {
    sim_disk disk(17);
    sim_files files = disk.files();
    sim_file file = durable_file(disk, "a", sectors("abc"));
    REQUIRE(disk.break_sector("a", sector_bytes + 7));
    CHECK_FALSE(disk.break_sector("a", 3 * sector_bytes));
    std::vector<std::byte> into(sector_bytes);
    CHECK(files.read_at(file, 0, into));
    CHECK(files.read_at(file, 2 * sector_bytes, into));
    CHECK(files.read_at(file, 1, into).why().os == EIO);
    CHECK(files.read_at(file, 2 * sector_bytes - 1, into).why().detail == 2 * sector_bytes - 1);
    REQUIRE(put(files, file, sector_bytes + 1, "part"));
    CHECK_FALSE(files.read_at(file, sector_bytes, into));
    REQUIRE(put(files, file, sector_bytes, sectors("x")));
    CHECK(files.read_at(file, sector_bytes, into));
}

TEST_CASE("a wiped directory is gone with all that was to become of it, and nothing else is") {
    sim_disk disk(18);
    sim_files files = disk.files();
    for (const char* path : {"log/wal-1", "log/deep/x", "snap/s"}) disk.plant(path, as_bytes("x"));
    REQUIRE(files.rename("log/wal-1", "log/wal-2"));
    CHECK_FALSE(disk.wipe("none"));
    REQUIRE(disk.wipe("log"));
    CHECK(disk.paths() == std::vector<std::string>{"snap/s"});
    disk.power_cut(none_lost);
    CHECK(disk.paths() == std::vector<std::string>{"snap/s"});
    CHECK(files.make_directory("log"));
    REQUIRE(disk.wipe(""));
    disk.power_cut({.names = power_cut_odds::names_fate::kept});
    CHECK(disk.paths().empty());
    CHECK(files.open("log/a", fresh).why().code == errc::not_found);
    CHECK(files.open("a", fresh));
}

TEST_CASE("a power cut may be told to take all unsynced names, or none") {
    for (const auto& [names, left] : {std::pair{power_cut_odds::names_fate::lost, "a"},
                                      std::pair{power_cut_odds::names_fate::kept, "c"}}) {
        for (u64 seed = 0; seed < 10; ++seed) {
            sim_disk disk(seed);
            { sim_file file = durable_file(disk, "a", "x"); }
            REQUIRE(disk.files().rename("a", "b"));
            REQUIRE(disk.files().rename("b", "c"));
            disk.power_cut({.names = names});
            CHECK(disk.paths() == std::vector<std::string>{left});
        }
    }
}

TEST_CASE("calls are counted by kind and traced in order") {
    sim_disk disk(12);
    disk.keep_trace(true);
    sim_files files = disk.files();
    auto file = files.open("a", fresh);
    REQUIRE(put(files, *file, 9, "four"));
    disk.fail(disk_call::sync, 1, EIO);
    CHECK_FALSE(files.sync_data(*file));
    CHECK(disk.count(disk_call::write) == 1);
    CHECK(disk.count(disk_call::sync) == 1);
    CHECK(disk.count(disk_call::rename) == 0);
    CHECK(disk.calls() == 3);
    REQUIRE(disk.trace().size() == 3);
    CHECK(disk.trace()[1].call == disk_call::write);
    CHECK(disk.trace()[1].path == "a");
    CHECK(disk.trace()[1].offset == 9);
    CHECK(disk.trace()[1].bytes == 4);
    CHECK_FALSE(disk.trace()[1].outcome);
    CHECK(disk.trace()[2].outcome);
}

// Invariant I-15: the same seed and calls give the same disk.
TEST_CASE("a seed reproduces every loss") {
    const auto run = [](u64 seed) {
        sim_disk disk(seed);
        sim_files files = disk.files();
        {
            sim_file file = durable_file(disk, "a", sectors("aaaaaaaa"));
            for (int i = 0; i < 20; ++i)
                REQUIRE(put(files, file, static_cast<u64>(i) * 300, sectors("bc")));
            REQUIRE(files.rename("a", "b"));
        }
        disk.power_cut({.survive_per_million = 500'000, .garbage_per_million = 500'000});
        return disk.paths().at(0) + text_in(disk, disk.paths().at(0));
    };
    CHECK(run(1) == run(1));
    CHECK(run(1) != run(2));
}

TEST_CASE("a planted file is durable with all its directories") {
    sim_disk disk(13);
    disk.plant("data/snap/x/manifest", as_bytes("planted"));
    CHECK(disk.durable("data/snap/x/manifest"));
    disk.power_cut(all_lost);
    CHECK(text_in(disk, "data/snap/x/manifest") == "planted");
    CHECK(as_text(disk.durable_content("data/snap/x/manifest")) == "planted");
    CHECK(disk.calls() == 0);
}

TEST_CASE(
    "writing through a handle opened for reading, or to a removed name's file, behaves as on "
    "POSIX") {
    sim_disk disk(14);
    sim_files files = disk.files();
    { sim_file file = durable_file(disk, "a", "x"); }
    auto reading = files.open("a", {});
    CHECK(put(files, *reading, 0, "y").why().os == EBADF);
    CHECK(files.truncate(*reading, 0).why().os == EBADF);
    CHECK(files.open("a", {.write = true, .exclusive = true}).why().os == EEXIST);
    REQUIRE(files.remove("a"));
    std::byte into[1];
    CHECK(*files.read_at(*reading, 0, into) == 1);
    CHECK(files.open("a", {}).why().code == errc::not_found);
    CHECK(files.rename("a", "b").why().code == errc::not_found);
    CHECK(files.remove("a").why().code == errc::not_found);
}
