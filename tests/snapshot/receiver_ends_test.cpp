// How installs end, meet one another and meet hostile offers; the transfer itself is in
// receiver_test.cpp.
#include <raftkit/snapshot/receiver.hpp>

#include <doctest/doctest.h>

#include "support/receiver_part.hpp"

using namespace receiver_part;

namespace {

struct forgetful_store : planned_store {
    result<void> forget_staged() { return {}; }
};
static_assert(forgetting_store<forgetful_store>);

}  // namespace

TEST_CASE("a second offer meets the first by the rules of installs") {
    // known bug 39, scenario D62
    struct row {
        const char* why;
        u64 index, nonce, from, term, first;
        failed answers;
        u64 runs;  // the index that is being fetched afterwards
    };
    const row rows[] = {
        {"the same again", 20, 1, 1, 3, 21, {install_status::installing}, 20},
        {"older in the same term", 10, 1, 1, 3, 1, {install_status::stale}, 20},
        {"newer, the log goes on from ours", 30, 1, 1, 3, 21, {install_status::installing}, 20},
        {"newer, the log begins behind ours", 30, 1, 1, 3, 22, {}, 30},
        {"newer, nothing is known of the log", 30, 1, 1, 3, 0, {}, 30},
        {"another one in a new term replaces", 20, 9, 2, 4, 1, {}, 20},
        {"an older one in a new term replaces", 10, 9, 2, 4, 1, {}, 10},
        {"from an older term", 30, 1, 2, 2, 1, {install_status::stale}, 20},
        {"at or below the commit index", 5, 1, 1, 3, 1, {install_status::already_have}, 20},
    };
    for (const row& each : rows) {
        CAPTURE(each.why);
        follower of;
        of.leader_has(20, {text_of(600)});
        of.offer();
        of.work_off();
        for (const wanted& one : of.wants()) of.answer(one);
        of.work_off(1);
        (void)of.wants();
        of.leader_has(each.index, {text_of(600, 'b')}, 64, each.nonce + 100 * each.index);
        if (each.index == 20 && each.nonce == 1) of.offered = of.leader.list()->back();
        of.offer(each.from, each.term, each.first);
        CHECK(of.failures() == each.answers);
        CHECK(of.it.id().at.index.value == each.runs);
        of.fetch();
        of.advance(retry);
        of.fetch();
        CHECK(of.it.phase() == receive_phase::restoring);
        CHECK(of.store.todo->writers == 0);
        CHECK(of.listed() == 1);
    }
}

TEST_CASE("while one is restored another one is busy, and the same one goes on") {
    // known bug 39, scenario D62
    follower of;
    of.leader_has(20, {text_of(100)});
    of.offer();
    of.fetch();
    REQUIRE(of.it.phase() == receive_phase::restoring);
    of.offer(2, 4);
    CHECK(of.failures() == failed{install_status::installing});
    of.leader_has(30, {text_of(100)});
    of.offer(2, 4);
    CHECK(of.failures() == failed{install_status::installing, install_status::busy});
    CHECK(of.it.phase() == receive_phase::restoring);
    CHECK(of.it.id() == id_of(20));
}

TEST_CASE("a save that must end first makes the install busy, and nothing was begun") {
    follower of;
    of.lets_install = false;
    of.leader_has(20, {text_of(100)});
    of.offer();
    CHECK(of.failures() == failed{install_status::busy});
    CHECK(of.asked.empty());
    of.check_no_trace();
}

TEST_CASE("a cancellation at every step leaves nothing behind") {
    // known bugs 47, 68; scenario D59, requirements 5.4: install crash points without the crash
    u32 steps = 0;
    for (u32 stop = 0; stop <= steps || stop == 0; ++stop) {
        CAPTURE(stop);
        follower of;
        of.leader_has(20, {text_of(600)});
        of.offer();
        u32 done = 0;
        for (; done < stop && of.it.phase() != receive_phase::restoring; ++done) {
            of.work_off(1);
            if (const auto round = of.wants(); !round.empty()) of.answer(round.front());
            of.advance(retry);
        }
        steps = of.it.phase() == receive_phase::restoring ? done : stop + 1;
        const bool stored = of.it.phase() == receive_phase::restoring;
        of.it.cancel(id_of(20), of.commit, of.out);
        of.work_off();
        CHECK(of.failures().empty());  // the core knows
        CHECK(of.told<order::install_ended>() == 1);
        CHECK(of.told<order::cancel_restore>() == (stored ? 1 : 0));
        // Stored, unmarked and ahead of the log it would look like a log that lost its end.
        CHECK(of.told<order::remove_snapshot>() == (stored ? 1 : 0));
        CHECK(of.listed() == (stored ? 1 : 0));
        of.check_no_trace();
        CHECK_FALSE(of.pins.pinned(id_of(20)));
    }
    CHECK(steps > 10);
}

