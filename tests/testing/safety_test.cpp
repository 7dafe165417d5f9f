// The checker must see each violation: a simulation is worth what its checker notices.

#include <doctest/doctest.h>

#include <raftkit/testing/check/liveness.hpp>
#include <raftkit/testing/check/real_time.hpp>
#include <raftkit/testing/check/safety.hpp>
#include <string>

using namespace raftkit;
using namespace raftkit::testing;

namespace {

configuration voters() {
    configuration made;
    for (u64 id = 1; id <= 3; ++id) made.members.push_back({{id}, member_role::voter, {}, 0, {}});
    return made;
}

// Drives the checker as three nodes would.
struct play {
    safety check{voters()};
    block_pool pool;
    run_builder builder{pool};
    u64 tickets[4]{};
    core::status seen[4];

    play() {
        for (u64 id = 1; id <= 3; ++id) {
            seen[id].first = {1};
            check.started({id});
        }
    }
    bool says(const char* words) const {
        return check.violation().find(words) != std::string::npos;
    }

    void hard(u64 id, u64 term, u64 vote, bool durably = true) {
        const hard_state state{{term}, {vote}, {}};
        persist_batch batch;
        batch.id = {++tickets[id]};
        batch.hard = &state;
        check.persisting({id}, batch);
        if (durably) check.durable({id}, batch.id);
    }
    void append(u64 id, u64 index, u64 term, const char* body, bool durably = true) {
        const run_view entry =
            builder.append({{index}, {term}}, entry_kind::command, as_bytes(body), 0);
        persist_batch batch;
        batch.id = {++tickets[id]};
        batch.append = {&entry, 1};
        check.persisting({id}, batch);
        if (durably) check.durable({id}, batch.id);
    }
    void lead(u64 id, u64 term) {
        hard(id, term, id);
        seen[id].term = {term};
        seen[id].role = role_kind::leader;
        check.observe({id}, seen[id]);
    }
    void follow(u64 id, u64 term) {
        hard(id, term, 0);
        seen[id].term = {term};
        check.observe({id}, seen[id]);
    }
    void commit(u64 id, u64 index) {
        seen[id].commit = {index};
        seen[id].last = {std::max(index, seen[id].last.value)};
        check.observe({id}, seen[id]);
    }
    void apply(u64 id, u64 index, u64 term, const char* body) {
        check.applied({id}, {{{index}, {term}}, entry_kind::command, as_bytes(body)});
    }
    // Node 1 leads term 1; entry 1 is durable on 1 and 2, and committed.
    void one_committed() {
        lead(1, 1);
        follow(2, 1);
        append(1, 1, 1, "a");
        append(2, 1, 1, "a");
        commit(1, 1);
        REQUIRE(check.ok());
    }
};

}  // namespace

TEST_CASE("I-1: a second leader of a term, a second vote and a vote that is not durable are seen") {
    play two;
    two.lead(1, 1);
    CHECK(two.check.ok());
    two.lead(2, 1);
    CHECK(two.says("a second leader of a term"));

    play twice;
    twice.hard(3, 1, 1);
    twice.check.sending({3}, {{1}, 0, vote_reply{{1}, 1, false, true}});
    CHECK(twice.check.ok());
    twice.hard(3, 1, 2);
    CHECK(twice.says("its vote changed within a term"));

    play early;
    early.hard(3, 1, 1, false);
    early.check.sending({3}, {{1}, 0, vote_reply{{1}, 1, false, true}});
    CHECK(early.says("a term that is not durable"));
}

TEST_CASE("I-1: a grant before a crash counts after it") {
    play again;
    again.hard(3, 1, 1);
    again.check.sending({3}, {{1}, 0, vote_reply{{1}, 1, false, true}});
    again.check.crashed({3});
    again.check.recovered({3}, {{1}, {}, {}}, {}, {});
    CHECK(again.says("recovered term 1 vote 0"));
}

TEST_CASE("I-2: logs that differ at one position, gaps and foreign entries are seen") {
    play differs;
    differs.lead(1, 1);
    differs.follow(2, 1);
    differs.append(1, 1, 1, "a");
    differs.append(2, 1, 1, "b");
    CHECK(differs.says("logs differ"));

    play gap;
    gap.lead(1, 1);
    gap.append(1, 2, 1, "a");
    CHECK(gap.says("a gap in the log"));

    play invented;
    invented.lead(1, 1);
    invented.follow(2, 1);
    invented.append(2, 1, 1, "a");
    CHECK(invented.says("was not made by its leader"));
}

