#include <raftkit/snapshot/sender.hpp>

#include <doctest/doctest.h>

#include <map>

#include "support/sender_part.hpp"

using namespace sender_part;

TEST_CASE("the newest stored snapshot is offered with its meta and manifest, and pinned") {
    leader of;
    of.stores(10, "old");
    const snapshot_manifest newest = of.stores(20, text_of(150));
    of.ship(2);
    CHECK(of.pins.pinned(id_of(20)));
    CHECK(of.out.offers.empty());  // not before its reader is open
    of.work_off();
    REQUIRE(of.out.offers.size() == 1);
    const outgoing_offer& sent = of.out.offers[0];
    CHECK(sent.mail.peer == node_id{2});
    CHECK(sent.mail.incarnation == 55);
    const auto& offer = std::get<snapshot_offer>(sent.mail.body);
    CHECK(offer.term == term_t{3});
    CHECK(offer.id == id_of(20));
    CHECK(decode_snapshot_meta(offer.meta.bytes())->digest == newest.meta.digest);
    CHECK(*decode_manifest(offer.manifest.bytes()) == newest);
    CHECK(of.store.todo->readers == 1);
    CHECK(of.pins.lowest_leased() == index_t{20});  // known bug 54: the log behind it stays
}

TEST_CASE("a marker of an install here does not travel") {
    leader of;
    snapshot_manifest marked = of.stores(20, "x");
    of.kept.find(id_of(20))->manifest.meta.installing = true;
    of.ship(2);
    of.work_off();
    REQUIRE(of.out.offers.size() == 1);
    const auto& offer = std::get<snapshot_offer>(of.out.offers[0].mail.body);
    CHECK_FALSE(decode_manifest(offer.manifest.bytes())->meta.installing);
}

TEST_CASE("initial_credit pieces follow the offer unasked, in order") {
    leader of(2);
    of.stores(20, text_of(150));
    of.ship(2);
    of.work_off();
    CHECK(of.offers() == std::vector<u64>{2});
    CHECK(of.pieces() == std::vector<seen_piece>{{2, 0, text_of(150).substr(0, 64), errc::ok},
                                                 {2, 64, text_of(150).substr(64, 64), errc::ok}});
    leader few(8);  // no more than there are
    few.stores(20, text_of(65));
    few.ship(2);
    few.work_off();
    CHECK(few.pieces().size() == 2);
}

TEST_CASE("a want is answered by its piece, whole even if the store reads little") {
    // known bug 61
    leader of;
    of.stores(20, text_of(150));
    of.store.todo->read_at_most = 10;
    of.ship(2);
    of.work_off();
    of.want(2, id_of(20), 64, 64);
    of.want(2, id_of(20), 128, 22);
    of.work_off();
    CHECK(of.pieces() == std::vector<seen_piece>{{2, 64, text_of(150).substr(64, 64), errc::ok},
                                                 {2, 128, text_of(150).substr(128, 22), errc::ok}});
}

TEST_CASE("a want beyond the snapshot's bounds reads nothing") {
    leader of;
    of.stores(20, text_of(150));
    of.ship(2);
    of.work_off();
    of.want(2, id_of(20), 1, 64);
    of.want(2, id_of(20), 192, 64);
    of.want(2, id_of(20), 0, 65);
    of.want(2, id_of(20), 0, u64{1} << 40);
    of.want(2, id_of(20), 128, 64);
    of.it.want({2}, {{3}, id_of(20), 7, 0, 64}, of.kept, of.now, of.out);
    of.work_off();
    CHECK(of.store.todo->reads == 0);
    CHECK(of.pieces().empty());
}

TEST_CASE("a want for something that is not on its way is answered not_found") {
    // S002-35
    leader of;
    of.stores(20, text_of(150));
    of.ship(2);
    of.work_off();
    of.want(3, id_of(20), 0, 64);     // another peer
    of.want(2, id_of(19), 0, 64);     // another snapshot
    of.want(2, id_of(20), 0, 64, 2);  // known bug 40: another term
    CHECK(of.pieces() == std::vector<seen_piece>{{3, 0, "", errc::not_found},
                                                 {2, 0, "", errc::not_found},
                                                 {2, 0, "", errc::not_found}});
}

TEST_CASE("a want for a snapshot of an earlier offer turns the transfer back to it") {
    // scenario D62: install_rules row 8, at the leader
    leader of(8);
    of.stores(20, text_of(150));
    of.stores(30, text_of(150, 'b'));
    of.ship(2, 20);
    of.work_off();
    CHECK(of.pieces().size() == 3);
    (void)of.offers();
    of.want(2, id_of(20), 64, 64);
    CHECK(of.pins.leased_by({2})->at.index == index_t{20});
    CHECK_FALSE(of.pins.pinned(id_of(30)));
    of.want(2, id_of(20), 128, 22);
    of.work_off();
    // No credit: only what it lacks.
    CHECK(of.pieces() == std::vector<seen_piece>{{2, 64, text_of(150).substr(64, 64), errc::ok},
                                                 {2, 128, text_of(150).substr(128, 22), errc::ok}});
    REQUIRE(of.out.offers.size() == 1);
    CHECK(std::get<snapshot_offer>(of.out.offers[0].mail.body).id == id_of(20));
    CHECK(of.store.todo->readers == 1);
    CHECK(of.ended().empty());
}

