#include <raftkit/snapshot/coordinator.hpp>

#include <doctest/doctest.h>

#include "support/coordinator_part.hpp"

using namespace coordinator_part;

TEST_CASE("a request captures, saves and ends with the id of the durable snapshot") {
    // scenario D40, S000-05
    applied_part at(42);
    snapshot_ticket asked;
    at.request(asked);
    CHECK(count<order::capture>(at.out) == 1);
    at.captured(42);
    CHECK(at.it.phase() == save_phase::saving);
    CHECK(at.wanted.meta.id.at == log_id{{42}, {3}});
    CHECK(at.wanted.meta.members == three_voters());
    CHECK(at.wanted.created_at_unix_ms == 1234);
    CHECK(std::string(all<order::start_save>(at.out)[0].cause) == "request");
    CHECK(at.it.may_publish());
    CHECK(at.it.phase() == save_phase::publishing);
    CHECK(count<order::finish_ticket>(at.out) == 0);  // never before it is durable
    CHECK(count<order::tell_published>(at.out) == 0);
    CHECK(count<order::ask_compaction>(at.out) == 0);  // known bugs 43, 44, 45
    at.save_done();
    CHECK(count<order::tell_published>(at.out) == 1);
    CHECK(count<order::ask_compaction>(at.out) == 1);
    CHECK(count<order::ask_retention>(at.out) == 1);
    CHECK(at.answers() == std::vector<told>{{&asked, errc::ok, 42, false}});
    CHECK(at.it.quiet());
}

TEST_CASE("requests present at the capture share it, later ones get the next") {
    // scenario D43, S000-07
    applied_part at(10, with(on_busy::join));
    snapshot_ticket a, b, c, d;
    at.request(a);
    at.request(b);
    CHECK(count<order::capture>(at.out) == 1);
    at.captured(10);
    at.request(c);
    at.it.applied({11});
    at.request(d);
    at.out.clear();
    at.save_done();
    CHECK(count<order::capture>(at.out) == 1);
    CHECK(at.answers() == std::vector<told>{{&a, errc::ok, 10, false}, {&b, errc::ok, 10, false}});
    at.captured(11);
    at.save_done();
    CHECK(at.answers() == std::vector<told>{{&c, errc::ok, 11, false}, {&d, errc::ok, 11, false}});
}

TEST_CASE("a request that came during a save after which nothing was applied is answered by it") {
    saving_part at(10);
    snapshot_ticket b;
    at.request(b);
    at.out.clear();
    at.save_done();
    CHECK(count<order::capture>(at.out) == 0);
    CHECK(at.answers() ==
          std::vector<told>{{&at.asked, errc::ok, 10, false}, {&b, errc::ok, 10, true}});
}

TEST_CASE("with refuse a second request is busy from the capture to the end") {
    // S003-27
    applied_part at(10, with(on_busy::refuse));
    snapshot_ticket a, b, c, d;
    at.request(a);
    at.request(b);
    at.captured(10);
    at.request(c);
    REQUIRE(at.it.may_publish());
    at.request(d);
    CHECK(at.answers() == std::vector<told>{{&b, errc::busy, 0, false},
                                            {&c, errc::busy, 0, false},
                                            {&d, errc::busy, 0, false}});
    at.save_done();
    CHECK(at.answers() == std::vector<told>{{&a, errc::ok, 10, false}});
}

TEST_CASE("with queue each request has a save of its own while there is something to save") {
    applied_part at(10, with(on_busy::queue));
    snapshot_ticket a, b, c;
    at.request(a);
    at.request(b);
    at.captured(10);
    at.it.applied({12});
    at.request(c);
    at.out.clear();
    at.save_done();
    CHECK(at.capturing());
    CHECK(at.answers() == std::vector<told>{{&a, errc::ok, 10, false}});
    at.captured(12);
    at.save_done();
    CHECK(at.answers() == std::vector<told>{{&b, errc::ok, 12, false}, {&c, errc::ok, 12, true}});
}

