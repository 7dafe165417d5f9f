// What reviews of the core found: one schedule each, played against one node by hand.

#include <doctest/doctest.h>

#include <support/lone_core.hpp>

using namespace lone_tests;

namespace {

// A follower with 20 entries, 10 of them committed and none applied: it reads them back from disk,
// and installs a snapshot at 30 before they arrive.
struct overtaken : lone {
    snapshot_meta meta;

    static core::recovered twenty() {
        core::recovered found = joined(3);
        found.hard = {{1}, {}, {10}};
        found.last = {{20}, {1}};
        found.term_runs = {{{1}, {1}}};
        return found;
    }
    overtaken() : lone(twenty()) {
        node.advance({});
        turn();
        REQUIRE(loads.size() == 1);
        hear(2, append_of(1, {{20}, {1}}, {}, 10));
        meta.id = {{{30}, {1}}, 9};
        meta.members = voters(3);
        std::vector<std::byte> bytes;
        encode(meta, bytes);
        const buffer kept = buffer::copy_of(bytes);
        snapshot_offer offer;
        offer.term = {1};
        offer.id = meta.id;
        offer.meta = bytes_view::of(kept);
        hear(2, offer);
        REQUIRE(accepts == 1);
        REQUIRE(node.snapshot_received(meta));
        node.snapshot_filled(meta.id);
        turn();
        REQUIRE(restores == 1);
    }
};

}  // namespace

TEST_CASE("entries read back for the machine are not handed out past the point of no return") {
    // S001-27
    overtaken follower;
    const run read[] = {entries_of(follower.pool, 1, 5, 1)};
    follower.node.loaded(follower.loads[0].id, {}, read);
    follower.turn();
    CHECK(!follower.handed);  // known bug 38: the machine is being replaced
    follower.node.snapshot_restored(follower.meta.id);
    follower.turn();
    CHECK(follower.node.status().applied == index_t{30});
    CHECK(follower.node.status().stable == index_t{30});
}

TEST_CASE("a read for the machine that an install outran may fail") {
    overtaken follower;
    follower.node.snapshot_restored(follower.meta.id);
    follower.turn();
    follower.node.loaded(follower.loads[0].id, {errc::compacted, 0, "test"}, {});
    follower.turn();
    CHECK_FALSE(follower.node.status().stopped);  // known bug 34
    const run next = entries_of(follower.pool, 31, 31, 1);
    follower.hear(2, append_of(1, {{30}, {1}}, next.view(), 31));
    CHECK(follower.handed == index_t{31});
}

TEST_CASE("an append from below the base with a term that the base contradicts is dropped") {
    core::recovered found = joined(3);
    found.hard = {{5}, {}, {10}};
    found.base.at = {{10}, {5}};
    found.last = {{10}, {5}};
    snapshot_meta kept;
    kept.id = {{{10}, {5}}, 1};
    kept.members = voters(3);
    found.snapshot = kept;
    lone follower(std::move(found));
    follower.node.snapshot_restored(kept.id);
    follower.turn();
    const run lie = entries_of(follower.pool, 9, 12, 3);
    follower.hear(2, append_of(5, {{8}, {3}}, lie.view(), 12));
    CHECK(follower.node.status().rejected == 1);
    CHECK(follower.node.status().last == index_t{10});
    const run truth = entries_of(follower.pool, 9, 12, 5);
    follower.hear(2, append_of(5, {{8}, {3}}, truth.view(), 12));
    CHECK(follower.node.status().last == index_t{12});
}

TEST_CASE("entries that contradict committed ones neither commit nor are acknowledged") {
    // S002-24
    lone follower(overtaken::twenty());
    const run lie = entries_of(follower.pool, 8, 12, 2);
    follower.hear(2, append_of(2, {{7}, {1}}, lie.view(), 12));
    CHECK(follower.node.status().rejected == 1);
    CHECK(follower.node.status().commit == index_t{10});  // known bugs 18, 50
    follower.hear(2, append_of(2, {{7}, {1}}, {}, 0));
    REQUIRE(follower.last_sent<append_reply>());
    CHECK(follower.last_sent<append_reply>()->match == index_t{7});
}

