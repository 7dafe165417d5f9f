#include <doctest/doctest.h>

#include <raftkit/snapshot/store/memory.hpp>
#include <raftkit/testing/conform/snapshot_store.hpp>

using namespace raftkit;

namespace {

const conform::contents content = conform::some_contents(std::array<u64, 1>{1000}, 1);
snapshot_manifest at(u64 index) { return conform::captured_manifest(index, 1, 1, 64); }

}  // namespace

TEST_CASE("memory has a limit too, and removal gives it back") {  // scenario D76
    memory_snapshots store(2500);
    CHECK(conform::save(store, at(1), content, 64));
    CHECK(conform::save(store, at(2), content, 64));
    CHECK(conform::save(store, at(3), content, 64).why().code == errc::no_space);
    CHECK(*store.free_bytes() == 500);
    CHECK(store.list()->size() == 2);
    CHECK(store.remove(at(1).meta.id));
    CHECK(conform::save(store, at(3), content, 64));
}

TEST_CASE("two writers can't take the same room together") {
    memory_snapshots store(1500);
    auto first = store.create(at(1)), second = store.create(at(2));
    REQUIRE(first);
    REQUIRE(second);
    CHECK(conform::pump_all(*first, content, 64));
    CHECK(conform::pump_all(*second, content, 64));
    CHECK(first->publish());
    CHECK(second->publish().why().code == errc::no_space);
    CHECK(*store.free_bytes() == 500);
}

TEST_CASE("a reader keeps the manifest that it opened") {
    memory_snapshots store;
    snapshot_manifest asked = conform::described_manifest(1, 1, 1, 64, content);
    REQUIRE(conform::save(store, asked, content, 64));
    auto reader = store.open(asked.meta.id);
    REQUIRE(reader);
    CHECK(store.settle(asked.meta.id));
    CHECK(reader->manifest().meta.installing);
    CHECK_FALSE(store.list()->front().meta.installing);
}
