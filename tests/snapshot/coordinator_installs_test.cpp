// The coordinator through time, closing and installs; saves alone are in coordinator_test.cpp.
#include <raftkit/snapshot/coordinator.hpp>

#include <doctest/doctest.h>

#include "support/coordinator_part.hpp"

using namespace coordinator_part;

// ---- tickets, time, closing ----

TEST_CASE("a ticket that is cancelled or late ends once, wherever it waits") {
    // invariant: every ticket completes exactly once
    applied_part at(10);
    snapshot_ticket shared, late, withdrawn, asked;
    late.deadline = at.now + seconds(1);
    at.request(shared);
    at.captured(10);
    at.request(late);
    at.request(withdrawn);
    at.request(asked);
    at.out.clear();
    CHECK(at.it.deadline() == late.deadline);
    shared.cancel_asked.store(true);
    at.it.cancel(withdrawn, at.out);
    at.it.cancel(withdrawn, at.out);
    at.now = late.deadline;
    at.it.advance(at.now, at.out);
    CHECK(at.answers() == std::vector<told>{{&withdrawn, errc::cancelled, 0, false},
                                            {&late, errc::timed_out, 0, false},
                                            {&shared, errc::cancelled, 0, false}});
    at.save_done();
    CHECK(at.answers() == std::vector<told>{{&asked, errc::ok, 10, true}});
}

TEST_CASE("closing lets a running save end, stops who waits, and cancels at the deadline") {
    // S004-40
    saving_part at(10);
    snapshot_ticket b;
    at.request(b);
    at.out.clear();
    at.it.close(at.now + seconds(3), at.out);
    CHECK(at.answers() == std::vector<told>{{&b, errc::stopped, 0, false}});
    CHECK(at.it.deadline() == at.now + seconds(3));
    at.now = at.now + seconds(3);
    at.it.advance(at.now, at.out);
    CHECK(count<order::cancel_save>(at.out) == 1);
    CHECK(at.answers() == std::vector<told>{{&at.asked, errc::stopped, 0, false}});
    CHECK(at.it.deadline() == never);
    at.save_fails(errc::cancelled);
    CHECK(at.it.quiet());
    CHECK(count<order::save_failed>(at.out) == 0);
    CHECK_FALSE(at.it.asks_trigger(at.now));
}

TEST_CASE("a trigger may begin a last save while closing, until the deadline") {
    applied_part at(10);
    at.it.close(at.now + seconds(3), at.out);
    CHECK(at.it.asks_trigger(at.now));
    CHECK_FALSE(at.it.asks_trigger(at.now + seconds(3)));
    at.it.due("on_close", at.now, at.out);
    at.captured(10);
    at.save_done();
    CHECK(at.it.kept().size() == 1);
    CHECK(at.it.quiet());
}

TEST_CASE("what is being published when time runs out is not taken back") {
    saving_part at(10);
    REQUIRE(at.it.may_publish());
    at.it.close(at.now, at.out);
    at.it.advance(at.now, at.out);
    CHECK(count<order::cancel_save>(at.out) == 0);
    at.out.clear();
    at.save_done();
    CHECK(at.answers() == std::vector<told>{{&at.asked, errc::ok, 10, false}});
}

// ---- installs ----

TEST_CASE("install_cancels_save: the save gives way, its requests are served after the install") {
    // scenario: install meets save; S000-44
    saving_part at(10);
    snapshot_ticket other;
    at.out.clear();
    REQUIRE(at.it.install_began(clash_verdict::cancel_save, at.out));
    CHECK(count<order::cancel_save>(at.out) == 1);
    CHECK_FALSE(at.it.may_publish());
    at.out.clear();
    at.save_fails(errc::cancelled);
    CHECK(count<order::save_failed>(at.out) == 0);
    CHECK(at.it.counts().failures == 0);
    CHECK(at.it.deadline() == never);  // giving way is no failure: no back-off
    at.request(other);
    CHECK_FALSE(at.it.asks_trigger(at.now));
    CHECK(count<order::capture>(at.out) == 0);
    CHECK(at.answers().empty());

    snapshot_manifest installed;
    installed.meta.id = id_of(500);
    at.it.install_stored(installed, at.now, at.out);
    at.it.applied({500});
    at.it.install_ended(true, at.now, at.out);
    CHECK(count<order::ask_compaction>(at.out) >= 1);
    CHECK(at.answers() ==
          std::vector<told>{{&at.asked, errc::ok, 500, true}, {&other, errc::ok, 500, true}});
}

