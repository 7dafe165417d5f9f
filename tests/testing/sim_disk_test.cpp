// Names, contents and power cuts; crashes and faults are in sim_disk_faults_test.cpp.
#include <raftkit/testing/sim/disk.hpp>

#include <set>
#include <string>

#include <doctest/doctest.h>

#include "testing/disk_support.hpp"

using namespace disk_support;

static_assert(files<sim_files>);

TEST_CASE("what was written is read back, and unwritten places read as zeros") {
    sim_disk disk(1);
    sim_files files = disk.files();
    auto file = files.open("a", fresh);
    REQUIRE(file);
    REQUIRE(put(files, *file, 700, "hello"));
    CHECK(*files.size(*file) == 705);
    std::string seen(10, '?');
    CHECK(*files.read_at(*file, 698, {reinterpret_cast<std::byte*>(seen.data()), 10}) == 7);
    CHECK(seen.substr(0, 7) == std::string("\0\0hello", 7));
    CHECK(files.truncate(*file, 3));
    CHECK(files.truncate(*file, 705));
    CHECK(text_in(disk, "a") == std::string(705, '\0'));
}

TEST_CASE("a power cut takes unsynced contents; synced ones stay") {
    // known bug 82
    sim_disk disk(2);
    sim_files files = disk.files();
    {
        sim_file file = durable_file(disk, "a", "synced");
        REQUIRE(put(files, file, 0, "newer!"));
        CHECK_FALSE(disk.durable("a"));
        CHECK(text_in(disk, "a") == "newer!");
    }
    disk.power_cut(all_lost);
    CHECK(text_in(disk, "a") == "synced");
    CHECK(disk.durable("a"));
}

TEST_CASE("a killed process loses its handles and locks, not its writes") {
    sim_disk disk(3);
    sim_files files = disk.files();
    auto held = files.lock("node.lock");
    auto file = files.open("a", fresh);
    REQUIRE((held && file));
    REQUIRE(put(files, *file, 0, "unsynced"));
    CHECK(files.lock("node.lock").why().code == errc::busy);
    disk.process_crash();
    CHECK(text_in(disk, "a") == "unsynced");
    CHECK(files.sync_data(*file).why().os == EBADF);
    CHECK(files.size(*file).why().os == EBADF);
    CHECK(put(files, *file, 0, "x").why().os == EBADF);
    CHECK(files.lock("node.lock"));
}

TEST_CASE("a lock is free again when its handle closes, not when a stale one does") {
    sim_disk disk(4);
    sim_files files = disk.files();
    auto old = files.lock("node.lock");
    { auto refused = files.lock("node.lock"); }
    CHECK_FALSE(files.lock("node.lock"));
    disk.process_crash();
    auto mine = files.lock("node.lock");
    REQUIRE(mine);
    old = error{errc::stopped};
    CHECK_FALSE(files.lock("node.lock"));
    mine = error{errc::stopped};
    CHECK(files.lock("node.lock"));
}

TEST_CASE("any subset of unsynced sectors survives, each old or new") {
    std::set<std::string> seen;
    for (u64 seed = 0; seed < 300; ++seed) {
        sim_disk disk(seed);
        sim_files files = disk.files();
        {
            sim_file file = durable_file(disk, "a", sectors("aaa"));
            REQUIRE(put(files, file, 0, sectors("bbb")));
        }
        disk.power_cut();
        const std::string text = text_in(disk, "a");
        REQUIRE(text == sectors(letters_of(text)));  // no sector is a mixture
        seen.insert(letters_of(text));
    }
    CHECK(seen.size() == 8);
}

TEST_CASE("an intermediate version of a sector may be the one that survives") {
    std::set<std::string> seen;
    for (u64 seed = 0; seed < 100; ++seed) {
        sim_disk disk(seed);
        sim_files files = disk.files();
        {
            sim_file file = durable_file(disk, "a", sectors("a"));
            REQUIRE(put(files, file, 0, sectors("b")));
            REQUIRE(put(files, file, 0, sectors("c")));
        }
        disk.power_cut();
        seen.insert(letters_of(text_in(disk, "a")));
    }
    CHECK(seen == std::set<std::string>{"a", "b", "c"});
}

TEST_CASE("torn sectors turn to garbage only when asked, and only unsynced ones") {
    sim_disk disk(5);
    sim_files files = disk.files();
    {
        sim_file file = durable_file(disk, "a", sectors("ab"));
        REQUIRE(put(files, file, sector_bytes, sectors("c")));
    }
    disk.power_cut({.survive_per_million = 0, .garbage_per_million = 1'000'000});
    const std::string text = text_in(disk, "a");
    CHECK(text.substr(0, sector_bytes) == sectors("a"));
    CHECK(text.substr(sector_bytes) != sectors("b"));
    CHECK(text.substr(sector_bytes) != sectors("c"));
}

TEST_CASE("the size of a growing file may stop anywhere between old and new") {
    std::set<std::size_t> sizes;
    for (u64 seed = 0; seed < 300; ++seed) {
        sim_disk disk(seed);
        sim_files files = disk.files();
        {
            sim_file file = durable_file(disk, "a", sectors("a"));
            REQUIRE(put(files, file, sector_bytes, sectors("bcd")));
        }
        disk.power_cut(none_lost);
        const std::string text = text_in(disk, "a");
        REQUIRE(text == sectors("abcd").substr(0, text.size()));
        sizes.insert(text.size() / sector_bytes);
    }
    CHECK(sizes == std::set<std::size_t>{1, 2, 3, 4});
}