TEST_CASE("the core may cancel a fetch by the id of the offer that it heard first") {
    follower of;
    of.leader_has(20, {text_of(600)});
    of.offer();
    of.work_off();
    of.leader_has(30, {text_of(600)});
    of.offer();
    of.work_off();
    REQUIRE(of.it.id() == id_of(30));
    of.it.cancel(id_of(20), of.commit, of.out);
    of.work_off();
    of.check_no_trace();
}

TEST_CASE("a snapshot that the commit index passed stays as an ordinary one") {
    // scenario D61: the gate
    for (const bool at_once : {true, false}) {
        CAPTURE(at_once);
        follower of;
        of.lets_restore = !at_once;
        of.leader_has(20, {text_of(100)});
        of.offer();
        of.fetch();
        if (!at_once) {
            of.it.restore_ended({}, of.out);
            of.it.cancel(id_of(20), {25}, of.out);
            of.obey();
            CHECK(of.told<order::cancel_restore>() == 1);
        }
        CHECK(of.told<order::remove_snapshot>() == 0);
        CHECK(of.told<order::settle_snapshot>() == 0);
        of.check_no_trace();
        of.it.log_reached({19}, of.out);  // committed, but not yet durable here
        of.obey();
        CHECK(of.told<order::settle_snapshot>() == 0);
        of.it.log_reached({20}, of.out);
        of.obey();
        CHECK(of.told<order::settle_snapshot>() == 1);
    }
}

TEST_CASE("a cancellation that comes while publish runs takes the snapshot away again") {
    follower of;
    of.leader_has(20, {text_of(100)});
    of.offer();
    of.work_off();
    for (const wanted& one : of.wants()) of.answer(one);
    while (of.it.phase() != receive_phase::publishing) of.work_off(1);
    REQUIRE(of.asked.size() == 1);
    work_job* job = of.asked.front();
    of.asked.clear();
    (void)of.work.step(*job);  // it runs to its end before the cancellation is seen
    job->running = true;
    of.it.cancel(id_of(20), of.commit, of.out);
    of.it.stepped(job, of.now, of.out);
    of.work_off();
    CHECK(of.told<order::remove_snapshot>() == 1);
    CHECK(of.told<order::tell_received>() == 0);
    of.check_no_trace();
}

TEST_CASE("an error of the store ends the install with a status, whatever call it is") {
    // scenario D77
    for (const char* call : {"create", "write", "publish"}) {
        CAPTURE(call);
        follower of;
        of.store.todo->fail_at = call;
        of.store.todo->why = errc::no_space;
        of.leader_has(20, {text_of(300)});
        of.offer();
        of.fetch();
        CHECK(of.failures() == failed{install_status::cancelled});
        CHECK(of.listed() == 0);
        of.check_no_trace();
        (void)of.wants();
        of.seen.clear();
        of.store.todo->fail_at.clear();
        of.offer();
        of.fetch();
        CHECK(of.it.phase() == receive_phase::restoring);
    }
}

TEST_CASE("a leader that cannot give a chunk ends the attempt") {
    struct row {
        errc said;
        install_status answer;
    };
    for (const row& each : {row{errc::corrupt, install_status::corrupt},
                            row{errc::not_found, install_status::cancelled},
                            row{errc::io, install_status::cancelled}}) {
        follower of;
        of.leader_has(20, {text_of(300)});
        of.offer();
        of.work_off();
        of.give(0, 0, "", 1, each.said);
        of.work_off();
        CHECK(of.failures() == failed{each.answer});
        of.check_no_trace();
    }
}

TEST_CASE("a transfer that does not move gives up after a lease") {
    follower of;
    of.leader_has(20, {text_of(300)});
    of.offer();
    of.work_off();
    of.advance(seconds(29));
    of.give(0, 0, text_of(300).substr(0, 64));
    of.work_off();
    of.advance(seconds(29));
    CHECK(of.failures().empty());
    of.advance(seconds(1));
    of.work_off();
    CHECK(of.failures() == failed{install_status::cancelled});
    of.check_no_trace();
}

TEST_CASE("while our own disk or throttle holds it up a transfer does not give up") {
    follower of;
    of.leader_has(20, {text_of(300)});
    of.offer();
    REQUIRE(of.asked.size() == 1);  // it creates its writer, and that lasts
    for (u32 lease = 0; lease < 3; ++lease) of.advance(seconds(31));
    CHECK(of.failures().empty());
    of.offer();  // the leader's reminder is answered: its lease lives on
    CHECK(of.failures() == failed{install_status::installing});
    of.fetch();
    of.advance(retry);
    of.fetch();
    CHECK(of.it.phase() == receive_phase::restoring);
    CHECK(of.told<order::tell_accept_failed>() == 1);
}