TEST_CASE("nothing new answers the old id, without a save, and compaction is asked all the same") {
    // scenario D44, S003-28, S004-09
    applied_part at(30, {}, {30});
    snapshot_ticket asked;
    at.request(asked);
    CHECK(count<order::capture>(at.out) == 0);
    CHECK(count<order::ask_compaction>(at.out) == 1);
    CHECK(at.answers() == std::vector<told>{{&asked, errc::ok, 30, true}});

    node_part fresh;
    fresh.request(asked);
    CHECK(fresh.answers() == std::vector<told>{{&asked, errc::ok, 0, true}});
}

TEST_CASE("a trigger begins a save only where one makes sense") {
    applied_part at(30, {}, {30});
    at.it.due("entries", at.now, at.out);
    CHECK(at.out.empty());
    at.it.applied({31});
    at.it.serving(false);
    CHECK_FALSE(at.it.asks_trigger(at.now));
    at.it.serving(true);
    REQUIRE(at.it.asks_trigger(at.now));
    at.it.due("entries", at.now, at.out);
    at.captured(31);
    CHECK(std::string(all<order::start_save>(at.out)[0].cause) == "entries");
    CHECK_FALSE(at.it.asks_trigger(at.now));
    at.out.clear();
    at.save_done();
    CHECK(count<order::ask_trigger>(at.out) == 1);  // known bug 52
    CHECK(at.it.asks_trigger(at.now));
}

TEST_CASE("a request in a node that does not serve or closes is refused") {
    applied_part at(5);
    at.it.serving(false);
    snapshot_ticket asked;
    at.request(asked);
    CHECK(at.answers() == std::vector<told>{{&asked, errc::not_started, 0, false}});
    at.it.serving(true);
    at.it.close(at.now + seconds(3), at.out);
    at.request(asked);
    CHECK(at.answers() == std::vector<told>{{&asked, errc::stopped, 0, false}});
}

TEST_CASE("a failed save gives its error to who shared it and to nobody else") {
    // S004-18
    saving_part at(10);
    snapshot_ticket b;
    at.request(b);
    at.out.clear();
    at.save_fails(errc::no_space);
    CHECK(count<order::tell_published>(at.out) == 0);
    CHECK(count<order::ask_compaction>(at.out) == 0);  // known bug 43
    CHECK(count<order::save_failed>(at.out) == 1);
    CHECK(count<order::capture>(at.out) == 1);  // b does not wait for a back-off
    CHECK(at.answers() == std::vector<told>{{&at.asked, errc::no_space, 0, false}});
    CHECK(at.it.kept().empty());
}

TEST_CASE(
    "automatic saves back off twice as long after every failure, and start afresh after a "
    "success") {
    snapshot_options options;
    options.snapshot_backoff_min = seconds(1);
    options.snapshot_backoff_max = seconds(5);
    node_part at(options);
    for (const i64 wait : {1, 2, 4, 5, 5}) {
        CAPTURE(wait);
        at.it.applied({10});
        at.it.due("entries", at.now, at.out);
        at.captured(10);
        at.out.clear();
        at.save_fails();
        CHECK(at.it.deadline() == at.now + seconds(wait));
        CHECK_FALSE(at.it.asks_trigger(at.now + seconds(wait) - nanoseconds(1)));
        at.now = at.now + seconds(wait);
        CHECK(at.it.asks_trigger(at.now));
        at.out.clear();
        at.it.advance(at.now, at.out);
        CHECK(count<order::ask_trigger>(at.out) == 1);
        CHECK(at.it.deadline() == never);
    }
    at.save(10);
    CHECK(at.it.counts().failures == 0);
    CHECK(at.it.counts().failed == 5);
    CHECK(at.it.asks_trigger(at.now));
}

TEST_CASE("after snapshot_failures_max failures only a request saves, and its success heals") {
    snapshot_options options;
    options.snapshot_failures_max = 2;
    applied_part at(10, options);
    for (int round = 0; round < 2; ++round) {
        at.it.due("entries", at.now, at.out);
        at.captured(10);
        at.save_fails();
        at.now = at.now + minutes(10);
    }
    CHECK_FALSE(at.it.asks_trigger(at.now));
    snapshot_ticket asked;
    at.request(asked);
    at.captured(10);
    at.save_done();
    CHECK(at.it.asks_trigger(at.now));
}

