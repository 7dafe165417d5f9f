// Nodes whose machine works late, as on a thread of its own: what waits in its queue meanwhile.

#include <doctest/doctest.h>

#include <node/support/cluster.hpp>

using namespace node_tests;

namespace {

using late_cluster = basic_cluster<gated_policies>;

snapshot_id save(late_cluster& c, u64 id) {
    asked<snapshot_ticket> ticket;
    c.node(id).snapshot_now(ticket);
    REQUIRE(c.run_until([&] { return ticket.done(); }));
    REQUIRE(ticket.ok());
    return ticket.id;
}

}  // namespace

TEST_CASE("an install waits for a busy machine, and a later leader's follows it") {
    late_cluster c(3);
    c.start_all();
    const u64 first = c.elect();
    c.run(milliseconds(300));
    const u64 slow = first % 3 + 1, second = slow % 3 + 1;
    c.crash(slow);
    for (u32 k = 0; k < 60; ++k) REQUIRE(c.set(k, k).code == errc::ok);
    const snapshot_id older_one = save(c, first);
    for (u32 k = 0; k < 60; ++k) REQUIRE(c.set(k, k + 1).code == errc::ok);
    REQUIRE(c.run_until([&] { return c.status(second).applied == c.status(first).applied; }));
    const snapshot_id newer_one = save(c, second);
    REQUIRE(older(older_one, newer_one));
    c.run(milliseconds(50));

    REQUIRE(c.start(slow));
    c.at(slow).gate.closed = true;  // the machine is busy from here on
    REQUIRE(c.run_until([&] { return c.status(slow).installing; }));
    c.run(milliseconds(900));
    CHECK(c.status(slow).snapshots_kept == 1);  // stored, and on its way to the machine
    CHECK(c.status(slow).newest_snapshot.at.index == index_t{});
    c.cut_off(first);  // a new leader offers another one
    REQUIRE(c.run_until([&] { return c.status(second).role == role_kind::leader; }));
    c.run(seconds(2));
    CHECK(c.status(slow).applied < older_one.at.index);
    c.at(slow).gate.open();
    CHECK(c.run_until([&] { return c.status(slow).applied >= newer_one.at.index; }));
    REQUIRE(c.run_until([&] { return c.leader() == second; }));
    CHECK(c.set(7, 777).code == errc::ok);
    REQUIRE(c.run_until([&] { return c.status(slow).applied == c.status(second).applied; }));
    CHECK(c.node(slow).machine().digest() == c.node(second).machine().digest());
    CHECK(c.at(slow).heard.restored == 2);
}

TEST_CASE(
    "while a machine is busy its node votes, acknowledges and answers what needs no machine") {
    late_cluster c(3);
    c.start_all();
    const u64 leader = c.elect();
    REQUIRE(c.set(1, 1).code == errc::ok);
    c.at(leader).gate.closed = true;
    set_command wish(2, 2);
    asked<operation> read;
    read.deadline = c.now + milliseconds(300);
    c.node(leader).propose(wish);
    c.node(leader).read(read);
    c.run(seconds(3));
    CHECK(c.leader() == leader);
    CHECK(c.status(leader).commit > c.status(leader).applied);
    for (u64 id = 1; id <= 3; ++id) {
        if (id != leader) CHECK(c.values(id).at(2) == 2);
    }
    CHECK_FALSE(wish.done());
    c.at(leader).gate.open();
    c.run(milliseconds(10));
    CHECK(wish.ok());
    CHECK(read.ends == 1);
    CHECK(c.values(leader).at(2) == 2);
}