TEST_CASE("a want for a snapshot from which the log does not go on is answered not_found") {
    leader of;
    of.stores(20, text_of(150));
    of.stores(30, text_of(150));
    of.ship(2, 21);
    of.work_off();
    of.want(2, id_of(20), 0, 64);
    CHECK(of.pieces() == std::vector<seen_piece>{{2, 0, "", errc::not_found}});
    CHECK(of.pins.leased_by({2})->at.index == index_t{30});
    of.ship(2, 20);
    of.kept.find(id_of(20))->leaving = true;
    of.want(2, id_of(20), 0, 64);
    CHECK(of.pieces() == std::vector<seen_piece>{{2, 0, "", errc::not_found}});
}

TEST_CASE("a want that is repeated while it waits is read once, and nobody queues without end") {
    leader of;
    of.stores(20, text_of(64 * 200));
    of.ship(2);
    of.work_off();
    for (int times = 0; times < 3; ++times) {
        for (u64 chunk = 0; chunk < 200; ++chunk) of.want(2, id_of(20), chunk * 64, 64);
    }
    of.work_off();
    CHECK(of.store.todo->reads <= 2 * 65 + 1);
}

TEST_CASE("without a stored snapshot that is new enough one capture is wanted for all") {
    leader of;
    of.stores(20, "old");
    of.ship(2, 30);
    of.ship(3, 40);
    CHECK(count<order::want_capture>(of.out) == 2);  // the coordinator makes one of them
    CHECK(of.out.offers.empty());
    of.stores(50, "new");
    of.it.look_again(of.kept, of.now, of.out);
    of.work_off();
    CHECK(of.offers() == std::vector<u64>{2, 3});
}

TEST_CASE("a capture that did not come ends the transfer with no_snapshot") {
    leader of;
    of.ship(2, 30);
    of.out.clear();
    of.it.look_again(of.kept, of.now, of.out);
    CHECK(of.ended() == ends{{2, errc::no_snapshot}});
    CHECK(of.it.idle());
}

TEST_CASE("at most one transfer a peer: the same again goes on, another one replaces it") {
    // known bug 63
    leader of;
    of.stores(20, text_of(100));
    of.ship(2);
    of.work_off();
    of.ship(2);
    of.work_off();
    CHECK(of.store.todo->readers == 1);
    CHECK(of.offers().size() == 1);
    of.ship(2, 1, 4);  // in a new term
    of.work_off();
    CHECK(of.store.todo->readers == 1);
    REQUIRE(of.out.offers.size() == 1);
    CHECK(std::get<snapshot_offer>(of.out.offers[0].mail.body).term == term_t{4});
    of.stores(30, text_of(100));
    of.ship(2, 25, 4);  // what is on its way is too old by now
    of.work_off();
    CHECK(of.pins.leased_by({2})->at.index == index_t{30});
    CHECK_FALSE(of.pins.pinned(id_of(20)));
    CHECK(of.store.todo->readers == 1);
}

TEST_CASE("a transfer that waits for its slot is chosen anew when a newer snapshot is needed") {
    leader of(0, 4, 1);
    of.stores(20, text_of(100));
    of.ship(2);
    of.ship(3);
    of.stores(30, text_of(100));
    of.ship(3, 25);
    of.work_off();
    of.it.cancel({2}, of.out);
    of.work_off();
    REQUIRE(of.pins.leased_by({3}) != nullptr);
    CHECK(of.pins.leased_by({3})->at.index == index_t{30});
}

TEST_CASE("cancel lets go of reader and lease at every point of a transfer") {
    // known bugs 40, 63
    for (u32 steps = 0; steps < 6; ++steps) {
        CAPTURE(steps);
        leader of(3);
        of.stores(20, text_of(300));
        of.ship(2);
        of.work_off(steps);
        of.it.cancel({2}, of.out);
        of.collect();
        CHECK_FALSE(of.pins.pinned(id_of(20)));
        CHECK(of.ended().empty());  // the core knows
        of.work_off();
        CHECK(of.store.todo->readers == 0);
        CHECK(of.it.idle());
    }
}

TEST_CASE("all transfers end with the leadership, and a late job step finds its owner") {
    // known bug 40
    leader of(2);
    of.stores(20, text_of(300));
    of.ship(2);
    of.ship(3);
    of.work_off(1);
    of.it.cancel_all(of.out);
    CHECK_FALSE(of.it.idle());  // a job is still out
    of.work_off();
    CHECK(of.it.idle());
    CHECK(of.store.todo->readers == 0);
}