TEST_CASE("a job that is cancelled while it waits for the throttle is hurried") {
    follower of;
    of.leader_has(20, {text_of(300)});
    of.offer();
    of.work_off();
    of.answer(of.wants().front());
    REQUIRE(of.asked.size() == 1);  // as one that the throttle holds back
    of.it.cancel(id_of(20), of.commit, of.out);
    of.obey();
    CHECK(of.told<order::hurry_job>() == 1);
    of.work_off();
    of.check_no_trace();

    follower idle;
    idle.leader_has(20, {text_of(300)});
    idle.offer();
    idle.work_off();
    idle.it.cancel(id_of(20), idle.commit, idle.out);
    idle.obey();
    CHECK(idle.told<order::hurry_job>() == 0);
}

TEST_CASE("what is staged is forgotten after the last step of the job that held it, not before") {
    follower_on<forgetful_store> of;
    of.options.snapshot_staging_ttl = seconds(1);
    of.it.reconfigure(of.options);
    of.leader_has(20, {text_of(300)});
    of.offer();
    of.work_off();
    of.answer(of.wants().front());
    REQUIRE(of.asked.size() == 1);  // a write that lasts
    of.it.cancel(id_of(20), of.commit, of.out);
    of.advance(seconds(2));
    CHECK(of.told<order::forget_staged>() == 0);
    of.work_off();
    of.advance(milliseconds(1));
    CHECK(of.told<order::forget_staged>() == 1);
}

TEST_CASE("a damaged snapshot found while restoring is quarantined") {
    follower of;
    of.leader_has(20, {text_of(300)});
    of.offer();
    of.fetch();
    of.it.restore_ended(error{errc::corrupt, 0, "test"}, of.out);
    of.obey();
    CHECK(of.failures() == failed{install_status::restore_failed});
    CHECK(of.told<order::quarantine_snapshot>() == 1);
    CHECK_FALSE(of.pins.pinned(id_of(20)));
    of.check_no_trace();
}

TEST_CASE("hostile offers are answered corrupt and reserve nothing") {
    struct row {
        const char* why;
        void (*spoil)(snapshot_manifest&);
    };
    const row rows[] = {
        {"chunks above a message", [](snapshot_manifest& m) { m.chunk_bytes = 32u << 20; }},
        {"another size than the offer's",
         [](snapshot_manifest& m) {
             m.sections[0].bytes += 1;
             m.meta.bytes += 1;
             m.meta.digest = digest_of(m.sections);
         }},
        {"no sections",
         [](snapshot_manifest& m) {
             m.sections.clear();
             m.meta.sections = 0;
             m.meta.bytes = 0;
             m.meta.digest = digest_of(m.sections);
         }},
        {"another id", [](snapshot_manifest& m) { m.meta.id.nonce ^= 1; }},
        {"other members", [](snapshot_manifest& m) { m.meta.members.members.pop_back(); }},
    };
    for (const row& each : rows) {
        CAPTURE(each.why);
        follower of;
        of.leader_has(20, {text_of(300)});
        accept_snapshot effect{{1}, {3}, of.offered.meta, {}};
        snapshot_manifest spoilt = of.offered;
        each.spoil(spoilt);
        if (std::string(each.why) == "no sections") effect.meta = spoilt.meta;
        std::vector<std::byte> bytes;
        encode(spoilt, bytes);
        effect.manifest = buffer::copy_of(bytes);
        of.it.accept(effect, of.commit, of.kept, of.now, of.out);
        of.work_off();
        CHECK(of.failures() == failed{install_status::corrupt});
        of.check_no_trace();
    }
    follower of;
    of.leader_has(20, {text_of(300)});
    accept_snapshot noise{{1}, {3}, of.offered.meta, buffer::copy_of(as_bytes(text_of(500)))};
    of.it.accept(noise, of.commit, of.kept, of.now, of.out);
    of.obey();
    CHECK(of.failures() == failed{install_status::corrupt});
}

TEST_CASE("a manifest of astronomic size costs a window, not its size") {
    follower of;
    of.leader_has(20, {text_of(300)});
    snapshot_manifest huge = of.offered;
    huge.sections[0].bytes = section_bytes_max;
    huge.meta.bytes = section_bytes_max;
    huge.meta.digest = digest_of(huge.sections);
    huge.chunk_bytes = 1;
    of.offer_manifest(huge);
    of.work_off();
    CHECK(of.wants().size() == of.options.snapshot_window_chunks);
    CHECK(of.it.outstanding() == of.options.snapshot_window_chunks);
}
