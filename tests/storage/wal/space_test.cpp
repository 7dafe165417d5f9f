// A full disk: what was acknowledged stays, votes and a compaction still fit, proposals are refused
// before they are accepted, and when there is room again everything goes on.

#include <doctest/doctest.h>

#include "support/wal_fixture.hpp"

using namespace wal_test;

namespace {

wal_options two_spares() {
    wal_options options = small_options();
    options.spare_segments = 2;
    return options;
}

// Work in the background for this long.
void work(process& node, duration time) {
    const instant end = node.now + time;
    while (node.now < end) {
        const instant due = node.wal().tick(node.now);
        if (due > end) break;
        if (due > node.now) node.now = due;
    }
    node.now = end;
}

}  // namespace

TEST_CASE("while the disk is full proposals are refused, votes and a compaction fit") {
    // scenario I126
    sim_disk disk(1);
    process node(disk, two_spares());
    REQUIRE(node.open());
    node.settle();
    disk.set_capacity(disk.used_bytes());
    u64 index = 1;
    while (node.wal().ready_for(1000)) {
        REQUIRE_FALSE(node.run(append(index++, 1, 1, 1000)).status);
        work(node, seconds(1));
        REQUIRE(index < 100);
    }
    CHECK(index > 10);  // what was filled before is used
    for (u64 term = 2; term < 12; ++term) REQUIRE_FALSE(node.run(vote(term, term % 3 + 1)).status);
    REQUIRE_FALSE(node.run(compact(index - 1, 1)).status);
    // The retired segments are the room that was missing.
    CHECK(node.wal().ready_for(1000));
    REQUIRE_FALSE(node.run(append(index, 12)).status);
}

TEST_CASE("when there is room again the log goes on by itself") {
    sim_disk disk(1);
    process node(disk, two_spares());
    REQUIRE(node.open());
    node.settle();
    disk.set_capacity(disk.used_bytes());
    u64 index = 1;
    while (node.wal().ready_for(1000)) {
        REQUIRE_FALSE(node.run(append(index++, 1, 1, 1000)).status);
        work(node, seconds(1));
    }
    disk.set_capacity(sim_disk::unlimited);
    work(node, seconds(21));  // the longest delay between attempts
    work(node, seconds(1));
    CHECK(node.wal().ready_for(1000));
    REQUIRE_FALSE(node.run(append(index, 1, 1, 1000)).status);
}

TEST_CASE("attempts to prepare follow prepare_delays, and leave no half-filled files behind") {
    sim_disk disk(1);
    process node(disk, two_spares());
    REQUIRE(node.open());
    disk.set_capacity(disk.used_bytes() + 2048);
    u64 opens = disk.count(disk_call::open);
    std::vector<i64> gaps;
    const instant begun = node.now;
    instant before = begun;
    while (gaps.size() < 8) {
        const instant due = node.wal().tick(node.now);
        REQUIRE(due != never);
        if (due > node.now) node.now = due;
        bool attempted = false;
        for (const std::string& path : disk.paths()) attempted |= path.ends_with(".tmp");
        if (attempted && node.now - before > milliseconds(50)) {
            gaps.push_back((node.now - before).ns / 1'000'000);
            before = node.now;
        }
    }
    CHECK(disk.count(disk_call::open) > opens);
    CHECK(gaps[0] >= 100);
    CHECK(gaps[1] >= 1000);
    CHECK(gaps[2] >= 3000);
    CHECK(gaps[5] >= 20'000);
    CHECK(gaps[7] >= 20'000);
    CHECK(gaps[7] < 21'000);
    work(node, milliseconds(100));
    for (const std::string& path : disk.paths()) CHECK_FALSE(path.ends_with(".tmp"));
}

TEST_CASE("a log that ran out of room while it was open keeps everything that was acknowledged") {
    // scenario I126, known bug 77
    // The host ignores ready_for(): the last resort is to stop.
    for (u64 seed = 1; seed < 20; ++seed) {
        sim_disk disk(seed);
        u64 acknowledged = 0;
        {
            process node(disk);
            REQUIRE(node.open());
            disk.set_capacity(disk.used_bytes() + 512 * seed);
            for (u64 index = 1; index < 60; ++index) {
                const persisted done = node.run(append(index, 1, 1, 1000));
                if (done.status) {
                    CHECK(done.status.code == errc::no_space);
                    break;
                }
                acknowledged = index;
                if (index % 2 == 0) node.settle();
            }
        }
        disk.power_cut({500'000, 0});
        disk.set_capacity(sim_disk::unlimited);
        process node(disk);
        const auto found = node.open();
        REQUIRE(found);
        CHECK_FALSE(found->found);
        CHECK(found->last.index.value >= acknowledged);
        CHECK_FALSE(node.run(append(found->last.index.value + 1, 1)).status);
    }
}

TEST_CASE("a first start without room is an error, and the next one with room is fine") {
    for (u64 bytes = 0; bytes < 40'000; bytes += 2048) {
        sim_disk disk(1, bytes);
        {
            process node(disk);
            const auto found = node.open();
            if (!found) CHECK(found.why().code == errc::no_space);
        }
        disk.process_crash();
        disk.set_capacity(sim_disk::unlimited);
        process node(disk);
        const auto found = node.open();
        REQUIRE(found);
        CHECK_FALSE(found->found);
    }
}
