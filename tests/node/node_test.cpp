// A node among others: three of them on one thread, in virtual time.

#include <doctest/doctest.h>

#include <node/support/cluster.hpp>

using namespace node_tests;

namespace {

// Node 4 belongs to the cluster of the others, and waits to be added.
void three_and_a_newcomer(node_options& each) {
    each.bootstrap = voters({1, 2, 3});
    if (each.who.self.value != 4) return;
    each.who.cluster = cluster_id_of("", *each.bootstrap);
    each.bootstrap.reset();
}

}  // namespace

TEST_CASE("three nodes elect a leader and apply what it proposes") {
    cluster c(3);
    c.start_all();
    c.elect();
    CHECK(c.set(7, 70).code == errc::ok);
    c.run(milliseconds(300));
    for (u64 id : {1U, 2U, 3U}) {
        CHECK(c.values(id).at(7) == 70);
        CHECK(c.status(id).phase == node_phase::serving);
        CHECK(c.status(id).applied == c.status(id).commit);
    }
}

TEST_CASE("a proposal on the loop thread ends after the call, never inside it") {
    cluster c(1);
    c.start_all();
    c.elect();
    set_command wish(1, 2);
    c.node(1).propose(wish.command, static_cast<operation&>(wish));
    CHECK_FALSE(wish.done());
    c.poll();
    CHECK(wish.ok());
    asked<proposal> refused;
    refused.deadline = c.now - milliseconds(1);
    c.node(1).propose(wish.command, static_cast<operation&>(refused));
    CHECK_FALSE(refused.done());
    c.poll();
    CHECK(refused.how.code == errc::busy);  // never begun: certainly not done
}

TEST_CASE("a follower refuses a proposal and names the leader") {
    cluster c(3);
    c.start_all();
    const u64 leader = c.elect();
    c.run(milliseconds(200));
    set_command wish(1, 1);
    c.node(c.follower()).propose(wish);
    CHECK(c.run_until([&] { return wish.done(); }));
    CHECK(wish.how.code == errc::not_leader);
    CHECK(wish.how.detail == leader);
    CHECK(outcome_of(wish.how.code) == outcome::not_done);
}

TEST_CASE("a read sees what was done before it, and only a leader serves it") {
    cluster c(3);
    c.start_all();
    const u64 leader = c.elect();
    REQUIRE(c.set(3, 33).code == errc::ok);
    asked<operation> here, there, stale;
    c.node(leader).read(here);
    c.node(c.follower()).read(there);
    c.node(c.follower()).read_stale(stale);
    CHECK(c.run_until([&] { return here.done() && there.done() && stale.done(); }));
    CHECK(here.ok());
    CHECK(there.how.code == errc::not_leader);
    CHECK(there.how.detail == leader);
    CHECK(stale.ok());
    CHECK(c.values(leader).at(3) == 33);
}

TEST_CASE("a confirmed read that waits for the machine keeps its deadline, a stale one waits not") {
    cluster c(3);
    c.start_all();
    const u64 leader = c.elect();
    c.at(leader).disk.late = true;  // the others commit what this one may not apply yet
    set_command wish(1, 1);
    c.node(leader).propose(wish);
    REQUIRE(c.run_until([&] { return c.status(leader).commit > c.status(leader).applied; }));
    asked<operation> late, patient, given_up, stale;
    late.deadline = c.now + milliseconds(300);
    c.node(leader).read(late);
    c.node(leader).read(patient);
    c.node(leader).read(given_up);
    c.run(milliseconds(250));
    CHECK_FALSE(late.done());
    c.node(leader).read_stale(stale);
    c.poll();
    CHECK(stale.ok());
    c.run(milliseconds(60));
    CHECK(late.how.code == errc::timed_out);
    c.node(leader).cancel(given_up);
    c.poll();
    CHECK(given_up.how.code == errc::cancelled);
    CHECK_FALSE(patient.done());
    c.node(leader).storage().release();
    c.poll();
    CHECK(patient.ok());
    CHECK(late.ends + given_up.ends + stale.ends == 3);
}

TEST_CASE("a proposal that reaches nobody ends unknown by its deadline, a read without effect") {
    cluster c(3);
    c.start_all();
    const u64 leader = c.elect();
    c.cut_off(leader);
    set_command wish(1, 1);
    asked<operation> read;
    wish.deadline = read.deadline = c.now + milliseconds(400);
    c.node(leader).propose(wish);
    c.node(leader).read(read);
    CHECK(c.run_until([&] { return wish.done() && read.done(); }, milliseconds(500)));
    CHECK(wish.how.code == errc::outcome_unknown);
    CHECK(wish.how.detail == u64(errc::timed_out));
    CHECK(read.how.code == errc::timed_out);
    CHECK(c.status(leader).operations == 0);
}