TEST_CASE("a leader's lease outlives a higher term that somebody else tells") {
    core::options numbers;
    numbers.lease_reads = true;
    lone follower(joined(3), numbers);
    follower.node.advance({});
    const instant heard{seconds(5).ns};
    follower.node.date(heard);  // the refusals after a start are over
    follower.hear(2, append_of(1, {}, {}, 0));
    append_reply late;
    late.term = {5};
    follower.hear(3, late);
    REQUIRE(follower.node.term() == term_t{5});
    vote_request asked;
    asked.term = {6};
    follower.node.date(heard + milliseconds(900));
    follower.hear(3, asked);
    REQUIRE(follower.last_sent<vote_reply>());
    CHECK_FALSE(follower.last_sent<vote_reply>()->granted);
    follower.node.date(heard + milliseconds(1001));
    follower.hear(3, asked);
    CHECK(follower.last_sent<vote_reply>()->granted);
}

TEST_CASE("a voter that waits for a member joins when that member is removed") {
    core::recovered found;
    found.base.members = voters(3);
    lone fresh(std::move(found), {}, 5u << 16);
    fresh.node.advance({});
    introduce answer;
    answer.answer = true;
    fresh.hear(2, answer, 6u << 16);
    fresh.node.advance({milliseconds(200).ns});
    fresh.turn();
    REQUIRE_FALSE(fresh.node.status().joined);
    const configuration two = voters(2);
    const run removal = entries_of(fresh.pool, 1, 1, 1, &two);
    fresh.hear(2, append_of(1, {}, removal.view(), 0), 6u << 16);
    fresh.node.advance({milliseconds(400).ns});
    fresh.turn();
    CHECK_FALSE(fresh.node.status().joined);  // the removal is not committed
    fresh.hear(2, append_of(1, {{1}, {1}}, {}, 1), 6u << 16);
    fresh.node.advance({milliseconds(600).ns});
    fresh.turn();
    CHECK(fresh.node.status().joined);
}

TEST_CASE("a record too large to be read back is not made, whatever the options say") {
    core::options numbers;
    numbers.command_bytes_max = record_payload_max;
    lone leader(joined(1), numbers);
    leader.win_alone();
    const std::vector<std::byte> command(record_payload_max);
    CHECK(leader.node.propose(entry_kind::command, command, 1).why().code == errc::too_large);
}

TEST_CASE("one command larger than tail_bytes_max does not close the intake for good") {
    core::options numbers;
    numbers.message_bytes_max = 4096;
    numbers.inflight_bytes_max = numbers.tail_resident_bytes = numbers.tail_bytes_max = 256u << 10;
    REQUIRE(numbers.validate());
    lone leader(joined(1), numbers);
    leader.win_alone();
    const std::vector<std::byte> command(1u << 20);
    for (int round = 0; round < 3; ++round) {
        REQUIRE(leader.node.propose(entry_kind::command, command));
        CHECK(leader.node.propose(entry_kind::command, command).why().code == errc::busy);
        leader.turn();
        leader.node.applied(leader.handed);
        leader.turn();
        CHECK(leader.node.status().tail_bytes < 3u << 20);
    }
}

TEST_CASE("a transfer ends well when its target is heard as leader first") {
    lone leader(joined(2));
    win_with_one_vote(leader);
    REQUIRE(leader.node.leads());
    REQUIRE(leader.node.transfer_to({2}));
    leader.hear(2, append_of(leader.node.term().value + 1, {}, {}, 0));
    REQUIRE(leader.transfers.size() == 1);
    CHECK_FALSE(leader.transfers[0]);
    CHECK(leader.node.status().leader == node_id{2});
}

TEST_CASE("the largest promotion_lag_max promotes every learner that has introduced itself") {
    core::recovered found = joined(1);
    member learner;
    learner.id = {2};
    learner.role = member_role::learner;
    learner.incarnation = 5u << 16;
    found.base.members.members.push_back(learner);
    core::options numbers;
    numbers.promotion_lag_max = ~u64{0};
    lone leader(std::move(found), numbers);
    leader.win_alone();
    REQUIRE(leader.node.status().commit == index_t{1});
    append_reply stored;
    stored.term = leader.node.term();
    stored.match = {1};
    leader.hear(2, stored, 5u << 16);
    configuration next = leader.node.members();
    next.members[1].role = member_role::voter;
    CHECK(leader.node.change_members(next));
}

