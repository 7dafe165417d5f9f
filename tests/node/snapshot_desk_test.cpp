// Snapshots through a whole node: saved, kept, compacted, shipped and installed, in virtual time.

#include <doctest/doctest.h>

#include <node/support/cluster.hpp>

using namespace node_tests;

namespace {

// Enough entries for the log to be compacted behind a snapshot.
void fill(cluster& c, u32 entries) {
    for (u32 i = 0; i < entries; ++i) REQUIRE(c.set(i % 50, i).code == errc::ok);
}
// A follower that is away while so many entries come.
u64 left_behind(cluster& c, u32 entries) {
    c.start_all();
    c.elect();
    c.run(milliseconds(300));
    const u64 slow = c.follower();
    c.crash(slow);
    fill(c, entries);
    return slow;
}
snapshot_id save(cluster& c, u64 id) {
    asked<snapshot_ticket> ticket;
    c.node(id).snapshot_now(ticket);
    REQUIRE(c.run_until([&] { return ticket.done(); }));
    CHECK(ticket.ok());
    return ticket.id;
}

}  // namespace

TEST_CASE("a snapshot by hand is durable when it ends, and compacts the log behind it") {
    cluster c(1);
    c.start_all();
    c.elect();
    fill(c, 100);
    asked<snapshot_ticket> ticket;
    c.node(1).snapshot_now(ticket);
    REQUIRE(c.run_until([&] { return ticket.done(); }));
    CHECK(ticket.ok());
    CHECK_FALSE(ticket.nothing_new);
    const node_status now = c.status(1);
    CHECK(ticket.id.at.index == now.applied);
    CHECK(now.newest_snapshot == ticket.id);
    CHECK(now.snapshots_saved == 1);
    CHECK(now.snapshot_bytes > 0);
    c.run(milliseconds(10));
    // With one snapshot there is nothing to fall back to behind it: trailing entries decide.
    CHECK(c.status(1).first > index_t{50});
    CHECK(c.status(1).first <= ticket.id.at.index.next());
    CHECK(c.at(1).heard.compacted_to == c.status(1).first);
    CHECK(c.at(1).heard.published == 1);

    asked<snapshot_ticket> again;
    c.node(1).snapshot_now(again);
    REQUIRE(c.run_until([&] { return again.done(); }));
    CHECK(again.ok());
    CHECK(again.nothing_new);
    CHECK(again.id == ticket.id);
}

TEST_CASE("a manifest says how long its save took") {
    cluster c(1, [](node_options& options) { options.events_per_poll = 1; });  // a step a poll
    c.start_all();
    c.elect();
    fill(c, 20);
    save(c, 1);
    const duration took = (*c.at(1).shelf.list())[0].took;
    CHECK(took >= milliseconds(1));
    CHECK(took < seconds(1));
}

TEST_CASE("requests that arrive together share one save") {
    cluster c(1);
    c.start_all();
    c.elect();
    fill(c, 5);
    asked<snapshot_ticket> first, second;
    c.node(1).snapshot_now(first);
    c.node(1).snapshot_now(second);
    REQUIRE(c.run_until([&] { return first.done() && second.done(); }));
    CHECK(first.ok());
    CHECK(second.ok());
    CHECK(first.id == second.id);
    CHECK(c.status(1).snapshots_saved == 1);
}

TEST_CASE("a follower behind the compacted log installs the leader's snapshot and goes on") {
    cluster c(3);
    const u64 slow = left_behind(c, 120);
    const u64 leader = c.leader();
    const snapshot_id made = save(c, leader);
    c.run(milliseconds(50));
    const index_t first = c.status(leader).first;
    REQUIRE(first.value > c.at(slow).disk.entries.rbegin()->first + 1);
    REQUIRE(c.start(slow).why().code == errc::ok);
    CHECK(c.run_until([&] { return c.status(slow).applied >= made.at.index; }));
    CHECK(c.set(7, 777).code == errc::ok);
    CHECK(c.run_until([&] { return c.status(slow).applied == c.status(c.leader()).applied; }));
    CHECK(c.node(slow).machine().digest() == c.node(c.leader()).machine().digest());
    CHECK(c.status(slow).snapshots_installed == 1);
    CHECK(c.at(slow).heard.restored == 1);
    CHECK(c.at(slow).disk.resets >= 2);  // its bootstrap, and the install
    CHECK(c.run_until([&] { return c.at(leader).heard.shipped == 1; }));
    // An offer says where the leader's log begins: install_rules row 8 stands on it.
    CHECK(c.at(leader).heard.offered_first == first);
    // The marker is gone: a restart finds an ordinary snapshot.
    CHECK(c.run_until([&] { return !(*c.at(slow).shelf.list())[0].meta.installing; }));

    c.crash(slow);
    REQUIRE(c.start(slow).why().code == errc::ok);
    CHECK(c.run_until([&] { return c.status(slow).phase == node_phase::serving; }));
    CHECK(c.run_until([&] { return c.status(slow).applied == c.status(c.leader()).applied; }));
    CHECK(c.node(slow).machine().digest() == c.node(c.leader()).machine().digest());
}

TEST_CASE("a small install takes as long as its messages: its pieces come with the offer") {
    cluster c(3);
    const u64 slow = left_behind(c, 60);
    save(c, c.leader());
    REQUIRE(c.start(slow));
    CHECK(c.run_until([&] { return c.at(slow).heard.restored == 1; }, milliseconds(200)));
}

TEST_CASE(
    "what waits at an index that an installed snapshot covers ends unknown or refused") {  // known
                                                                                           // bug 98
    // scenario D67; S001-30
    cluster c(3);
    c.start_all();
    const u64 old_leader = c.elect();
    c.run(milliseconds(300));
    c.cut_off(old_leader);
    set_command lost(1, 1);
    c.node(old_leader).propose(lost);
    c.poll();
    REQUIRE(c.run_until([&] { return c.leader() != 0 && c.leader() != old_leader; }));
    fill(c, 120);
    const snapshot_id made = save(c, c.leader());
    c.run(milliseconds(50));
    CHECK_FALSE(lost.done());
    c.cut_off(old_leader, false);
    CHECK(c.run_until([&] { return c.status(old_leader).applied >= made.at.index; }));
    CHECK(lost.ends == 1);
    CHECK(lost.how.code == errc::outcome_unknown);
    CHECK(lost.how.detail == u64(errc::compacted));
}

TEST_CASE("a restart restores the newest snapshot and replays what follows it") {
    // scenario D79: the digest is of the sequence that was applied, not only of the values
    cluster c(1);
    c.start_all();
    c.elect();
    fill(c, 60);
    save(c, 1);
    fill(c, 20);
    const u64 before = c.node(1).machine().digest();
    const index_t applied = c.status(1).applied;
    c.crash(1);
    c.at(1).heard = {};
    REQUIRE(c.start(1).why().code == errc::ok);
    c.elect();
    CHECK(c.run_until([&] { return c.status(1).applied > applied; }));
    CHECK(c.at(1).heard.restored == 1);
    CHECK(c.at(1).heard.phases ==
          std::vector{node_phase::restoring, node_phase::replaying, node_phase::serving});
    // The barrier of the new term is no command.
    CHECK(c.node(1).machine().digest() == before);
}

TEST_CASE("a snapshot is refused while the node does not serve, and ends when it closes") {
    cluster c(2);
    REQUIRE(c.start(1).why().code == errc::ok);
    asked<snapshot_ticket> early;
    c.node(1).snapshot_now(early);
    c.poll();
    CHECK(early.done());
    CHECK_FALSE(early.how.code == errc::ok);
}