TEST_CASE("cancelled operations end soon: a proposal unknown, a wait cancelled") {
    cluster c(3);
    c.start_all();
    const u64 leader = c.elect();
    c.cut_off(leader);
    set_command wish(1, 1);
    asked<applied_wait> wait;
    wait.at = {1'000};
    c.node(leader).propose(wish);
    c.node(leader).wait_applied(wait);
    c.poll();
    CHECK_FALSE(wish.done());
    c.node(leader).cancel(wish);
    c.node(leader).cancel(wait);
    c.poll();
    CHECK(wish.how.code == errc::outcome_unknown);
    CHECK(wish.how.detail == u64(errc::cancelled));
    CHECK(wait.how.code == errc::cancelled);
}

TEST_CASE("a deposed leader's proposal ends leader_changed when another entry is applied there") {
    cluster c(3);
    c.start_all();
    const u64 old_leader = c.elect();
    c.run(milliseconds(200));
    c.cut_off(old_leader);
    set_command lost(1, 1);
    c.node(old_leader).propose(lost);
    c.poll();
    REQUIRE(c.run_until([&] { return c.leader() != 0 && c.leader() != old_leader; }));
    CHECK_FALSE(lost.done());
    CHECK(c.set(2, 2).code == errc::ok);
    c.cut_off(old_leader, false);
    CHECK(c.run_until([&] { return lost.done(); }));
    CHECK(lost.ends == 1);
    CHECK(lost.how.code == errc::leader_changed);
    CHECK(c.values(old_leader).count(1) == 0);
}

TEST_CASE("a proposal whose leader is deposed is done if its entry survives") {
    cluster c(3);
    c.start_all();
    const u64 old_leader = c.elect();
    c.run(milliseconds(200));
    // What the leader sends arrives; what its followers answer does not.
    for (u64 id : {1U, 2U, 3U}) {
        if (id != old_leader) c.hub.cut({id}, {old_leader});
    }
    set_command kept(5, 55);
    c.node(old_leader).propose(kept);
    c.run(milliseconds(50));
    CHECK_FALSE(kept.done());
    c.cut_off(old_leader);
    REQUIRE(c.run_until([&] { return c.leader() != 0 && c.leader() != old_leader; }));
    c.cut_off(old_leader, false);
    CHECK(c.run_until([&] { return kept.done(); }));
    CHECK(kept.ok());
}

TEST_CASE("with unknown_now a lost leadership ends what waits at once") {
    cluster c(3,
              [](node_options& each) { each.on_leadership_lost = lost_leadership::unknown_now; });
    c.start_all();
    const u64 leader = c.elect();
    c.cut_off(leader);
    set_command wish(1, 1);
    c.node(leader).propose(wish);
    CHECK(c.run_until([&] { return wish.done(); }));
    CHECK(wish.how.code == errc::outcome_unknown);
    CHECK(wish.how.detail == u64(errc::not_leader));
}

TEST_CASE("leadership is handed to the member that is named, with the term as fencing token") {
    cluster c(3);
    c.start_all();
    const u64 leader = c.elect();
    c.run(milliseconds(200));
    const u64 heir = c.follower();
    const term_t before = c.status(leader).term;
    asked<leadership_transfer> hand_over;
    hand_over.to = {heir};
    c.node(leader).transfer(hand_over);
    CHECK(c.run_until([&] { return hand_over.done() && c.leader() == heir; }));
    CHECK(hand_over.how.code == errc::ok);
    REQUIRE_FALSE(c.at(heir).heard.roles.empty());
    CHECK(c.at(heir).heard.roles.back().role == role_kind::leader);
    CHECK(c.at(heir).heard.roles.back().term > before);
    asked<leadership_transfer> nowhere;
    nowhere.to = {99};
    c.node(heir).transfer(nowhere);
    c.poll();
    CHECK(nowhere.how.code == errc::not_member);
}

TEST_CASE("a member is added as a learner, promoted and removed") {
    cluster c(4, three_and_a_newcomer);
    c.start_all();
    u64 leader = c.elect();
    asked<membership_change> add, promote, remove;
    add.next = voters({1, 2, 3, 4});
    add.next.members[3].role = member_role::learner;
    c.node(leader).change_members(add);
    CHECK(c.run_until([&] { return add.done(); }));
    CHECK(add.ok());
    // The leader names the newcomer's directory by a change of its own, right behind.
    CHECK(c.run_until([&] { return !c.node(leader).members()->joint; }));
    REQUIRE(c.set(1, 11).code == errc::ok);
    REQUIRE(c.run_until([&] { return c.status(4).applied >= c.status(leader).commit; }));
    CHECK(c.values(4).at(1) == 11);

    promote.next = voters({1, 2, 3, 4});
    c.node(leader).change_members(promote);
    CHECK(c.run_until([&] { return promote.done(); }));
    CHECK(promote.ok());
    CHECK(c.node(leader).members()->votes({4}));

    remove.next = voters({1, 2, 3, 4});
    std::erase_if(remove.next.members, [&](const member& each) { return each.id.value == leader; });
    c.node(leader).change_members(remove);
    CHECK(c.run_until([&] { return remove.done(); }));
    CHECK(remove.ok());
    CHECK(c.run_until([&] { return c.leader() != 0 && c.leader() != leader; }));
    CHECK(c.node(c.leader()).members()->find({leader}) == nullptr);
}

TEST_CASE("a removed member comes back with a new directory that nobody named") {
    cluster c(4, three_and_a_newcomer);
    c.start_all();
    const u64 leader = c.elect();
    const auto change = [&](const configuration& next) {
        asked<membership_change> wish;
        wish.next = next;
        for (;;) {
            c.node(leader).change_members(wish);
            REQUIRE(c.run_until([&] { return wish.done(); }));
            if (wish.how.code != errc::change_in_progress) return wish.how;
            wish.ends = 0;
            c.run(milliseconds(10));
        }
    };
    configuration four = voters({1, 2, 3, 4});
    four.members[3].role = member_role::learner;
    REQUIRE(change(four).code == errc::ok);
    const auto named = [&] {
        const member* it = c.node(leader).members()->find({4});
        return it != nullptr && it->incarnation != 0;
    };
    REQUIRE(c.run_until(named));
    CHECK(c.node(leader).members()->find({1})->incarnation == 0x80000);  // of a bootstrap list, too
    REQUIRE(change(voters({1, 2, 3})).code == errc::ok);
    c.run(milliseconds(100));
    c.crash(4);
    for (u64 id = 1; id <= 3; ++id) {
        // The leader may still have heard it, as a stranger, while it learned of its removal.
        if (id != leader) CHECK(c.node(id).transport().known.count(4) == 0);
        CHECK(c.node(id).transport().known.count(id % 3 + 1) == 1);
    }

    c.at(4).disk = plain_disk{};
    c.at(4).disk.drawn = 99;
    REQUIRE(change(four).code == errc::ok);
    REQUIRE(c.start(4).why().code == errc::ok);
    REQUIRE(c.set(1, 11).code == errc::ok);
    REQUIRE(c.run_until([&] { return c.status(4).applied >= c.status(leader).commit; }));
    CHECK(c.values(4).at(1) == 11);
    REQUIRE(c.run_until(named));
    CHECK(c.node(leader).members()->find({4})->incarnation == 103u << 16);
    c.run(milliseconds(100));
    for (u64 id = 1; id <= 3; ++id) CHECK(c.node(id).transport().known.at(4) == 103u << 16);
    four.members[3].role = member_role::voter;
    CHECK(change(four).code == errc::ok);
}

TEST_CASE("waits end when their index is applied, and when the node serves") {
    cluster c(1);
    c.start_all();
    asked<operation> serving;
    c.node(1).when_serving(serving);
    c.elect();
    c.poll();
    CHECK(serving.ok());
    asked<applied_wait> wait;
    wait.at = {c.status(1).applied.value + 3};
    c.node(1).wait_applied(wait);
    for (u32 i = 0; i < 3; ++i) {
        CHECK_FALSE(wait.done());
        CHECK(c.set(i, i).code == errc::ok);
    }
    c.poll();
    CHECK(wait.ok());
}

TEST_CASE("more operations than operations_max are refused as busy") {
    cluster c(3, [](node_options& each) { each.operations_max = 4; });
    c.start_all();
    const u64 leader = c.elect();
    c.cut_off(leader);
    std::vector<std::unique_ptr<set_command>> wishes;
    for (u32 i = 0; i < 6; ++i) {
        wishes.push_back(std::make_unique<set_command>(i, i));
        c.node(leader).propose(*wishes.back());
    }
    c.poll();
    for (u32 i = 0; i < 4; ++i) CHECK_FALSE(wishes[i]->done());
    for (u32 i = 4; i < 6; ++i) CHECK(wishes[i]->how.code == errc::busy);
    c.crash(leader);
}

TEST_CASE("options change at run time, checked, except those that cannot") {
    cluster c(1);
    c.start_all();
    c.elect();
    node_options next = c.at(1).options;
    next.operations_max = 0;
    CHECK(c.node(1).reconfigure(next).why().code == errc::invalid_option);
    next.operations_max = 10;
    next.cluster_name = "other";
    CHECK(c.node(1).reconfigure(next).why().code == errc::invalid_option);
    next.cluster_name = "";
    next.command_bytes_max = 100;
    CHECK(c.at(1).disk.batches_max == next.persist_batches_max);
    next.persist_batches_max = 1;
    CHECK(c.node(1).reconfigure(next).why().code == errc::ok);
    c.poll();
    CHECK(c.at(1).disk.batches_max == 1);
    CHECK(c.node(1).options().operations_max == 10);
    const std::vector<std::byte> big(1000);
    asked<proposal> wish;
    wish.command = big;
    c.node(1).propose(wish);
    c.poll();
    CHECK(wish.how.code == errc::too_large);
}

TEST_CASE("what a large buffer proposes is applied like what is copied") {
    cluster c(1);
    c.start_all();
    c.elect();
    const auto bytes = testing::register_command(testing::register_op::set, 9, 99, 100'000);
    asked<proposal> wish;
    wish.large = buffer::copy_of(bytes, 64);
    c.node(1).propose(wish);
    c.poll();
    CHECK(wish.ok());
    CHECK(c.values(1).at(9) == 99);
}
