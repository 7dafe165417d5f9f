#include <raftkit/snapshot/receiver.hpp>

#include <doctest/doctest.h>

#include "support/receiver_part.hpp"

using namespace receiver_part;

TEST_CASE(
    "an install fetches, publishes with its marker, restores, and settles when the log is there") {
    follower of;
    of.leader_has(20, {text_of(300), text_of(64), ""});
    of.offer();
    CHECK(of.it.phase() == receive_phase::creating);
    CHECK(of.fetch() == 6);
    REQUIRE(of.it.phase() == receive_phase::restoring);
    CHECK(stored_text(of.store, id_of(20)) ==
          std::vector<std::string>{text_of(300), text_of(64), ""});
    const snapshot_manifest stored = of.store.inner.list()->front();
    CHECK(stored.meta.installing);  // recovery.md: published with the marker
    CHECK(stored.meta.origin == snapshot_origin::installed);
    CHECK(stored.meta.digest == of.offered.meta.digest);
    CHECK(of.told<order::install_stored>() == 1);
    CHECK(of.told<order::start_restore>() == 1);
    CHECK(of.told<order::tell_filled>() == 0);
    CHECK(of.pins.pinned(id_of(20)));  // known bug 64

    of.it.restore_ended({}, of.out);
    of.obey();
    CHECK(of.told<order::install_filled>() == 1);
    CHECK(of.told<order::tell_filled>() == 1);
    of.it.committed(id_of(20));
    of.it.log_reached({19}, of.out);
    of.it.answered(id_of(20), install_status::installed, of.out);
    of.it.log_reached({19}, of.out);
    of.obey();
    CHECK(of.told<order::settle_snapshot>() == 0);  // a crash here finds a log that ends before it
    of.it.log_reached({20}, of.out);
    of.it.log_reached({21}, of.out);
    of.obey();
    CHECK(of.told<order::settle_snapshot>() == 1);
    CHECK(of.told<order::install_ended>() == 1);
    CHECK(of.failures().empty());
    of.check_no_trace();
    CHECK_FALSE(of.pins.pinned(id_of(20)));
}

TEST_CASE("at most a window of chunks is asked for or in memory, whatever the size") {
    // S004-54
    // requirement: peak memory <= window x chunk
    follower of(3);
    of.leader_has(20, {text_of(64 * 40)});
    of.offer();
    CHECK(of.wants().size() == 3);
    of.work_off(0);
    for (u64 chunk = 0; chunk < 3; ++chunk)
        of.give(0, chunk * 64, text_of(64 * 40).substr(chunk * 64, 64));
    CHECK(of.wants().empty());  // nothing more before these are written
    CHECK(of.it.outstanding() == 3);
    of.give(0, 3 * 64, text_of(64));  // never asked for
    CHECK(of.it.counts().dropped == 1);
    CHECK(of.fetch() == 37);
    CHECK(stored_text(of.store, id_of(20)) == std::vector<std::string>{text_of(64 * 40)});
}

TEST_CASE("the first pieces may come before the effect of their offer is carried out") {
    follower of(4, 4);
    const std::string text = text_of(64 * 6);
    of.leader_has(20, {text});
    const auto part = [&](u64 chunk) { return text.substr(chunk * 64, 64); };
    for (u64 chunk = 0; chunk < 4; ++chunk)
        of.give_of(id_of(20), 0, chunk * 64, part(chunk), chunk == 2 ? 9 : 1);
    of.give_of(id_of(20), 0, 256, part(4));  // more than the credit is not kept
    CHECK(of.it.counts().dropped == 1);
    of.offer();
    CHECK(of.it.counts().pieces == 3);
    CHECK(of.it.counts().dropped == 2);  // the stranger's
    of.work_off();
    CHECK(of.wants().size() == 2);  // the rest, in the slots of what is written
    of.advance(retry);
    of.fetch();
    CHECK(of.it.phase() == receive_phase::restoring);
    CHECK(stored_text(of.store, id_of(20)) == std::vector<std::string>{text});

    follower late(4, 4);  // no offer came in that turn
    late.leader_has(20, {text});
    late.give_of(id_of(20), 0, 0, part(0));
    late.give_of(id_of(20), 0, 64, part(1), 1, errc::io);
    CHECK(late.it.counts().dropped == 1);
    late.advance({});
    CHECK(late.it.counts().dropped == 2);
    late.offer();
    CHECK(late.it.counts().pieces == 0);
}