TEST_CASE("a capture that fails ends the attempt with its error") {
    applied_part at(10);
    snapshot_ticket asked;
    at.request(asked);
    at.out.clear();
    at.it.captured(error{errc::io, 0, "capture"}, 0, at.now, at.out);
    CHECK(at.answers() == std::vector<told>{{&asked, errc::io, 0, false}});
    CHECK(at.it.quiet());
}

TEST_CASE("an image above what is applied is refused, one below the newest is not saved") {
    // known bugs 58, 72; S001-09
    applied_part at(30, {}, {20});
    snapshot_ticket asked;
    at.request(asked);
    at.out.clear();
    at.captured(31);
    CHECK(count<order::drop_image>(at.out) == 1);
    CHECK(at.answers() == std::vector<told>{{&asked, errc::not_applied, 0, false}});
    for (const u64 index : {20u, 19u}) {
        at.request(asked);
        at.out.clear();
        at.captured(index);
        CHECK(count<order::drop_image>(at.out) == 1);
        CHECK(count<order::start_save>(at.out) == 0);
        CHECK(at.answers() == std::vector<told>{{&asked, errc::ok, 20, true}});
        CHECK(at.it.quiet());
    }
}

TEST_CASE("ids count up from the highest listed and differ from node to node") {
    node_part at({}, {20});
    at.save(30);
    CHECK((at.it.kept().newest()->manifest.meta.id.nonce >> 32) == 6);
    at.save(31);
    CHECK((at.it.kept().newest()->manifest.meta.id.nonce >> 32) == 7);
    const u64 mine = at.it.kept().newest()->manifest.meta.id.nonce & 0xffff'ffff;
    CHECK(mine != 0);

    coordinator other({}, identity{7, 1, {3}, 99});
    coordinator reborn({}, identity{7, 1, {2}, 100});
    for (coordinator* each : {&other, &reborn}) {
        snapshot_actions out;
        each->serving(true);
        each->applied({1});
        each->due("test", at.now, out);
        each->captured(snapshot_basis{{{1}, {1}}, {}}, 0, at.now, out);
        CHECK((all<order::start_save>(out)[0].manifest.meta.id.nonce & 0xffff'ffff) != mine);
    }
}

TEST_CASE("a listing that is unknown after a save means no compaction, but the snapshot counts") {
    // known bug 43
    applied_part at(10);
    at.it.due("test", at.now, at.out);
    at.captured(10);
    REQUIRE(at.it.may_publish());
    at.out.clear();
    at.it.saved({}, &at.wanted, nullptr, at.now, at.out);
    CHECK(count<order::tell_published>(at.out) == 1);
    CHECK(count<order::ask_compaction>(at.out) == 0);
    CHECK(at.it.kept().size() == 1);
}

// ---- peers ----

TEST_CASE("all peers that need a snapshot share one save, with each other and with requests") {
    applied_part at(50, {}, {10});
    at.it.wanted_by_peers({40}, at.now, at.out);
    at.it.wanted_by_peers({45}, at.now, at.out);
    snapshot_ticket asked;
    at.request(asked);
    CHECK(count<order::capture>(at.out) == 1);
    at.captured(50);
    at.out.clear();
    at.save_done();
    CHECK(count<order::look_again>(at.out) == 1);
    CHECK(at.answers() == std::vector<told>{{&asked, errc::ok, 50, false}});
    CHECK(at.it.quiet());
}

TEST_CASE("a peer that can have a stored snapshot after all is told at once") {
    applied_part at(50, {}, {40});
    at.it.wanted_by_peers({40}, at.now, at.out);
    CHECK(count<order::look_again>(at.out) == 1);
    CHECK(count<order::capture>(at.out) == 0);
}

TEST_CASE("a failed save for peers is told, and the next one waits for the back-off") {
    applied_part at(50);
    at.it.wanted_by_peers({40}, at.now, at.out);
    at.captured(50);
    at.out.clear();
    at.save_fails();
    CHECK(count<order::look_again>(at.out) == 1);
    at.out.clear();
    at.it.wanted_by_peers({40}, at.now, at.out);
    CHECK(count<order::capture>(at.out) == 0);
    CHECK(count<order::look_again>(at.out) == 1);
    at.now = at.now + seconds(1);
    at.it.wanted_by_peers({40}, at.now, at.out);
    CHECK(count<order::capture>(at.out) == 1);
}