TEST_CASE("a transfer without progress loses its lease and its reader") {
    leader of;
    of.stores(20, text_of(300));
    of.ship(2);
    of.work_off();
    of.advance(seconds(29));
    of.want(2, id_of(20), 0, 64);  // progress
    of.work_off();
    of.advance(seconds(29));
    CHECK(of.ended().empty());
    of.it.heard({2}, of.now);  // it says that it is restoring
    of.advance(seconds(29));
    CHECK(of.ended().empty());
    CHECK(of.it.deadline() <= of.now + seconds(1));
    of.advance(seconds(1));
    CHECK(of.ended() == ends{{2, errc::timed_out}});
    of.work_off();
    CHECK(of.it.idle());
    CHECK(of.store.todo->readers == 0);
    CHECK_FALSE(of.pins.pinned(id_of(20)));
}

TEST_CASE(
    "the offer is repeated until a want answers it, then rarely, and at once after a reconnect") {
    // known bug 60
    leader of;
    of.stores(20, text_of(300));
    of.ship(2);
    of.work_off();
    (void)of.offers();
    of.advance(heartbeat - nanoseconds(1));
    CHECK(of.offers().empty());
    of.advance(nanoseconds(1));
    CHECK(of.offers() == std::vector<u64>{2});
    of.want(2, id_of(20), 0, 64);
    of.work_off();
    of.advance(heartbeat * 9);
    CHECK(of.offers().empty());
    of.advance(heartbeat);
    CHECK(of.offers() == std::vector<u64>{2});
    of.it.peer_changed({2}, false, of.now, of.out);
    CHECK(of.offers().empty());
    of.it.peer_changed({2}, true, of.now, of.out);
    CHECK(of.offers() == std::vector<u64>{2});
}

TEST_CASE("a damaged chunk ends the transfer, tells the peer and takes the snapshot out of use") {
    leader of;
    of.stores(20, text_of(300));
    of.ship(2);
    of.work_off();
    of.store.todo->fail_at = "read";
    of.store.todo->why = errc::corrupt;
    of.want(2, id_of(20), 0, 64);
    of.work_off();
    CHECK(of.pieces() == std::vector<seen_piece>{{2, 0, "", errc::corrupt}});
    REQUIRE(count<order::quarantine_snapshot>(of.out) == 1);
    CHECK(all<order::quarantine_snapshot>(of.out)[0].id == id_of(20));
    CHECK(of.ended() == ends{{2, errc::corrupt}});
    CHECK(of.it.idle());
    CHECK(of.store.todo->readers == 0);
}

TEST_CASE("a snapshot that does not open ends the transfer before an offer") {
    leader of;
    of.stores(20, text_of(300));
    of.store.todo->fail_at = "open";
    of.store.todo->why = errc::not_found;
    of.ship(2);
    of.work_off();
    CHECK(of.out.offers.empty());
    CHECK(of.ended() == ends{{2, errc::not_found}});
    CHECK(of.it.idle());
    CHECK_FALSE(of.pins.pinned(id_of(20)));
}

TEST_CASE("snapshot_sends_max transfers at once; a peer that cannot be reached takes no slot") {
    // scenario D71
    leader of(0, 4, 2);
    of.stores(20, text_of(300));
    for (u64 peer = 2; peer <= 5; ++peer) of.ship(peer);
    of.work_off();
    CHECK(of.offers() == std::vector<u64>{2, 3});
    CHECK(of.it.sending() == 2);
    of.it.cancel({2}, of.out);
    of.work_off();
    CHECK(of.offers() == std::vector<u64>{4});
    of.it.peer_changed({3}, false, of.now, of.out);
    of.work_off();
    CHECK(of.offers() == std::vector<u64>{5});
    CHECK(of.it.sending() == 2);
}

TEST_CASE("reads outstanding are bounded over all peers, who take turns") {
    leader of(0, 2, 4);
    of.stores(20, text_of(64 * 10));
    for (u64 peer = 2; peer <= 4; ++peer) of.ship(peer);
    of.work_off();
    for (u64 chunk = 0; chunk < 3; ++chunk) {
        for (u64 peer = 2; peer <= 4; ++peer) of.want(peer, id_of(20), chunk * 64, 64);
    }
    CHECK(of.asked.size() == 2);
    for (const work_job* job : of.asked) {
        CHECK(job->bytes == 64);  // what the throttle is asked for
        CHECK(job->use == bulk_use::send);
    }
    std::map<u64, int> served;
    while (!of.asked.empty()) {
        of.work_off(1);
        CHECK(of.asked.size() <= 2);
        for (const seen_piece& each : of.pieces()) ++served[each.to];
        int least = 99, most = 0;
        for (u64 peer = 2; peer <= 4; ++peer) {
            least = std::min(least, served[peer]);
            most = std::max(most, served[peer]);
        }
        CHECK(most - least <= 1);
    }
    CHECK(served == std::map<u64, int>{{2, 3}, {3, 3}, {4, 3}});
}