TEST_CASE("what was cut off does not shine through when the file grows again") {
    for (u64 seed = 0; seed < 50; ++seed) {
        sim_disk disk(seed);
        sim_files files = disk.files();
        {
            sim_file file = durable_file(disk, "a", sectors("aaaa"));
            REQUIRE(files.truncate(file, 600));
            REQUIRE(files.truncate(file, 4 * sector_bytes));
            REQUIRE(files.sync_data(file));
        }
        disk.power_cut();
        const std::string text = text_in(disk, "a");
        REQUIRE(text.substr(0, 600) == std::string(600, 'a'));
        REQUIRE(text.substr(600) == std::string(4 * sector_bytes - 600, '\0'));
    }
}

// Scenario I131: names and contents are two things.
TEST_CASE(
    "a synced file in an unsynced directory may vanish; after the directory's sync it stays") {
    std::set<bool> seen;
    for (u64 seed = 0; seed < 40; ++seed) {
        sim_disk disk(seed);
        sim_files files = disk.files();
        {
            auto file = files.open("a", fresh);
            REQUIRE(put(files, *file, 0, "synced"));
            REQUIRE(files.sync_data(*file));
            CHECK_FALSE(disk.durable("a"));
        }
        disk.power_cut();
        seen.insert(disk.exists("a"));
        if (disk.exists("a")) REQUIRE(text_in(disk, "a") == "synced");
        { sim_file file = durable_file(disk, "a", "now it stays"); }
        disk.power_cut();
        REQUIRE(text_in(disk, "a") == "now it stays");
    }
    CHECK(seen.size() == 2);
}

TEST_CASE("renames survive as a prefix of their order") {
    std::set<std::string> seen;
    for (u64 seed = 0; seed < 100; ++seed) {
        sim_disk disk(seed);
        sim_files files = disk.files();
        { sim_file file = durable_file(disk, "a", "x"); }
        REQUIRE(files.rename("a", "b"));
        REQUIRE(files.rename("b", "c"));
        REQUIRE(files.rename("c", "d"));
        disk.power_cut();
        const auto paths = disk.paths();
        REQUIRE(paths.size() == 1);
        REQUIRE(text_in(disk, paths[0]) == "x");
        seen.insert(paths[0]);
    }
    CHECK(seen == std::set<std::string>{"a", "b", "c", "d"});
}

TEST_CASE("no later change of names survives without an earlier one") {
    for (u64 seed = 0; seed < 200; ++seed) {
        sim_disk disk(seed);
        sim_files files = disk.files();
        { sim_file file = durable_file(disk, "spare-1", "1"); }
        { sim_file file = durable_file(disk, "spare-2", "2"); }
        REQUIRE(files.rename("spare-1", "wal-1"));
        REQUIRE(files.rename("spare-2", "wal-2"));
        disk.power_cut();
        if (disk.exists("wal-2")) REQUIRE(disk.exists("wal-1"));
        REQUIRE(disk.paths().size() == 2);
    }
}

TEST_CASE("a removed file is back after a power cut unless its directory was synced") {
    std::set<bool> back;
    for (u64 seed = 0; seed < 40; ++seed) {
        sim_disk disk(seed);
        { sim_file file = durable_file(disk, "a", "x"); }
        REQUIRE(disk.files().remove("a"));
        CHECK_FALSE(disk.exists("a"));
        disk.power_cut();
        back.insert(disk.exists("a"));
        if (!disk.exists("a")) continue;
        CHECK(text_in(disk, "a") == "x");
        REQUIRE(disk.files().remove("a"));
        REQUIRE(disk.files().sync_directory(""));
        disk.power_cut();
        CHECK_FALSE(disk.exists("a"));
    }
    CHECK(back.size() == 2);
}

TEST_CASE(
    "directories: entries inside one that vanishes vanish too, a renamed one takes them along") {
    sim_disk disk(6);
    sim_files files = disk.files();
    CHECK(files.make_directory("snap/none").why().code == errc::not_found);
    REQUIRE(files.make_directory("snap"));
    REQUIRE(files.make_directory("snap/"));
    REQUIRE(files.sync_directory(""));
    REQUIRE(files.make_directory("snap/staging"));
    {
        auto file = files.open("snap/staging/section", fresh);
        REQUIRE(file);
        REQUIRE(put(files, *file, 0, "bytes"));
        REQUIRE(files.sync_data(*file));
    }
    REQUIRE(files.sync_directory("snap/staging"));
    CHECK_FALSE(disk.durable("snap/staging/section"));
    CHECK(files.remove("snap").why().os == ENOTEMPTY);
    REQUIRE(files.rename("snap/staging", "snap/snap-1"));
    REQUIRE(files.sync_directory("/snap"));
    CHECK(*files.list("snap") == std::vector<std::string>{"snap-1"});
    disk.power_cut(all_lost);
    CHECK(text_in(disk, "snap/snap-1/section") == "bytes");
    CHECK(disk.paths() == std::vector<std::string>{"snap/snap-1/section"});
    CHECK(files.open("snap", {}).why().os == EISDIR);
}
