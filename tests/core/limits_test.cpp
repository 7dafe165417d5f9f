// What a leader may hold at most, and that it gives everything back.
#include <raftkit/testing/script/commands.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace raftkit;
using namespace raftkit::testing;

namespace {

struct stage {
    script_stage at;

    explicit stage(const std::string& cluster) {
        say(cluster);
        say("start");
    }
    std::string say(const std::string& line) {
        const std::string told = run_command(at, line);
        CHECK_MESSAGE(told.find("cannot: ") == std::string::npos, line);
        return told;
    }
    core::consensus& node(u64 id) { return *at.find(id)->core; }
    result<log_id> propose(u64 id, const std::string& body) {
        const result<log_id> made = node(id).propose(entry_kind::command, as_bytes(body));
        at.flush(*at.find(id));
        return made;
    }
};

// The bytes of the records (after, upto] on the disk of a node.
u64 record_bytes_of(stage& play, u64 id, index_t after, index_t upto) {
    const disk_image& disk = play.at.find(id)->disk.image();
    u64 bytes = 0;
    for (index_t at = after.next(); at <= upto; at = at.next()) {
        bytes += disk.records[at.value - disk.base.at.index.value - 1].size();
    }
    return bytes;
}

}  // namespace

TEST_CASE("a follower that answers nobody costs a bounded window, and the others go on") {
    // Scenario B30; known bug 41: no snapshot is ever taken, so the log keeps everything, and the
    // memory limit is passed many times over.
    stage play("cluster voters=3 message_bytes=4096 inflight_bytes=16384 tail_bytes=1048576");
    (void)play.say("campaign 1");
    (void)play.say("settle");
    REQUIRE(play.node(1).leads());
    const std::string body(1000, 'x');
    for (int round = 0; round < 500; ++round) {
        for (int k = 0; k < 10; ++k) REQUIRE(play.propose(1, body));
        (void)play.say("settle 1 2");
        const core::status& now = play.node(1).status();
        CHECK(now.commit == now.last);
        CHECK(now.tail_bytes <= play.at.numbers.tail_bytes_max);
        CHECK(now.peers[1].id == node_id{3});
        CHECK(now.peers[1].inflight_bytes <= 16384 + 4096);
        CHECK(play.at.mail.size() < 40);  // only what its window allows is under way to it
    }
    CHECK(play.node(1).status().last > index_t{5000});
    // It comes back and catches up from the disk.
    for (int beat = 0; beat < 30; ++beat) {
        if (play.node(3).status().commit == play.node(1).status().last) break;
        (void)play.say("advance 1 100ms");
        (void)play.say("settle");
    }
    CHECK(play.node(3).status().commit == play.node(1).status().last);
    CHECK(play.node(1).status().peers[1].inflight_bytes == 0);
}

TEST_CASE("a stamp and a header count: the intake closes at its limit and opens with the commits") {
    // Known bug 26: what is counted as uncommitted is what lies there, to the byte.
    stage play("cluster voters=3 uncommitted_bytes=10000");
    (void)play.say("campaign 1");
    (void)play.say("settle");
    const std::string body(1000, 'x');
    for (int round = 0; round < 20; ++round) {
        int taken = 0;
        while (play.propose(1, body)) ++taken;
        CHECK(taken >= 9);
        CHECK(taken <= 10);
        CHECK(play.propose(1, body).why().code == errc::busy);
        (void)play.say("settle");
        CHECK(play.node(1).status().uncommitted_bytes == 0);
    }
}

TEST_CASE("what is counted as uncommitted survives a lost office and a truncation") {
    // Known bug 26, over two changes of leader.
    stage play("cluster voters=3 prevote=off uncommitted_bytes=20000");
    (void)play.say("campaign 1");
    (void)play.say("settle");
    const std::string body(1000, 'x');
    const auto uncommitted = [&](u64 id) {
        const core::status& now = play.node(id).status();
        return record_bytes_of(play, id, now.commit, now.last);
    };
    for (int k = 0; k < 5; ++k) REQUIRE(play.propose(1, body));
    (void)play.say("drop all");
    (void)play.say("persisted 1");
    CHECK(play.node(1).status().uncommitted_bytes == uncommitted(1));
    // Node 2 leads and overwrites all of it.
    (void)play.say("advance 3 1s");
    (void)play.say("drop all");
    (void)play.say("campaign 2");
    (void)play.say("settle 2 3");
    REQUIRE(play.node(2).leads());
    (void)play.say("advance 2 100ms");
    (void)play.say("settle");
    CHECK_FALSE(play.node(1).leads());
    CHECK(play.node(1).status().last == play.node(2).status().last);
    // Node 1 again, with entries that nobody commits yet.
    (void)play.say("advance 3 1s");
    (void)play.say("drop all");
    (void)play.say("campaign 1");
    (void)play.say("persisted 1");
    (void)play.say("deliver 1->3");
    (void)play.say("persisted 3");
    (void)play.say("deliver 3->1");
    REQUIRE(play.node(1).leads());
    for (int k = 0; k < 3; ++k) REQUIRE(play.propose(1, body));
    (void)play.say("persisted 1");
    CHECK(play.node(1).status().uncommitted_bytes == uncommitted(1));
    (void)play.say("settle");
    (void)play.say("advance 1 100ms");
    (void)play.say("settle");
    CHECK(play.node(1).status().commit == play.node(1).status().last);
    CHECK(play.node(1).status().uncommitted_bytes == 0);
}