TEST_CASE("an install that comes during the capture drops the image") {
    applied_part at(10);
    snapshot_ticket asked;
    at.request(asked);
    REQUIRE(at.it.install_began(clash_verdict::cancel_save, at.out));
    at.out.clear();
    at.captured(10);
    CHECK(count<order::drop_image>(at.out) == 1);
    CHECK(count<order::start_save>(at.out) == 0);
    CHECK(at.it.phase() == save_phase::idle);
    at.out.clear();
    at.it.install_ended(false, at.now, at.out);
    CHECK(count<order::capture>(at.out) == 1);  // the request was queued again
}

TEST_CASE("save_blocks_install: the install is busy, the save goes on") {
    saving_part at(10);
    at.out.clear();
    CHECK_FALSE(at.it.install_began(clash_verdict::finish_save_first, at.out));
    CHECK(count<order::cancel_save>(at.out) == 0);
    at.save_done();
    CHECK(at.answers() == std::vector<told>{{&at.asked, errc::ok, 10, false}});
    CHECK(at.it.install_began(clash_verdict::finish_save_first, at.out));
}

TEST_CASE("side_by_side: both run, and an older save never comes after a newer install") {
    // known bug 58; S003-32
    saving_part at(10);
    at.out.clear();
    REQUIRE(at.it.install_began(clash_verdict::run_both, at.out));
    CHECK(count<order::cancel_save>(at.out) == 0);
    snapshot_manifest installed;
    installed.meta.id = id_of(500);
    at.it.install_stored(installed, at.now, at.out);
    CHECK(count<order::cancel_save>(at.out) == 1);
    CHECK_FALSE(at.it.may_publish());
    at.out.clear();
    at.save_fails(errc::cancelled);
    CHECK(at.answers() == std::vector<told>{{&at.asked, errc::ok, 500, true}});
    CHECK(at.it.kept().size() == 1);
}

TEST_CASE("a save that a listing has overtaken is not published") {
    // known bug 58
    applied_part at(10);
    at.it.due("test", at.now, at.out);
    at.captured(10);
    snapshot_manifest newer;
    newer.meta.id = id_of(11);
    at.it.relisted({newer}, at.now, at.out);
    CHECK_FALSE(at.it.may_publish());
}

TEST_CASE("a save may begin beside an install unless the policy says otherwise") {
    applied_part at(10);
    REQUIRE(at.it.install_began(clash_verdict::run_both, at.out));
    CHECK(at.it.asks_trigger(at.now));
    at.it.due("entries", at.now, at.out);
    CHECK(at.capturing());
}

TEST_CASE("past the point of no return a request is busy and nothing is captured") {
    // S003-26
    applied_part at(10);
    REQUIRE(at.it.install_began(clash_verdict::run_both, at.out));
    at.it.install_filled();
    snapshot_ticket asked;
    at.request(asked);
    CHECK(at.answers() == std::vector<told>{{&asked, errc::busy, 0, false}});
    CHECK_FALSE(at.it.asks_trigger(at.now));
    at.it.wanted_by_peers({5}, at.now, at.out);
    CHECK(count<order::capture>(at.out) == 0);
    at.it.install_ended(false, at.now, at.out);
    CHECK(count<order::capture>(at.out) == 1);
}

// ---- kept ----

TEST_CASE("compaction is asked after a removal; one that failed is tried again") {
    // known bug 42, S003-56
    struct one {
        bool keeps(const kept_snapshot& s, instant) const noexcept { return s.rank < 1; }
    };
    const auto unpinned = [](snapshot_id) { return false; };
    node_part at({}, {10, 20});
    at.it.retain(one{}, at.now, unpinned, at.out);
    REQUIRE(count<order::remove_snapshot>(at.out) == 1);
    const snapshot_id gone = all<order::remove_snapshot>(at.out)[0].id;
    CHECK(gone.at.index.value == 10);
    at.out.clear();
    at.it.removed(gone, error{errc::io, 0, "test"}, at.out);
    CHECK(at.out.empty());
    at.it.retain(one{}, at.now, unpinned, at.out);
    CHECK(count<order::remove_snapshot>(at.out) == 1);
    at.out.clear();
    at.it.removed(gone, {}, at.out);
    CHECK(count<order::ask_compaction>(at.out) == 1);
    CHECK(at.it.kept().size() == 1);
}

TEST_CASE("log shape and bounds tell newest, previous and oldest kept") {
    node_part at({}, {10, 20, 30});
    log_shape shape;
    at.it.describe(shape);
    CHECK(shape.snapshot.value == 30);
    CHECK(shape.previous_snapshot.value == 20);
    CHECK(shape.oldest_kept.value == 10);
    CHECK(shape.snapshot_at == at.now);
    log_bounds bounds;
    at.it.describe(bounds);
    CHECK(bounds.newest.value == 30);
    CHECK(bounds.oldest_kept.value == 10);
    CHECK(bounds.fallback);
}
