// The WAL as a storage, on a disk without faults: what is persisted comes back, in order, and
// nothing else.

#include "support/wal_fixture.hpp"

#include <doctest/doctest.h>

using namespace wal_test;

TEST_CASE("a new directory gets a log and an identity, and opens again as its own") {
    sim_disk disk(1);
    u64 incarnation = 0;
    {
        process node(disk);
        auto found = node.open();
        REQUIRE(found);
        CHECK_FALSE(found->found);
        CHECK(found->last == log_id{});
        incarnation = found->self.incarnation;
        CHECK((incarnation >> 16) > 0);
        CHECK((incarnation & 0xffff) == 0);
    }
    CHECK(disk.durable("/data/node.identity"));
    CHECK(disk.durable(wal_path(1)));
    process node(disk);
    auto found = node.open();
    REQUIRE(found);
    CHECK(found->self.incarnation == incarnation);
    CHECK(found->self.cluster == who.cluster);
}

TEST_CASE("what was persisted is there after a restart: entries, vote, fence, peers, base") {
    sim_disk disk(1);
    process first(disk);
    REQUIRE(first.open());
    for (const step& each : {vote(1, 2), append(1, 1, 3), membership(4, 1), append(5, 2, 2),
                             peers(2), fence(2), append(6, 3, 4), compact(3, 1)}) {
        CHECK_FALSE(first.run(each).status);
    }
    CHECK(first.wal().persist({}).upto == ticket{7});
    disk.process_crash();
    process second(disk);
    auto found = second.open();
    REQUIRE(found);
    REQUIRE_FALSE(found->found);
    CHECK(found->base.at == log_id{{3}, {1}});
    CHECK(found->base.members == members_of({1, 2, 5}));
    CHECK(found->last == log_id{{9}, {3}});
    CHECK(found->term_runs == std::vector<log_id>{{{4}, {1}}, {{5}, {2}}, {{6}, {3}}});
    REQUIRE(found->members.size() == 1);
    CHECK(found->members[0].index == index_t{4});
    CHECK(found->fence);
    const auto seen = second.read_back(*found);
    REQUIRE(seen);
    CHECK(seen->same(first.model));
}

TEST_CASE("one turn costs one write and one sync, however many batches it holds") {
    sim_disk disk(1);
    process node(disk);
    REQUIRE(node.open());
    node.run(append(1, 1));
    const u64 writes = disk.count(disk_call::write), syncs = disk.count(disk_call::sync);
    for (u64 index = 2; index < 40; ++index) node.ask(append(index, 1));
    CHECK(disk.count(disk_call::write) == writes);
    const persisted done = node.commit();
    CHECK(done.upto == ticket{39});
    CHECK(disk.count(disk_call::sync) == syncs + 1);
    CHECK(disk.count(disk_call::write) == writes + 1);  // the frame; nobody waits for its mark
    node.wal().tick(node.now);
    CHECK(disk.count(disk_call::write) == writes + 2);
    node.ask(append(40, 1));
    node.commit();
    node.ask(append(41, 1));
    node.wal().tick(node.now);  // a frame is about to come: no mark
    CHECK(disk.count(disk_call::write) == writes + 3);
}

TEST_CASE("a mark that can't be written is the end of the log, and is told at once") {
    sim_disk disk(1);
    process node(disk);
    REQUIRE(node.open());
    node.settle();
    node.ask(append(1, 1));
    REQUIRE_FALSE(node.commit().status);
    disk.fail(disk_call::write, 1, 5);
    CHECK(node.wal().tick(node.now) <= node.now);
    const persisted told = node.wal().flush();
    CHECK(told.upto == ticket{1});
    CHECK(told.status.code == errc::io);
    CHECK(node.wal().tick(node.now) == never);
}

TEST_CASE("a batch that changes nothing but the commit hint is not written") {
    sim_disk disk(1);
    process node(disk);
    REQUIRE(node.open());
    node.run(append(1, 1));
    const u64 writes = disk.count(disk_call::write);
    hard_state hint = node.model.hard;
    hint.commit_hint = {1};
    persist_batch batch;
    batch.id = {2};
    batch.hard = &hint;
    node.wal().persist(batch);
    CHECK(node.commit().upto == ticket{2});
    CHECK(disk.count(disk_call::write) == writes);
}