TEST_CASE("I-3: a leader without a committed entry, and counting of an old term, are seen") {
    play lacks;
    lacks.one_committed();
    lacks.lead(3, 2);
    CHECK(lacks.says("a leader lacks a committed entry"));

    play counts;
    counts.lead(1, 1);
    counts.follow(2, 1);
    counts.append(1, 1, 1, "a");
    counts.append(2, 1, 1, "a");
    counts.lead(1, 3);
    counts.commit(1, 1);
    CHECK(counts.says("commits an entry of an older term by counting"));
}

TEST_CASE("I-4: what is applied is committed, in order and the same everywhere") {
    // Known bug 32; scenario D87: the simulations compare every state at every index.
    play early;
    early.lead(1, 1);
    early.append(1, 1, 1, "a");
    early.apply(1, 1, 1, "a");
    CHECK(early.says("applies an uncommitted entry"));

    play other;
    other.one_committed();
    other.apply(2, 1, 1, "b");
    CHECK(other.says("applies another entry"));

    play twice;
    twice.one_committed();
    twice.apply(1, 1, 1, "a");
    twice.apply(1, 1, 1, "a");
    CHECK(twice.says("applies out of order"));

    play states;
    states.one_committed();
    states.check.digest({1}, {1}, 7);
    states.check.digest({2}, {1}, 8);
    CHECK(states.says("states differ"));
}

TEST_CASE("I-5: acknowledging or committing what is not durable, and losing it, are seen") {
    play claims;
    claims.lead(1, 1);
    claims.follow(2, 1);
    claims.append(1, 1, 1, "a");
    claims.append(2, 1, 1, "a", false);
    claims.check.sending({2}, {{1}, 0, append_reply{{1}, {1}, {}, {}, 0}});
    CHECK(claims.says("acknowledges what is not durable"));

    play alone;
    alone.lead(1, 1);
    alone.append(1, 1, 1, "a");
    alone.commit(1, 1);
    CHECK(alone.says("commits without a durable majority"));

    play loses;
    loses.one_committed();
    loses.check.crashed({2});
    loses.check.recovered({2}, {{1}, {}, {}}, {}, {});
    CHECK(loses.says("recovered"));

    play keeps;  // a batch in flight may be there or not
    keeps.one_committed();
    keeps.append(1, 2, 1, "b", false);
    keeps.check.crashed({1});
    keeps.check.recovered({1}, {{1}, {1}, {}}, {}, {{2}, {1}});
    CHECK(keeps.check.ok());
}

TEST_CASE("I-5: writing an entry again that is already there is seen") {  // known bug 17
    play again;
    again.one_committed();
    again.append(2, 1, 1, "a");
    CHECK(again.says("written again"));
}

TEST_CASE("I-6, I-10: snapshots of the wrong term or members, and compaction past them, are seen") {
    play term;
    term.one_committed();
    snapshot_meta meta;
    meta.members = voters();
    meta.id = {{{1}, {9}}, 5};
    term.check.published({1}, meta);
    CHECK(term.says("a snapshot with a wrong term"));

    play members;
    members.one_committed();
    meta.id = {{{1}, {1}}, 5};
    meta.members.members.pop_back();
    members.check.published({1}, meta);
    CHECK(members.says("a snapshot carries"));

    play past;
    past.one_committed();
    past.apply(1, 1, 1, "a");
    past.check.compacting({1}, {{{1}, {1}}, voters()});
    CHECK(past.says("compaction past the newest durable snapshot"));
}

TEST_CASE(
    "I-10: the snapshot that the log begins with may not go, unless the log never began there") {
    snapshot_meta meta;
    meta.members = voters();
    meta.id = {{{1}, {1}}, 5};
    for (const bool crashes : {false, true}) {
        play asked;
        asked.one_committed();
        asked.apply(1, 1, 1, "a");
        asked.check.published({1}, meta);
        asked.check.compacting({1}, {{{1}, {1}}, voters()});
        if (crashes) {  // before the compaction reached the disk; seed 3051 of the cluster
            asked.check.crashed({1});
            asked.check.recovered({1}, {{1}, {1}, {}}, {}, {{1}, {1}});
        }
        REQUIRE(asked.check.ok());
        asked.check.removed({1}, meta.id);
        CHECK(asked.check.ok() == crashes);
    }
}

TEST_CASE("I-9: what only rises and fell is seen") {
    // Scenario C35, in every simulation: through installs too, and anew in each life.
    play fell;
    fell.one_committed();
    fell.seen[1].commit = {0};
    fell.check.observe({1}, fell.seen[1]);
    CHECK(fell.says("commit fell"));

    play match;
    match.lead(1, 1);
    match.append(1, 1, 1, "a");
    match.seen[1].last = {1};
    match.seen[1].peer_count = 1;
    match.seen[1].peers[0].id = {2};
    match.seen[1].peers[0].match = {1};
    match.seen[1].peers[0].next = {2};
    match.check.observe({1}, match.seen[1]);
    CHECK(match.says("match is more than the peer holds"));
}