TEST_CASE("pieces may come in any order, twice, and for places nobody asked for") {
    // scenario D56
    follower of(4);
    const std::string text = text_of(64 * 4 + 10);
    of.leader_has(20, {text});
    of.offer();
    of.work_off();
    REQUIRE(of.wants().size() == 4);
    const auto part = [&](u64 chunk) { return text.substr(chunk * 64, 64); };
    of.give(0, 192, part(3));
    of.give(0, 64, part(1));
    of.give(0, 64, part(1));
    of.give(0, 192, "liar" + part(3).substr(4));
    of.work_off();
    of.give(0, 64, part(1));               // already written
    of.give(0, 0, part(0).substr(0, 63));  // too short
    of.give(0, 0, part(0) + "x");          // too long
    of.give(0, 1, part(0));                // no chunk begins there
    of.give(9, 0, part(0));                // no such section
    of.give(0, ~u64{0} - 63, part(0));     // far beyond
    of.give(0, 0, part(0), 2);             // not from the leader
    of.give_of(id_of(21), 0, 0, part(0));  // of another snapshot
    CHECK(of.it.counts().dropped == 10);
    CHECK(of.it.counts().pieces == 2);
    of.give(0, 128, part(2));
    of.give(0, 0, part(0));
    of.fetch();
    CHECK(of.it.phase() == receive_phase::restoring);
    CHECK(stored_text(of.store, id_of(20)) == std::vector<std::string>{text});
}

TEST_CASE("after a loss only the missing chunks are asked for again") {
    // scenario D56, D58
    follower of(4);
    const std::string text = text_of(64 * 8);
    of.leader_has(20, {text});
    of.offer();
    of.work_off();
    REQUIRE(of.wants().size() == 4);
    of.give(0, 64, text.substr(64, 64));
    of.work_off();
    CHECK(of.wants() == std::vector<wanted>{{1, 0, 256, 64}});  // the window moved on by one
    of.advance(retry - nanoseconds(1));
    CHECK(of.wants().empty());
    CHECK(of.it.deadline() == of.now + nanoseconds(1));
    of.advance(nanoseconds(1));
    CHECK(of.wants() ==
          std::vector<wanted>{{1, 0, 0, 64}, {1, 0, 128, 64}, {1, 0, 192, 64}, {1, 0, 256, 64}});
    CHECK(of.it.counts().asked_again == 4);
    of.it.peer_changed({1}, false, of.now, of.out);
    CHECK(of.wants().empty());
    of.it.peer_changed({2}, true, of.now, of.out);
    CHECK(of.wants().empty());
    of.it.peer_changed({1}, true, of.now, of.out);  // reconnected: at once
    CHECK(of.wants().size() == 4);
    of.give(0, 0, text.substr(0, 64));
    of.fetch();
    of.advance(retry);
    CHECK(of.fetch() > 0);
    CHECK(of.it.phase() == receive_phase::restoring);
    CHECK(stored_text(of.store, id_of(20)) == std::vector<std::string>{text});
}

TEST_CASE("while pieces arrive nothing is asked for again, and after silence ever later") {
    follower of(4);
    const std::string text = text_of(64 * 30);
    of.leader_has(20, {text});
    of.offer();
    of.work_off();
    (void)of.wants();
    for (u64 number = 0; number < 10; ++number) {  // slower than retry for the whole window
        of.advance(retry - nanoseconds(1));
        of.give(0, number * 64, text.substr(number * 64, 64));
        of.work_off();
    }
    CHECK(of.it.counts().asked_again == 0);
    (void)of.wants();
    std::vector<u64> asked;
    for (i64 times = 0; times < 16; ++times) {
        of.advance(retry);
        asked.push_back(of.wants().size());
    }
    CHECK(asked == std::vector<u64>{4, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 4, 0});
    of.it.peer_changed({1}, true, of.now, of.out);
    CHECK(of.wants().size() == 4);
}

TEST_CASE(
    "unasked pieces have their slots before the wants leave, and are asked for if they don't "
    "come") {
    follower of(4, 2);
    const std::string text = text_of(64 * 5);
    of.leader_has(20, {text});
    of.offer();
    CHECK(of.wants() == std::vector<wanted>{{1, 0, 128, 64}, {1, 0, 192, 64}});
    of.give(0, 0, text.substr(0, 64));  // before the store has made its writer
    CHECK(of.it.counts().pieces == 1);
    CHECK(of.store.todo->writes == 0);
    of.work_off();
    CHECK(of.store.todo->writes == 1);
    CHECK(of.wants() == std::vector<wanted>{{1, 0, 256, 64}});
    of.advance(retry);
    CHECK(of.wants() ==
          std::vector<wanted>{{1, 0, 64, 64}, {1, 0, 128, 64}, {1, 0, 192, 64}, {1, 0, 256, 64}});
}