TEST_CASE("a smaller timeout does not campaign inside the promise of a larger one") {
    core::options numbers;
    numbers.lease_reads = true;
    numbers.election_timeout_min = seconds(2);
    numbers.election_timeout_max = milliseconds(2'100);
    lone voter(joined(3), numbers);
    const auto pass_to = [&](i64 ms) {  // in steps, or it would have overslept
        for (i64 at = 0; at <= ms; at += 50) {
            if (instant{at * 1'000'000} < voter.node.deadline()) continue;
            voter.node.advance({at * 1'000'000});
            voter.turn();
        }
        voter.node.date({ms * 1'000'000});
    };
    voter.node.advance({});
    voter.node.date({milliseconds(2'010).ns});
    numbers.election_timeout_min = seconds(1);
    numbers.election_timeout_max = milliseconds(1'100);
    REQUIRE(voter.node.reconfigure(numbers));
    vote_request asked;
    asked.term = {1};
    voter.hear(2, asked);  // the timer is drawn anew, from the smaller numbers
    REQUIRE(voter.last_sent<vote_reply>()->granted);
    voter.hear(2, append_of(1, {}, {}, 0));  // at 2010 ms: a promise until 4010 ms
    voter.sent.clear();
    pass_to(3'950);
    CHECK_FALSE(voter.last_sent<vote_request>());
    pass_to(5'300);
    CHECK(voter.last_sent<vote_request>());
}

TEST_CASE("who was promoted and leaves by an uncommitted entry still campaigns") {
    // Thesis 4.2.2, for a voter whom only the configurations name.
    const u64 own = 5u << 16;
    core::recovered found;
    found.base.members.members = {{{2}, member_role::voter, member_role::none, 6u << 16, {}},
                                  {{1}, member_role::voter, member_role::none, own, {}}};
    found.hard = {{1}, {}, {1}};
    found.last = {{2}, {1}};
    found.term_runs = {{{1}, {1}}};
    configuration joint = found.base.members, left;
    joint.index = {1};
    joint.joint = true;
    joint.members[0].old_role = joint.members[1].old_role = member_role::voter;
    joint.members[1].role = member_role::none;
    left.index = {2};
    left.members = {joint.members[0]};
    left.members[0].old_role = member_role::none;
    found.members = {joint, left};
    lone leaving(std::move(found), {}, own);
    leaving.node.advance({});
    leaving.node.advance(leaving.node.deadline());
    leaving.turn();
    for (int k = 0; k < 20 && !leaving.last_sent<vote_request>(); ++k) {
        leaving.node.advance(leaving.node.deadline());
        leaving.turn();
    }
    CHECK(leaving.last_sent<vote_request>());
}

TEST_CASE("a follower forgets the old directory of an id that is added again without a name") {
    lone follower(joined(3), {}, 5u << 16);
    follower.node.advance({});
    // Leads on to the end of its own removal, so that its directory stays known.
    follower.hear(4, append_of(1, {}, {}, 0), 9u << 16);
    introduce hello;
    hello.term = {1};
    follower.hear(4, hello, 11u << 16);  // another directory under the same id
    REQUIRE(follower.node.peers().find({4}) == 9u << 16);
    configuration next = voters(3);
    next.joint = true;
    for (member& each : next.members) each.old_role = member_role::voter;
    next.members.push_back({{4}, member_role::learner, member_role::none, 0, {}});
    const run added = entries_of(follower.pool, 1, 1, 2, &next);
    follower.hear(2, append_of(2, {}, added.view(), 0));
    REQUIRE(follower.node.members().find({4}) != nullptr);
    follower.hear(4, hello, 11u << 16);
    CHECK(follower.node.peers().find({4}) == 11u << 16);
}