TEST_CASE("I-9: what is applied before it is durable at the node is seen") {
    play early;
    early.one_committed();
    early.follow(3, 1);
    early.append(3, 1, 1, "a", false);
    early.apply(3, 1, 1, "a");
    CHECK(early.says("applies what is not durable here"));
}

TEST_CASE("I-7: a core that goes by another configuration than its log's newest is seen") {
    play falls_behind;
    falls_behind.lead(1, 1);
    falls_behind.check.check_in_force({1}, voters());
    CHECK(falls_behind.check.ok());
    configuration other = voters();
    other.members.pop_back();
    falls_behind.check.check_in_force({1}, other);
    CHECK(falls_behind.says("I-7"));
    CHECK(falls_behind.says("instead of"));
}

TEST_CASE(
    "I-9, I-10: applied past commit, commit past last and a gap after the snapshot are seen") {
    // Scenario D85, in every simulation after every step.
    const auto seen = [](auto change) {
        play wrong;
        wrong.one_committed();
        change(wrong.seen[1]);
        wrong.check.observe({1}, wrong.seen[1]);
        return wrong.check.violation();
    };
    CHECK(seen([](core::status&) {}).empty());
    CHECK(seen([](core::status& now) { now.applied = {2}; }).find("applied past commit") !=
          std::string::npos);
    CHECK(seen([](core::status& now) { now.last = {0}; }).find("commit past last") !=
          std::string::npos);
    CHECK(seen([](core::status& now) { now.stable = {9}; }).find("stable past last") !=
          std::string::npos);
    CHECK(seen([](core::status& now) { now.first = {2}; }).find("a gap after the snapshot") !=
          std::string::npos);
}

TEST_CASE("I-12: more bytes under way to a peer than the window allows are seen") {
    play floods;
    core::options numbers;
    numbers.inflight_bytes_max = 10'000;
    numbers.message_bytes_max = 5'000;
    numbers.command_bytes_max = 6'000;
    floods.check.limit_inflight(numbers);
    floods.lead(1, 1);
    floods.seen[1].peer_count = 1;
    floods.seen[1].peers[0].id = {2};
    floods.seen[1].peers[0].next = {1};
    floods.seen[1].peers[0].inflight_bytes = 16'000;
    floods.check.observe({1}, floods.seen[1]);
    CHECK(floods.check.ok());
    floods.seen[1].peers[0].inflight_bytes = 17'000;
    floods.check.observe({1}, floods.seen[1]);
    CHECK(floods.says("more under way than allowed"));
}

TEST_CASE("I-14: nothing is sent or acknowledged after a failed write") {
    play sends;
    sends.one_committed();
    sends.check.failed({2});
    sends.check.sending({2}, {{1}, 0, append_reply{{1}, {1}, {}, {}, 0}});
    CHECK(sends.says("sends after a failed write"));

    play failed;
    failed.one_committed();
    failed.check.failed({1});
    failed.check.acknowledged({1}, {{1}, {1}});
    CHECK(failed.says("acknowledges after a failed write"));
}

TEST_CASE("I-8: a stale read and a position from the past are seen, overlapping ones are fine") {
    real_time clients;
    const index_t began = clients.begin();
    clients.write_ended(began, {5});
    clients.read_ended(began, {3});  // it overlapped the write
    CHECK(clients.ok());
    const index_t later = clients.begin();
    CHECK(later == index_t{5});
    clients.read_ended(later, {4});
    CHECK(clients.violation().find("a stale read") != std::string::npos);
    real_time writers;
    writers.write_ended({}, {5});
    writers.write_ended({5}, {5});
    CHECK_FALSE(writers.ok());
}

TEST_CASE("I-11: a cluster that is not at rest is told why") {
    core::status leader, follower;
    leader.role = role_kind::leader;
    leader.term = follower.term = {2};
    leader.serving_reads = true;
    leader.leader = follower.leader = {1};
    leader.last = leader.commit = leader.applied = {4};
    follower.last = follower.commit = follower.applied = {4};
    const configuration members = voters();
    const auto unrest = [&](index_t machine) {
        return liveness().unrest(
            {{{1}, &leader, &members, {4}}, {{2}, &follower, &members, machine}});
    };
    CHECK(unrest({4}).empty());
    CHECK(unrest({3}) == "node 2: applied 3, the leader has 4");
    follower.last = {3};
    CHECK(unrest({4}) == "node 2: last 3, the leader has 4");
    follower.last = {4};
    leader.joint = true;
    CHECK(unrest({4}) == "the configuration stays joint");
    leader.role = role_kind::follower;
    CHECK(unrest({4}) == "nobody leads");
}
