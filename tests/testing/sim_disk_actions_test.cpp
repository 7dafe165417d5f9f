// Faults as data: what an action does, to which file, and what it says of it.
#include <raftkit/testing/sim/disk_actions.hpp>
#include <raftkit/testing/sim/nemesis.hpp>

#include <set>

#include <doctest/doctest.h>

#include "testing/disk_support.hpp"

using namespace disk_support;

namespace {

constexpr std::array all_kinds{stored_file::segment, stored_file::spare, stored_file::identity,
                               stored_file::manifest, stored_file::section};
const std::array<std::string, 5> paths{"log/wal-0000000000000001.log",
                                       "log/spare-0000000000000002.log", "log/node.identity",
                                       "snap/snap-1/manifest.snap", "snap/snap-1/section-000.snap"};

// Every file in two versions, so that each sector has an old one.
void fill(sim_disk& disk) {
    for (const std::string& path : paths) {
        disk.plant(path, as_bytes(sectors("abcd")));
        auto file = disk.files().open(path, {.write = true});
        REQUIRE(put(disk.files(), *file, 0, sectors("efgh")));
        REQUIRE(disk.files().sync_data(*file));
    }
    disk.plant("log/node.lock", as_bytes("x"));
}

}  // namespace

TEST_CASE("every stored file has a kind, by its name; locks and directories have none") {
    for (std::size_t k = 0; k < stored_files; ++k) CHECK(kind_of(paths[k]) == all_kinds[k]);
    CHECK_FALSE(kind_of("log/node.lock"));
    CHECK_FALSE(kind_of("snap"));
}

// scenarios I120, I123
TEST_CASE("damage at rest changes one file of its kind, and survives a power cut") {
    for (const disk_fault what :
         {disk_fault::flipped_bit, disk_fault::garbage, disk_fault::zeros, disk_fault::lost_write,
          disk_fault::misdirected_write, disk_fault::foreign_sector}) {
        for (std::size_t kind = 0; kind < stored_files; ++kind) {
            std::set<std::string> seen;
            for (u64 place = 0; place < 20; ++place) {
                sim_disk disk(1);
                fill(disk);
                const std::string said = perform(disk, {what, all_kinds[kind], place});
                CAPTURE(said);
                CHECK(said.find(paths[kind]) != std::string::npos);
                CHECK(said.find(name_of(what)) == 0);
                disk.power_cut(all_lost);
                for (std::size_t other = 0; other < stored_files; ++other)
                    CHECK((text_in(disk, paths[other]) == sectors("efgh")) == (other != kind));
                seen.insert(text_in(disk, paths[kind]));
            }
            CHECK(seen.size() >= 4);  // its sectors, at least
        }
    }
}

TEST_CASE("a lost write is the old version, a misdirected one stands elsewhere") {
    std::set<std::string> lost, astray;
    for (u64 place = 0; place < 20; ++place) {
        sim_disk one(1), two(1);
        fill(one);
        fill(two);
        REQUIRE(perform(one, {disk_fault::lost_write, stored_file::segment, place}) != "");
        REQUIRE(perform(two, {disk_fault::misdirected_write, stored_file::segment, place}) != "");
        lost.insert(letters_of(text_in(one, paths[0])));
        astray.insert(letters_of(text_in(two, paths[0])));
    }
    CHECK(lost == std::set<std::string>{"afgh", "ebgh", "efch", "efgd"});
    CHECK(astray == std::set<std::string>{"aegh", "ebfh", "efcg", "hfgd"});
}

// scenarios I127, I128
TEST_CASE("an error waits for the call that it is for, and for such a file") {
    sim_disk disk(1);
    fill(disk);
    sim_files files = disk.files();
    auto segment = files.open(paths[0], fresh), section = files.open(paths[4], fresh);
    REQUIRE((segment && section));
    std::byte into[4];
    CHECK(perform(disk, {disk_fault::read_error, stored_file::section, 0}) != "");
    CHECK(files.read_at(*segment, 0, into));
    CHECK(files.read_at(*section, 0, into).why().os == EIO);
    CHECK(files.read_at(*section, 0, into));
    CHECK(perform(disk, {disk_fault::write_error, stored_file::segment, 0}) != "");
    CHECK(put(files, *section, 0, "x"));
    CHECK(put(files, *segment, 0, "x").why().os == EIO);
    CHECK(put(files, *segment, 0, "x"));
    CHECK(perform(disk, {disk_fault::sync_error, stored_file::segment, 0}) != "");
    CHECK(files.sync_data(*section));
    CHECK(files.sync_data(*segment).why().os == EIO);
    CHECK(perform(disk, {disk_fault::lying_sync, stored_file::segment, 0}) != "");
    CHECK(put(files, *segment, 0, "y"));
    CHECK(files.sync_data(*segment));
    CHECK_FALSE(text_in(disk, paths[0])[0] == 'e');
    REQUIRE(disk.evict(paths[0]));
    CHECK(text_in(disk, paths[0])[0] != 'y');
}

