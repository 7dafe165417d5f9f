#pragma once
// Small snapshots on a simulated disk, for the tests of the file store.

#include <doctest/doctest.h>

#include <raftkit/snapshot/store/file.hpp>
#include <raftkit/testing/conform/snapshot_store.hpp>
#include <raftkit/testing/sim/disk.hpp>

#include <string>

namespace store_support {

using namespace raftkit;

using store = basic_file_snapshots<testing::sim_files>;

inline constexpr std::array<u64, 2> sizes{150, 70};
inline const conform::contents small = conform::some_contents(sizes, 1);
constexpr snapshot_id id_at(u64 index) { return {{{index}, {2}}, index * 3}; }
inline snapshot_manifest captured_at(u64 index) {
    return conform::captured_manifest(index, 2, index * 3, 64);
}
inline snapshot_manifest described_at(u64 index) {
    return conform::described_manifest(index, 2, index * 3, 64, small);
}
inline std::string directory_of(u64 index) {
    return "snap/snap-" + snapshot_disk::name_of(id_at(index));
}

inline store opened(testing::sim_disk& disk) {
    store made("snap", disk.files());
    REQUIRE(made.recover(conform::store_owner));
    return made;
}

inline std::vector<u64> indexes_of(store& from) {
    const result<std::vector<snapshot_manifest>> list = from.list();
    REQUIRE(list);
    std::vector<u64> indexes;
    for (const snapshot_manifest& each : *list) indexes.push_back(each.meta.id.at.index.value);
    return indexes;
}

// By the names that are there now: the disk itself gives space back when the names are durable.
inline u64 visible_bytes(testing::sim_disk& disk) {
    u64 sum = 0;
    for (const std::string& each : disk.paths()) sum += disk.content(each).size();
    return sum;
}

inline bool has_left_over(testing::sim_disk& disk) {
    const auto names = disk.files().list("snap");
    REQUIRE(names);
    for (const std::string& each : *names) {
        if (each.starts_with("staging-") || each.starts_with("trash-")) return true;
    }
    return false;
}

inline void saved(testing::sim_disk& disk, std::initializer_list<u64> indexes) {
    store made = opened(disk);
    for (const u64 index : indexes) REQUIRE(conform::save(made, captured_at(index), small, 64));
}

}  // namespace store_support
