// Installs that take their time: a slow disk, a throttle, a leader that falls silent.

#include <doctest/doctest.h>

#include <node/support/shelf_trio.hpp>

using namespace node_tests;

namespace {

void small_pieces(shelf_trio& c) {
    c.options.snapshot_chunk_bytes = 4096;
    c.options.snapshot_window_chunks = 2;
    c.options.snapshot_initial_credit = 2;
    c.options.snapshot_lease = seconds(5);
}

}  // namespace

TEST_CASE("a node that closes does not wait for the throttle of an install") {
    // Neither the one that receives it nor the one that ships it.
    for (const bool receives : {true, false}) {
        CAPTURE(receives);
        shelf_trio c;
        small_pieces(c);
        const u64 slow = c.far_behind();
        const u64 closing = receives ? slow : c.leader();
        c.at(closing).wait = minutes(60);
        c.start(slow);
        REQUIRE(c.run_until([&] { return c.status(slow).installing; }));
        c.run(milliseconds(100));
        REQUIRE(c.status(slow).installing);
        c.at(closing).up->close(c.now + seconds(2));
        CHECK(c.run_until([&] { return c.at(closing).up->closed(); }, seconds(5)));
        if (receives) CHECK(c.count(slow, "staging-") == 1);  // the next start goes on with it
    }
}

TEST_CASE("a transfer that a new leader replaces leaves the throttle's queue at once") {
    shelf_trio c;
    small_pieces(c);
    const u64 slow = c.far_behind();
    const u64 first = c.leader(), second = 6 - slow - first;
    const snapshot_id other = c.save(second);
    REQUIRE(other != c.shipped);
    c.at(slow).wait = minutes(60);
    c.start(slow);
    REQUIRE(c.run_until([&] { return c.status(slow).installing; }));
    c.run(milliseconds(100));
    c.cut_off(first);
    REQUIRE(c.run_until([&] { return c.status(second).role == role_kind::leader; }));
    c.run(seconds(1));
    CHECK(c.status(slow).installing);
    CHECK(c.count(slow, "staging-") == 1);  // the new one's; the old one is gone
    c.at(slow).wait = {};
}

TEST_CASE("an install that lasts longer than a lease keeps the leader's snapshot and its log") {
    // While the disk looks at what is there (creating), and while the machine is being filled.
    for (const bool restoring : {false, true}) {
        CAPTURE(restoring);
        shelf_trio c;
        small_pieces(c);
        const u64 slow = c.far_behind();
        const u64 led = c.leader();
        c.options.events_per_poll = 1;  // a step a poll
        c.at(slow).work.closed = !restoring;
        c.start(slow);
        REQUIRE(c.run_until([&] {
            return restoring ? c.at(slow).heard.published == 1 : c.status(slow).installing;
        }));
        c.at(slow).work.closed = true;
        c.run(seconds(12));
        CHECK(c.at(slow).heard.restored == 0);
        // Others come, and would push it out.
        for (u32 k = 0; k < 3; ++k) {
            c.write(40);
            (void)c.save(led);
            c.run(seconds(2));
        }
        CHECK(c.count(led, "snap-") == 3);  // the newest two, and this one
        CHECK(c.status(led).first <= c.shipped.at.index.next());
        c.at(slow).work.open();
        CHECK(c.run_until([&] { return c.level(slow); }));
        CHECK(c.at(slow).heard.restored == 1);
        CHECK(c.at(slow).heard.failed == 0);
        CHECK(c.status(slow).newest_snapshot == c.shipped);
    }
}

TEST_CASE("what an install has staged is forgotten when nobody goes on with it") {
    // S003-44: with a time to live
    for (const bool restarts : {false, true}) {
        CAPTURE(restarts);
        shelf_trio c;
        small_pieces(c);
        c.options.snapshot_staging_ttl = seconds(20);
        const u64 slow = c.far_behind();
        c.at(slow).wait = milliseconds(200);
        c.start(slow);
        REQUIRE(c.run_until([&] { return c.status(slow).installing; }));
        c.run(milliseconds(300));
        c.cut_off(slow);
        if (restarts) c.start(slow);
        c.run(seconds(19));
        CHECK_FALSE(c.status(slow).installing);
        CHECK(c.count(slow, "staging-") == 1);
        c.run(seconds(2));
        CHECK(c.count(slow, "staging-") == 0);
        c.at(slow).wait = {};
        c.cut_off(slow, false);
        CHECK(c.run_until([&] { return c.level(slow); }));
    }
}

TEST_CASE("an install that goes on in time is not forgotten, and 0 forgets none") {
    shelf_trio c;
    small_pieces(c);
    c.options.snapshot_staging_ttl = {};
    const u64 slow = c.far_behind();
    c.at(slow).wait = milliseconds(200);
    c.start(slow);
    REQUIRE(c.run_until([&] { return c.status(slow).installing; }));
    c.run(milliseconds(300));
    c.cut_off(slow);
    c.run(seconds(60));
    CHECK_FALSE(c.status(slow).installing);
    CHECK(c.count(slow, "staging-") == 1);
    node_options next = c.options;
    next.who.self = {slow};
    next.snapshot_staging_ttl = seconds(65);
    REQUIRE(c.at(slow).up->reconfigure(next));
    c.at(slow).wait = seconds(4);  // a piece at a time: longer than the time to live
    c.cut_off(slow, false);
    REQUIRE(c.run_until([&] { return c.status(slow).installing; }));
    c.run(seconds(8));
    CHECK(c.status(slow).installing);
    CHECK(c.count(slow, "staging-") == 1);
    c.at(slow).wait = {};
    CHECK(c.run_until([&] { return c.level(slow); }));
    CHECK(c.at(slow).heard.restored == 1);
}
