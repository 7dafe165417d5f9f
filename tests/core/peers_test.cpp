// Whom a node knows, what it promised them, and what waits for its disk: bounds and lifetimes.

#include <doctest/doctest.h>

#include <support/lone_core.hpp>

using namespace lone_tests;

TEST_CASE("while the disk stalls the messages that wait for it are bounded, the newest stay") {
    lone voter(joined(5));
    voter.node.advance({});
    vote_request asked;
    asked.term = {1};
    asked.round = 7;
    voter.node.receive({{3}, 0, asked});
    for (asked.round = 1; asked.round <= 1000; ++asked.round) voter.node.receive({{2}, 0, asked});
    voter.turn();  // the disk answers at last
    CHECK(voter.sent.size() <= 4 * peers_max);
    u64 newest = 0;
    bool other = false;
    for (const envelope& each : voter.sent) {
        const auto& reply = *std::get_if<vote_reply>(&each.body);
        if (each.peer == node_id{2}) newest = std::max(newest, reply.round);
        other |= each.peer == node_id{3} && reply.granted;
    }
    CHECK(newest == 1000);
    CHECK(other);  // who floods displaces his own
}

TEST_CASE("a flood of strangers leaves the members in the book, and new members a place") {
    lone voter(joined(3), {}, 1u << 16);
    voter.node.advance({});
    const introduce here;
    voter.hear(2, here, 2u << 16);
    for (u64 id = 100; id < 1100; ++id) {
        voter.hear(id, here, id << 16);
        REQUIRE(voter.node.peers().incarnations.size() <= 2 * peers_max);
    }
    voter.hear(3, here, 3u << 16);
    const peer_book& book = voter.node.peers();
    CHECK(book.find({2}) == 2u << 16);
    CHECK(book.find({3}) == 3u << 16);
    CHECK(book.find({1099}) == u64{1099} << 16);  // the oldest strangers went
    CHECK(book.find({100}) == 0);
    const u64 refused = voter.node.status().rejected;
    voter.hear(3, here, 9u << 16);  // another directory of a member
    CHECK(voter.node.status().rejected == refused + 1);
}

TEST_CASE("a leader and a candidate that was voted for are not crowded out of the book") {
    lone voter(core::recovered{}, {}, 1u << 16);  // knows no configuration yet
    voter.node.advance({});
    vote_request asked;
    asked.term = {1};
    voter.hear(50, asked, 50u << 16);
    voter.hear(60, append_of(1, {}, {}, 0), 60u << 16);
    for (u64 id = 100; id < 300; ++id) voter.hear(id, introduce{}, id << 16);
    CHECK(voter.node.peers().find({60}) == 60u << 16);
    CHECK((voter.node.status().voted_for != node_id{50} ||
           voter.node.peers().find({50}) == 50u << 16));
}

TEST_CASE("the first change names the directories of bootstrap members, later ones keep them") {
    lone leader(joined(1), {}, 1u << 16);
    leader.win_alone();
    leader.hear(9, introduce{}, 9u << 16);  // an old namesake of the member to come
    configuration next = leader.node.members();
    member learner;
    learner.id = {9};
    learner.role = member_role::learner;
    next.members.push_back(learner);
    CHECK(leader.node.change_members(leader.node.members()).why().code == errc::invalid_change);
    REQUIRE(leader.node.change_members(next));
    leader.turn();
    const configuration& named = leader.node.members();
    REQUIRE_FALSE(named.joint);
    CHECK(named.find({1})->incarnation == 1u << 16);
    CHECK(named.find({9})->incarnation == 0);
    leader.hear(9, introduce{}, 10u << 16);  // who is added is bound by what he says first
    CHECK(leader.node.peers().find({9}) == 10u << 16);
}

TEST_CASE("bootstrap members that a leader heard are named by its first change") {
    lone leader(joined(2), {}, 1u << 16);
    win_with_one_vote(leader, 2u << 16);
    append_reply stored;
    stored.term = leader.node.term();
    stored.match = {1};
    leader.hear(2, stored, 2u << 16);
    configuration next = leader.node.members();
    next.members[1].address = "elsewhere:1";
    REQUIRE(leader.node.change_members(next));
    CHECK(leader.node.members().find({2})->incarnation == 2u << 16);
}

TEST_CASE("a member that comes back with another directory is bound to it by its configuration") {
    core::recovered found = joined(3);
    found.hard.term = {1};
    lone follower(std::move(found), {}, 1u << 16);
    follower.node.advance({});
    follower.hear(3, introduce{}, 3u << 16);
    // Removed and added again while we heard nothing: both commits arrive at once.
    const configuration two = voters(2);
    configuration again = voters(3);
    again.members[2].incarnation = 33u << 16;
    const run removed = entries_of(follower.pool, 1, 1, 1, &two);
    const run added = entries_of(follower.pool, 2, 2, 1, &again);
    follower.hear(2, append_of(1, {}, removed.view(), 0), 2u << 16);
    follower.hear(2, append_of(1, {{1}, {1}}, added.view(), 2), 2u << 16);
    CHECK(follower.node.peers().find({3}) == 0);
    follower.hear(3, introduce{}, 33u << 16);
    CHECK(follower.node.peers().find({3}) == 33u << 16);
}

TEST_CASE(
    "a longer timeout of a leader alone does not lengthen its lease, nor a shorter one a promise") {
    core::options numbers;
    numbers.lease_reads = true;
    lone leader(joined(2), numbers);
    win_with_one_vote(leader);
    const instant sent = leader.node.deadline();  // a round, which the other one answers
    leader.node.advance(sent);
    leader.turn();
    append_reply stored;
    stored.term = leader.node.term();
    stored.match = {1};
    stored.read_round = leader.last_sent<append_request>()->read_round;
    leader.hear(2, stored);
    core::options longer = numbers;
    longer.election_timeout_min = seconds(5);
    longer.election_timeout_max = seconds(9);
    REQUIRE(leader.node.reconfigure(longer));
    const auto served_at_once = [&](instant when, u64 id) {
        leader.node.date(when);
        REQUIRE(leader.node.read({id}, true));
        return (leader.node.take_effects().has & effects::reading) != 0;
    };
    CHECK(served_at_once(sent + milliseconds(900), 1));
    CHECK_FALSE(served_at_once(sent + milliseconds(960), 2));

    lone follower(joined(3), numbers);
    follower.node.advance({});
    const instant heard{seconds(5).ns};
    follower.node.date(heard);
    follower.hear(2, append_of(1, {}, {}, 0));
    core::options shorter = numbers;
    shorter.election_timeout_min = milliseconds(500);
    REQUIRE(follower.node.reconfigure(shorter));
    vote_request asked;
    asked.term = {2};
    follower.node.date(heard + milliseconds(900));
    follower.hear(3, asked);
    CHECK_FALSE(follower.last_sent<vote_reply>()->granted);
    follower.node.date(heard + milliseconds(1001));
    follower.hear(3, asked);
    CHECK(follower.last_sent<vote_reply>()->granted);
}
