// One turn of a node, and what it owes to time: peers are puppets on the hub of a cluster of which
// one node runs.

#include <doctest/doctest.h>

#include <node/support/cluster.hpp>
#include <support/lone_core.hpp>

using namespace node_tests;

namespace {

using lone_tests::append_of;
using lone_tests::entries_of;

struct puppet {
    puppet(cluster& with, u64 id) : wire(with.hub) {
        REQUIRE(wire.open(identity{with.status(1).cluster, 1, {id}, 0}, {}));
    }
    template <class Body>
    void say(const Body& body) {
        wire.send(envelope{{1}, 0, body});
    }
    template <class Body>
    std::optional<Body> heard() {
        wire.drain(*this);
        for (std::size_t k = mail.size(); k > 0; --k) {
            if (const Body* body = std::get_if<Body>(&mail[k - 1])) return *body;
        }
        return std::nullopt;
    }
    void operator()(const envelope& got) noexcept { mail.push_back(got.body); }
    void operator()(const bulk_envelope&) noexcept {}
    void operator()(peer_state) noexcept {}
    inproc_transport wire;
    std::vector<message> mail;
};

}  // namespace

TEST_CASE(
    "what waited for a turn is dated by that turn: a promise to a leader begins when it is heard") {
    cluster c(3, [](node_options& each) {
        each.lease_reads = true;
        each.first_start = start_rule::trusted;
    });
    REQUIRE(c.start(1));
    puppet leader(c, 2), candidate(c, 3);
    c.poll();
    c.now = c.now + seconds(5);  // the refusals after a start are over
    c.poll();
    leader.say(append_of(9, {}, {}, 0));
    c.now = c.now + milliseconds(900);
    c.poll();
    const instant heard = c.now;
    vote_request asked;
    asked.term = {10};
    c.now = heard + milliseconds(600);  // a promise that began with the turn before is over
    c.poll();
    candidate.say(asked);
    c.poll();
    REQUIRE(candidate.heard<vote_reply>());
    CHECK_FALSE(candidate.heard<vote_reply>()->granted);
    CHECK(c.status(1).term == term_t{9});
}

TEST_CASE("a transfer that ends and one that begins in the same turn are each told their own end") {
    cluster c(3);
    c.start_all();
    const u64 leader = c.elect();
    c.run(milliseconds(300));
    const u64 gone = leader % 3 + 1;
    c.cut_off(gone);
    asked<leadership_transfer> first, second;
    first.to = second.to = {gone};
    c.node(leader).transfer(first);
    c.poll();
    const instant ends = c.now + c.at(leader).options.election_timeout_min;
    while (c.now < ends - milliseconds(1)) {
        c.now = c.now + milliseconds(1);
        c.poll();
    }
    CHECK_FALSE(first.done());
    c.now = ends;
    c.node(leader).transfer(second);
    c.poll();
    c.run(milliseconds(20));
    CHECK(first.ends == 1);
    CHECK(first.how.code == errc::timed_out);
    CHECK(second.ends == 1);
    CHECK(second.how.code == errc::busy);
}

TEST_CASE("a commit is told in the turn that moved it, however short the turns are") {
    cluster c(1);
    c.start_all();
    c.elect();
    REQUIRE(c.set(1, 1).code == errc::ok);
    std::vector<index_t>& told = c.at(1).heard.commits;
    REQUIRE_FALSE(told.empty());
    for (u32 k = 0; k < 10; ++k) {  // all within one instant
        set_command wish(1, k);
        c.node(1).propose(wish);
        c.poll();
        REQUIRE(wish.ok());
        CHECK(told.back() == c.status(1).commit);
    }
    const std::size_t before = told.size();
    c.poll();
    CHECK(told.size() == before);
}

TEST_CASE("entries damaged under a right frame are dropped, and their connection is distrusted") {
    // scenario H112
    cluster c(3, [](node_options& each) { each.first_start = start_rule::trusted; });
    REQUIRE(c.start(1));
    puppet leader(c, 2);
    c.poll();
    block_pool pool;
    const run sound = entries_of(pool, 1, 3, 1), broken = entries_of(pool, 4, 6, 1);
    leader.say(append_of(1, {}, sound.view(), 0));
    c.poll();
    CHECK(c.status(1).last == index_t{3});
    CHECK(c.node(1).transport().distrusted.empty());
    const run_view& hurt = broken.view();
    hurt.owner->bytes()[hurt.offset + hurt.bytes - 12] ^= std::byte{1};
    leader.say(append_of(1, {{3}, {1}}, hurt, 3));
    c.poll();
    CHECK(c.status(1).last == index_t{3});
    CHECK(c.status(1).commit == index_t{});
    REQUIRE(c.node(1).transport().distrusted.size() == 1);
    CHECK(c.node(1).transport().distrusted[0] == node_id{2});
    // What is only out of place is dropped and no more.
    leader.say(append_of(1, {{7}, {1}}, sound.view(), 3));
    c.poll();
    CHECK(c.node(1).transport().distrusted.size() == 1);
}

TEST_CASE("a leader that waits for its disk in its own thread tells first what is decided") {
    cluster c(3);
    c.start_all();
    const u64 leader = c.elect();
    set_command decided(1, 1), next(2, 2);
    std::vector<std::string> story;
    c.at(leader).disk.at_sync = [&] { story.push_back(decided.done() ? "sync, told" : "sync"); };
    c.node(leader).before_wait(
        [](void* with) noexcept {
            static_cast<std::vector<std::string>*>(with)->push_back("hook");
        },
        &story);
    c.node(leader).propose(decided);
    (void)c.at(leader).drive->poll(c.now);  // sent and stored, not yet acknowledged
    CHECK(story == std::vector<std::string>{"hook", "sync"});
    CHECK_FALSE(decided.done());
    for (u64 id = 1; id <= 3; ++id) {
        if (id != leader) (void)c.at(id).drive->poll(c.now);
    }
    story.clear();
    c.node(leader).propose(next);
    (void)c.at(leader).drive->poll(c.now);  // hears the followers, and has one more to store
    CHECK(decided.ok());
    CHECK(story == std::vector<std::string>{"hook", "sync, told"});
    CHECK(c.run_until([&] { return next.ok(); }));
}

TEST_CASE("a follower waits for its disk before it applies: its leader waits for the answer") {
    cluster c(3);
    c.start_all();
    const u64 leader = c.elect(), follower = leader == 1 ? 2 : 1;
    set_command decided(1, 1), next(2, 2);
    c.node(leader).propose(decided);
    (void)c.at(leader).drive->poll(c.now);
    (void)c.at(follower).drive->poll(c.now);
    c.node(leader).propose(next);
    (void)c.at(leader).drive->poll(c.now);  // one message: the next entry, and that one is decided
    u64 syncs = 0;
    bool applied = false;
    c.at(follower).disk.at_sync = [&] {
        ++syncs;
        applied = c.values(follower).contains(1);
    };
    (void)c.at(follower).drive->poll(c.now);
    CHECK(syncs == 1);
    CHECK_FALSE(applied);
    CHECK(c.values(follower).contains(1));  // in the same turn, afterwards
}
