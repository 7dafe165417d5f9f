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