// known bug 33
TEST_CASE("the commit hint of a rotation comes back, and is never above the last entry") {
    sim_disk disk(1);
    {
        process node(disk);
        REQUIRE(node.open());
        node.run(append(1, 1, 4, 2000));
        hard_state hint = node.model.hard;
        hint.commit_hint = {3};
        persist_batch batch;
        batch.id = {9};
        batch.hard = &hint;
        node.wal().persist(batch);
        node.commit();
        node.next_ticket = 9;
        node.model.hard = hint;
        node.run(append(5, 1, 4, 2000));
        REQUIRE(disk.exists(wal_path(2)));
    }
    process node(disk);
    auto found = node.open();
    REQUIRE(found);
    CHECK(found->hard.commit_hint == index_t{3});
    CHECK(found->hard.commit_hint <= found->last.index);
}

TEST_CASE("a caller that never flushes has every batch made durable at once") {
    sim_disk disk(1);
    basic_wal<sim_files, inline_runner> log(small_options(), disk.files());
    mailbox box;
    REQUIRE(log.open(who, {&box}));
    const hard_state hard{{1}, {}, {}};
    persist_batch batch{{1}, &hard, nullptr, nullptr, nullptr, {}};
    CHECK(log.persist(batch).upto == ticket{1});
    CHECK(log.flush().upto == ticket{1});
    batch.id = {2};
    const hard_state next{{2}, {}, {}};
    batch.hard = &next;
    CHECK(log.persist(batch).upto == ticket{1});  // now it waits for the end of the turn
    CHECK(log.flush().upto == ticket{2});
}

