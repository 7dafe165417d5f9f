// Spares before they are needed, and what becomes of files that are not needed any more.

#include <doctest/doctest.h>

#include <raftkit/storage/wal/prepare.hpp>

#include "support/wal_fixture.hpp"

using namespace wal_test;
using namespace raftkit::wal_disk;

namespace {

std::string spare_path(file_kind kind, u64 number) { return path_of("/data", {kind, number}); }

void finish(segment_preparer<sim_files>& spares) {
    instant now{1};
    for (instant due = spares.step(now); due != never; due = spares.step(now))
        now = std::max(now, due);
}

}  // namespace

TEST_CASE("spares are zeros, of the right size, durable, and named when they are whole") {
    sim_disk disk(1);
    REQUIRE(disk.files().make_directory("/data"));
    const wal_options options = small_options();
    segment_preparer<sim_files> spares(disk.files(), options);
    spares.adopt({}, {});
    CHECK(spares.wanting());
    CHECK(spares.take() == 0);
    finish(spares);
    CHECK_FALSE(spares.wanting());
    REQUIRE(spares.ready() == 1);
    const std::string path = spare_path(file_kind::spare, spares.take());
    CHECK(disk.content(path) == std::vector<std::byte>(options.segment_bytes));
    // Its name is made durable by the rotation that uses it; its bytes are.
    REQUIRE(disk.files().sync_directory("/data"));
    REQUIRE(disk.files().sync_directory("/"));
    CHECK(disk.durable(path));
}

TEST_CASE("what lies in the directory is used if it is whole, and removed if it is not") {
    sim_disk disk(1);
    const wal_options options = small_options();
    disk.plant(spare_path(file_kind::spare, 3), std::vector<std::byte>(options.segment_bytes));
    disk.plant(spare_path(file_kind::spare, 4), std::vector<std::byte>(options.segment_bytes));
    disk.plant(spare_path(file_kind::spare, 5), std::vector<std::byte>(100));
    disk.plant(spare_path(file_kind::unfinished, 9), std::vector<std::byte>(options.segment_bytes));
    segment_preparer<sim_files> spares(disk.files(), options);
    spares.adopt({3, 4, 5}, {9});
    CHECK(spares.ready() == 1);
    finish(spares);
    CHECK(spares.take() == 3);
    CHECK(disk.exists(spare_path(file_kind::spare, 3)));
    CHECK_FALSE(disk.exists(spare_path(file_kind::spare, 4)));
    CHECK_FALSE(disk.exists(spare_path(file_kind::spare, 5)));
    CHECK_FALSE(disk.exists(spare_path(file_kind::unfinished, 9)));
    CHECK(spares.fresh_number() == 10);
}

TEST_CASE("a large file shrinks by steps of 1 MiB before it is removed") {
    sim_disk disk(1);
    const wal_options options = small_options();
    const std::string path = spare_path(file_kind::unfinished, 1);
    disk.plant(path, std::vector<std::byte>((3u << 20) + 5000));
    disk.plant(spare_path(file_kind::spare, 2), std::vector<std::byte>(options.segment_bytes));
    segment_preparer<sim_files> spares(disk.files(), options);
    spares.adopt({2}, {1});
    std::vector<u64> sizes;
    instant now{1};
    instant before{0};
    for (instant due = spares.step(now); due != never; due = spares.step(now)) {
        if (disk.exists(path)) sizes.push_back(disk.content(path).size());
        CHECK(due - before >= milliseconds(4));
        before = now;
        now = due;
    }
    CHECK(sizes == std::vector<u64>{3u << 20, 2u << 20, 1u << 20});
    CHECK_FALSE(disk.exists(path));
}

TEST_CASE("only a file without holes and of the usual size is called a spare") {
    sim_disk disk(1);
    const wal_options options = small_options();
    segment_preparer<sim_files> spares(disk.files(), options);
    CHECK(spares.kind_of_retired(options.segment_bytes, true) == file_kind::spare);
    CHECK(spares.kind_of_retired(options.segment_bytes, false) == file_kind::unfinished);
    CHECK(spares.kind_of_retired(options.segment_bytes * 2, true) == file_kind::unfinished);
}