TEST_CASE("a new leader with the same snapshot goes on where the old one was") {
    // scenario D58
    follower of(4);
    const std::string text = text_of(64 * 20);
    of.leader_has(20, {text});
    of.offer(1, 3);
    of.work_off();
    for (int rounds = 0; rounds < 2; ++rounds) {
        for (const wanted& each : of.wants()) of.answer(each);
        of.work_off();
    }
    REQUIRE(of.it.counts().pieces == 8);
    CHECK(of.wants().size() == 4);
    of.offer(1, 3);  // the leader's reminder: nothing to do
    CHECK(of.wants().empty());
    of.offer(2, 4);
    const std::vector<wanted> again = of.wants();
    REQUIRE(again.size() == 4);
    CHECK(again[0] == wanted{2, 0, 8 * 64, 64});
    of.give(0, 8 * 64, text.substr(8 * 64, 64), 1);  // the old leader is nobody now
    CHECK(of.it.counts().pieces == 8);
    for (const wanted& each : again) of.answer(each);
    of.fetch();
    CHECK(of.it.counts().pieces == 20);                             // none of the first eight again
    CHECK(of.failures() == failed(2, install_status::installing));  // both were answered
    CHECK(stored_text(of.store, id_of(20)) == std::vector<std::string>{text});
}

TEST_CASE("a snapshot whose bytes are not what its manifest says is never published") {
    // known bug 62, scenario D56: a mixed file
    follower of;
    of.leader_has(20, {text_of(200)});
    of.offer();
    of.work_off();
    of.give(0, 0, text_of(64, 'b'));  // right place, right length, wrong bytes
    of.fetch();
    CHECK(of.failures() == failed{install_status::corrupt});
    CHECK(of.told<order::tell_received>() == 0);
    CHECK(of.listed() == 0);
    of.check_no_trace();
    of.wants();
    of.seen.clear();
    of.offer();  // the next attempt begins afresh
    of.fetch();
    CHECK(of.it.phase() == receive_phase::restoring);
}

TEST_CASE(
    "chunk sizes from one byte to the whole, exact multiples and an empty state arrive whole") {
    // scenario D55; S002-60
    for (const u32 chunk_bytes : {1u, 7u, 64u, 1024u}) {
        for (const std::size_t size : {0u, 1u, 64u, 128u, 129u}) {
            CAPTURE(chunk_bytes);
            CAPTURE(size);
            follower of;
            of.leader_has(20, {text_of(size), text_of(3)}, chunk_bytes);
            of.offer();
            of.fetch();
            CHECK(of.it.phase() == receive_phase::restoring);
            CHECK(stored_text(of.store, id_of(20)) ==
                  std::vector<std::string>{text_of(size), text_of(3)});
        }
    }
    follower none;
    none.leader_has(20, {""});
    none.offer();
    CHECK(none.fetch() == 0);
    CHECK(none.it.phase() == receive_phase::restoring);
}

TEST_CASE("what is stored here under this very id is not fetched again") {
    follower of;
    of.leader_has(20, {text_of(300)});
    of.offer();
    of.fetch();
    of.it.restore_ended(error{errc::io, 0, "test"}, of.out);
    of.obey();
    CHECK(of.failures() == failed{install_status::restore_failed});
    CHECK(of.told<order::remove_snapshot>() == 0);  // it stays, marked
    of.seen.clear();
    of.offer();
    CHECK(of.fetch() == 0);
    CHECK(of.it.phase() == receive_phase::restoring);
    CHECK(of.told<order::tell_received>() == 1);
    CHECK(of.told<order::install_stored>() == 0);
}

TEST_CASE("what is listed but does not open is quarantined and fetched anew") {
    follower of;
    of.leader_has(20, {text_of(100)});
    snapshot_manifest ghost = of.offered;
    of.kept.insert(ghost, of.now);
    of.offer();
    CHECK(of.fetch() == 2);
    CHECK(of.told<order::quarantine_snapshot>() == 1);
    CHECK(of.it.phase() == receive_phase::restoring);
}

TEST_CASE("another content under an id that is stored here is refused, ours is left alone") {
    follower of;
    of.kept.insert(store_text(of.store, id_of(20), {"ours"}, 64), of.now);
    of.leader_has(20, {"theirs"});
    of.offer();
    of.work_off();
    CHECK(of.failures() == failed{install_status::corrupt});
    CHECK(of.told<order::quarantine_snapshot>() == 0);
    CHECK(stored_text(of.store, id_of(20)) == std::vector<std::string>{"ours"});
    of.check_no_trace();
}