TEST_CASE("log_bytes is the sum of the sizes of the wal files") {
    sim_disk disk(1);
    process node(disk);
    REQUIRE(node.open());
    u64 index = 1;
    for (const std::size_t payload : {100u, 2000u, 2000u, 20'000u, 100u}) {
        const persisted done = node.run(append(index, 1, 4, payload));
        index += 4;
        u64 bytes = 0;
        for (const std::string& path : disk.paths()) {
            if (path.find("/wal-") != std::string::npos) bytes += disk.content(path).size();
        }
        CHECK(done.log_bytes == bytes);
    }
    const u64 before = node.commit().log_bytes;
    CHECK(node.run(compact(index - 1, 1)).log_bytes < before);
}

TEST_CASE("compaction retires what it may, and spares are used again") {
    sim_disk disk(1);
    process node(disk);
    REQUIRE(node.open());
    node.settle();
    u64 index = 1;
    for (int round = 0; round < 20; ++round) {
        REQUIRE_FALSE(node.run(append(index, 1, 4, 2000)).status);
        index += 4;
        REQUIRE_FALSE(node.run(compact(index - 2, 1)).status);
        node.settle();
        CHECK(disk.paths().size() <= 8);  // identity, lock, two or three segments, spares
    }
    CHECK(RAFTKIT_MARK_HITS(wal_retired_segment) > 10);
    const loaded left = node.load(index - 1, index - 1);
    CHECK_FALSE(left.status);
    CHECK(node.load(index - 2, index - 1).status.code == errc::compacted);
}

TEST_CASE("a failed write is the end: nothing is acknowledged behind it") {
    for (const disk_call kind : {disk_call::write, disk_call::sync}) {
        sim_disk disk(1);
        process node(disk);
        REQUIRE(node.open());
        REQUIRE(node.run(append(1, 1)).upto == ticket{1});
        disk.fail(kind, 1, 5);
        const persisted failed = node.run(append(2, 1));
        CHECK(failed.upto == ticket{1});
        CHECK(failed.status.code == errc::io);
        // The disk works again; the log does not believe it (scenario I128).
        const persisted later = node.run(append(2, 1));
        CHECK(later.upto == ticket{1});
        CHECK(later.status.code == errc::io);
        CHECK(node.wal().persist({}).status.code == errc::io);
    }
}

TEST_CASE("a failed write of the peer book is the end as well") {
    sim_disk disk(1);
    process node(disk);
    REQUIRE(node.open());
    disk.fail(disk_call::rename, 1, 5);
    const persisted failed = node.run(peers(2));
    CHECK(failed.status.code == errc::io);
    CHECK(failed.upto == ticket{});
}

TEST_CASE("a bad sector under a load is an error, never a wrong entry") {
    sim_disk disk(1);
    process node(disk);
    REQUIRE(node.open());
    node.run(append(1, 1, 2, 600));
    node.run(append(3, 1, 2, 600));
    const std::vector<std::byte> bytes = disk.content(wal_path(1));
    u64 damaged = 0;
    for (u64 offset = 4096; offset < 4096 + 6 * 512; offset += 64) {
        REQUIRE(disk.flip_bits(wal_path(1), offset + 5));
        for (u64 index = 1; index <= 4; ++index) {
            const loaded got = node.load(index, index);
            if (got.status) {
                CHECK(got.status.code == errc::corrupt);
                ++damaged;
                continue;
            }
            log_model seen;
            seen.append(got.entries[0].view());
            CHECK(seen.entries[0] == node.model.entries[index - 1]);
        }
        REQUIRE(disk.flip_bits(wal_path(1), offset + 5));
    }
    CHECK(damaged > 20);
    disk.fail(disk_call::read, 1, 5);
    CHECK(node.load(1, 4).status.code == errc::io);
    CHECK_FALSE(node.load(1, 4).status);  // a read that failed is not the end of the log
}

TEST_CASE("a load sees what was enqueued before it, and not what was superseded") {
    sim_disk disk(1);
    process node(disk);
    REQUIRE(node.open());
    node.ask(append(1, 1, 5));
    node.ask(append(4, 2, 1));
    const loaded got = node.load(1, 9);
    REQUIRE(got.entries.size() == 2);
    CHECK(got.entries[0].view().count == 3);
    CHECK(got.entries[1].view().term == term_t{2});
}

TEST_CASE("a batch larger than a segment goes into one of its own, which is not kept as a spare") {
    sim_disk disk(1);
    process node(disk);
    REQUIRE(node.open());
    node.settle();
    const u64 oversize = RAFTKIT_MARK_HITS(wal_frame_oversize);
    REQUIRE_FALSE(node.run(append(1, 1, 3, 30'000)).status);
    CHECK(RAFTKIT_MARK_HITS(wal_frame_oversize) == oversize + 1);
    CHECK(disk.content(wal_path(2)).size() > 90'000);
    REQUIRE_FALSE(node.run(append(4, 1, 1, 8000)).status);
    REQUIRE_FALSE(node.run(compact(3, 1)).status);
    node.settle();
    for (const std::string& path : disk.paths()) CHECK(disk.content(path).size() <= 16384);
}

TEST_CASE("more runs than one write takes become several frames") {
    sim_disk disk(1);
    process node(disk);
    wal_options options = small_options();
    options.segment_bytes = 1u << 20;
    process large(disk, options);
    REQUIRE(large.open());
    for (u64 index = 1; index <= 1500; ++index) large.ask(append(index, 1, 1, 8));
    CHECK(large.commit().upto == ticket{1500});
    const loaded got = large.load(1, 1500);
    CHECK_FALSE(got.status);
    CHECK(got.entries[0].view().count == 1500);
}

TEST_CASE("an idle second syncs the mark, once") {
    sim_disk disk(1);
    process node(disk);
    REQUIRE(node.open());
    node.settle();
    node.run(append(1, 1));
    node.commit();
    const u64 syncs = disk.count(disk_call::sync);
    const instant written = node.now;
    CHECK(node.wal().tick(written + milliseconds(900)) == written + seconds(1));
    CHECK(disk.count(disk_call::sync) == syncs);
    CHECK(node.wal().tick(written + seconds(1)) == never);
    CHECK(disk.count(disk_call::sync) == syncs + 1);
    node.wal().tick(written + seconds(5));
    CHECK(disk.count(disk_call::sync) == syncs + 1);
}

TEST_CASE("without waiting for the disk a power cut leaves a torn log, not a damaged one") {
    for (u64 seed = 1; seed < 40; ++seed) {
        sim_disk disk(seed);
        wal_options options = small_options();
        options.sync = wal_sync::none_unsafe;
        {
            process node(disk, options);
            REQUIRE(node.open());
            for (u64 index = 1; index < 30; ++index) node.run(append(index, 1, 1, 900));
            disk.power_cut({500'000, 0});
        }
        process node(disk, options);
        const auto found = node.open();
        REQUIRE(found);
        CHECK_FALSE(found->found);
    }
}

TEST_CASE("a directory is used by one process at a time") {
    sim_disk disk(1);
    process node(disk);
    REQUIRE(node.open());
    process second(disk);
    const auto found = second.open();
    CHECK(found.why().code == errc::busy);
    CHECK(std::string(found.why().where).find("node.lock") == 0);
}

TEST_CASE("a new directory needs to be told whose it is") {
    sim_disk disk(1);
    basic_wal<sim_files, inline_runner> log(small_options(), disk.files());
    mailbox box;
    CHECK(log.stored_identity().why().code == errc::not_found);
    CHECK(log.open({0, 1, {3}, 0}, {&box}).why().code == errc::invalid_option);
    {
        basic_wal<sim_files, inline_runner> named(small_options(), disk.files());
        REQUIRE(named.open(who, {&box}));
    }
    // Afterwards the stored cluster is used.
    REQUIRE(log.stored_identity());
    CHECK(log.stored_identity()->cluster == who.cluster);
    const auto found = log.open({0, 1, {3}, 0}, {&box});
    REQUIRE(found);
    CHECK(found->self.cluster == who.cluster);
}