// scenario I126
TEST_CASE("a disk is full until there is room, empty when it was replaced") {
    sim_disk disk(1);
    fill(disk);
    sim_files files = disk.files();
    auto file = files.open("new", fresh);
    REQUIRE(file);
    CHECK(perform(disk, {disk_fault::full, {}, 16 + 2}) == "a full disk");
    CHECK(put(files, *file, 0, sectors("ab")));
    CHECK(put(files, *file, 2 * sector_bytes, "c").why().code == errc::no_space);
    CHECK(perform(disk, {disk_fault::room, {}, 0}) == "room on the disk");
    CHECK(put(files, *file, 2 * sector_bytes, "c"));
    CHECK(perform(disk, {disk_fault::wiped, {}, 0}) == "an empty disk");
    CHECK(disk.paths().empty());
    CHECK(perform(disk, {disk_fault::garbage, stored_file::segment, 0}) == "");
}

TEST_CASE("a broken sector is one, and what may destroy something is told from what is an error") {
    sim_disk disk(1);
    fill(disk);
    REQUIRE(perform(disk, {disk_fault::broken_sector, stored_file::manifest, 7}) != "");
    sim_files files = disk.files();
    auto file = files.open(paths[3], {});
    std::vector<std::byte> into(4 * sector_bytes);
    CHECK(files.read_at(*file, 0, into).why().os == EIO);
    CHECK(destroys({disk_fault::broken_sector, stored_file::segment, 0}));
    CHECK(destroys({disk_fault::lying_sync, stored_file::segment, 0}));
    CHECK(destroys({disk_fault::wiped, stored_file::spare, 0}));
    CHECK_FALSE(destroys({disk_fault::garbage, stored_file::spare, 0}));
    CHECK_FALSE(destroys({disk_fault::sync_error, stored_file::segment, 0}));
    CHECK_FALSE(destroys({disk_fault::full, stored_file::segment, 0}));
}

// What a correct cluster could not survive is left out, in words.
TEST_CASE("a plan destroys no majority's copies") {
    swarm in;
    in.voters = 3;
    in.spares = 1;
    const auto hit = [](u32 place, disk_fault what, stored_file where, bool leader = false) {
        return fault_action{{}, fault::disk{{place, leader}, {what, where, 7}, seconds(1)}};
    };
    const auto garbage = disk_fault::garbage;
    const auto segment = stored_file::segment;
    const auto left_out = [&](std::vector<fault_action> wanted) {
        const fault_plan made = admit(in, std::move(wanted));
        return made.dropped.empty() ? std::string() : made.dropped.back();
    };
    CHECK(left_out({hit(0, garbage, segment), hit(0, disk_fault::wiped, segment)}) == "");
    CHECK(left_out({hit(0, garbage, segment), hit(1, garbage, stored_file::identity)})
              .find("a majority must keep") != std::string::npos);
    // Errors tell whom they strike, a spare holds nothing, and who is no member has no copies.
    CHECK(left_out({hit(0, garbage, segment), hit(1, disk_fault::sync_error, segment, true),
                    hit(2, garbage, stored_file::spare), hit(1, disk_fault::full, segment),
                    hit(3, garbage, segment)}) == "");
    CHECK(left_out({hit(0, garbage, segment, true)}).find("leads") != std::string::npos);
    CHECK(left_out({hit(0, disk_fault::lying_sync, segment)}).find("last") != std::string::npos);
    in.voters = 5;
    CHECK(left_out({hit(0, garbage, segment), hit(1, garbage, segment)}) == "");
    in.change_every = seconds(1);  // nobody knows ahead what a majority is
    const std::string said = left_out({hit(0, garbage, segment)});
    CHECK(said.find("n1 gets garbage in /wal-* (7)") != std::string::npos);
}

TEST_CASE("every kind of fault is drawn, and what destroys is never aimed at a leader") {
    swarm in;
    in.voters = 5;
    in.run_for = seconds(100);
    in.down_for = seconds(1);
    in.disk_fault_every = milliseconds(100);
    std::set<disk_fault> drawn;
    std::set<stored_file> files;
    for (in.seed = 1; in.seed < 20; ++in.seed) {
        for (const fault_action& each : wanted_faults(in)) {
            const auto& what = std::get<fault::disk>(each.what);
            drawn.insert(what.what.what);
            files.insert(what.what.where);
            if (destroys(what.what)) CHECK_FALSE(what.whom.leader);
        }
    }
    CHECK(drawn.size() == disk_fault_kinds - 1);  // all but the sync that lies
    CHECK(files.size() == stored_files);
}
