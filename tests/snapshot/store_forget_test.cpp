// What an install left in a store is forgotten when its user says so, and a name that waits to be
// removed is not removed under the writer that uses it again.
#include <doctest/doctest.h>

#include "snapshot/store_support.hpp"

using namespace raftkit;
using namespace store_support;

namespace {

constexpr std::array<u64, 2> shape{900, 130};
const conform::contents whole = conform::some_contents(shape, 7);
snapshot_manifest offered(u64 index, const conform::contents& of = whole) {
    return conform::described_manifest(index, 2, index * 3, 64, of);
}
struct place {
    u32 section;
    u64 offset, bytes;
};
// Every frame of both sections, in an order that no transfer would have.
std::vector<place> frames() {
    std::vector<place> all;
    for (u32 section = 0; section < shape.size(); ++section) {
        for (u64 at = 0; at < shape[section]; at += 64)
            all.push_back({section, at, std::min<u64>(64, shape[section] - at)});
    }
    std::reverse(all.begin() + 3, all.begin() + 9);
    return all;
}
result<void> put(store::writer& to, const place& one, const conform::contents& of = whole) {
    return to.write(conform::piece_of(of, one.section, one.offset, one.bytes));
}
// The writer of an install, ready: how many frames it found in `held`.
result<store::writer> begun(store& from, const snapshot_manifest& what, u64& held) {
    result<store::writer> made = from.create(what);
    if (!made) return made;
    for (;;) {
        const result<u64> looked = made->recheck();
        if (!looked) return looked.why();
        if (*looked == 0) break;
    }
    held = 0;
    for (const place& each : frames()) held += made->holds(each.section, each.offset, each.bytes);
    return made;
}
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
