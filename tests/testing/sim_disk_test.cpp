#include <raftkit/testing/sim/disk.hpp>

#include <set>
#include <string>

#include <doctest/doctest.h>

using namespace raftkit;
using namespace raftkit::testing;

static_assert(files<sim_files>);

namespace {

constexpr file_mode fresh{.write = true, .create = true};
constexpr power_cut_odds all_lost{.survive_per_million = 0};
constexpr power_cut_odds none_lost{.survive_per_million = 1'000'000};

result<void> put(sim_files files, sim_file& file, u64 offset, std::string_view text) {
    const byte_span piece = as_bytes(text);
    return files.write_at(file, offset, {&piece, 1});
}

std::string text_in(const sim_disk& disk, const std::string& path) {
    const auto bytes = disk.content(path);
    return std::string(as_text(bytes));
}

// A file that is durable, name and contents.
sim_file durable_file(sim_disk& disk, const std::string& path, std::string_view text) {
    sim_files files = disk.files();
    auto file = files.open(path, fresh);
    REQUIRE(file);
    REQUIRE(put(files, *file, 0, text));
    REQUIRE(files.sync_data(*file));
    REQUIRE(files.sync_directory("/"));
    return *std::move(file);
}

std::string sectors(std::string_view letters) {
    std::string text;
    for (const char letter : letters) text.append(sector_bytes, letter);
    return text;
}

// The first letter of every sector.
std::string letters_of(const std::string& text) {
    std::string letters;
    for (std::size_t at = 0; at < text.size(); at += sector_bytes) letters += text[at];
    return letters;
}

}  // namespace

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
    disk.fail_by_chance(disk_call::sync, 1'000'000, EIO);
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
