// What memory storage has beyond the conformance suite: a disk that waits, and one that fails.

#include <doctest/doctest.h>

#include <raftkit/storage/memory_storage.hpp>
#include <raftkit/testing/conform/storage.hpp>

using namespace raftkit;

TEST_CASE("deferred: a ticket is durable when it is completed, and complete() posts it") {
    memory_storage log({.deferred = true});
    mailbox box;
    REQUIRE(log.open(conform::storage_owner, {&box}));
    const run entries = conform::storage_run(1, 1, 2, 9);
    for (u64 id = 1; id <= 3; ++id) {
        persist_batch batch;
        batch.id = {id};
        if (id == 1) batch.append = {&entries.view(), 1};
        CHECK(log.persist(batch).upto == ticket{});
    }
    std::vector<event> arrived;
    CHECK_FALSE(box.drain(arrived));
    log.complete({2});
    REQUIRE(box.drain(arrived));
    CHECK(std::get<persisted>(arrived.at(0)).upto == ticket{2});
    persist_batch batch;
    batch.id = {4};
    CHECK(log.persist(batch).upto == ticket{2});
}

TEST_CASE("a failure is told for ever, and nothing is stored behind it") {
    memory_storage log;
    mailbox box;
    REQUIRE(log.open(conform::storage_owner, {&box}));
    persist_batch batch;
    batch.id = {1};
    CHECK(log.persist(batch).upto == ticket{1});
    log.fail({errc::io, 5, "a test"});
    const hard_state hard{{5}, {1}, {}};
    batch.id = {2};
    batch.hard = &hard;
    CHECK(log.persist(batch).status.code == errc::io);
    CHECK(log.persist(batch).upto == ticket{1});
    log.close();
    CHECK(log.open(conform::storage_owner, {&box})->hard.term == term_t{});
}

TEST_CASE("after close no block of the lender is held") {
    memory_storage log;
    mailbox box;
    REQUIRE(log.open(conform::storage_owner, {&box}));
    const run entries = conform::storage_run(1, 1, 2, 9);
    persist_batch batch;
    batch.id = {1};
    batch.append = {&entries.view(), 1};
    log.persist(batch);
    CHECK(entries.view().owner->refs.load() == 2);
    log.close();
    CHECK(entries.view().owner->refs.load() == 1);
    REQUIRE(log.open(conform::storage_owner, {&box}));
    log.load({{1}, {1}, {2}, 1000});
    std::vector<event> arrived;
    REQUIRE(box.drain(arrived));
    CHECK(std::get<loaded>(arrived.at(0)).entries.at(0).view().count == 2);
}
