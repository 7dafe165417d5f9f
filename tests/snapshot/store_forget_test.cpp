// What an install left in a store is forgotten when its user says so, and a name that waits to be
// removed is not removed under the writer that uses it again.
#include <doctest/doctest.h>

#include "snapshot/staging_support.hpp"

using namespace raftkit;
using namespace store_support;

namespace {

void half_staged(store& to) {
    u64 held = 0;
    auto writer = begun(to, offered(9), held);
    REQUIRE(writer);
    for (const place& each : frames()) {
        if (each.section == 0) REQUIRE(put(*writer, each));
    }
    REQUIRE(writer->suspend());
}
u64 staged(testing::sim_disk& disk) {
    u64 count = 0;
    const auto names = disk.files().list("snap");
    for (const std::string& each : *names) count += each.starts_with("staging-");
    return count;
}

}  // namespace

TEST_CASE("what is written again under a name that waits to be removed is not removed with it") {
    testing::sim_disk disk(1);
    store made = opened(disk);
    half_staged(made);
    disk.fail(testing::disk_call::remove, 1, EIO, 1);
    CHECK(made.forget_staged());
    CHECK(staged(disk) == 1);  // the disk did not let it go: it waits among the trash
    disk.fail(testing::disk_call::remove, 1, EIO, 1);
    u64 held = 0;
    auto writer = begun(made, offered(9), held);
    REQUIRE(writer);
    CHECK(held == 0);
    for (const place& each : frames()) {
        REQUIRE(put(*writer, each));
        REQUIRE(made.list());  // gives back what is trash
        CHECK(staged(disk) == 1);
    }
    REQUIRE(writer->publish());
    CHECK(*conform::read_snapshot(made, id_at(9), 100) == whole);
    CHECK_FALSE(has_left_over(disk));
}

TEST_CASE("a store that is told to forgets what is staged, but not what is being written") {
    // S003-44
    testing::sim_disk disk(1);
    store made = opened(disk);
    CHECK(made.forget_staged());
    half_staged(made);
    CHECK(staged(disk) == 1);
    CHECK(made.forget_staged());
    CHECK(staged(disk) == 0);
    u64 held = 0;
    auto writer = begun(made, offered(9), held);
    REQUIRE(writer);
    CHECK(held == 0);
    CHECK(made.forget_staged());
    for (const place& each : frames()) REQUIRE(put(*writer, each));
    CHECK(writer->publish());
    CHECK(store("snap", disk.files()).forget_staged().why().code == errc::not_started);
}
