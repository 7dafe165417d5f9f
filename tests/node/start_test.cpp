// The start plan's row 7: an install that a crash interrupted is looked at before the log is given
// up for it.
#include <raftkit/node/start.hpp>

#include <doctest/doctest.h>

#include <node/support/shelf_trio.hpp>

using namespace node_tests;

namespace {

// A follower with a log and a snapshot of its own that crashed between the publish of an install
// and the reset of its log: what it has seen is still true.
u64 crashed_in_an_install(shelf_trio& c, bool with_own) {
    c.options.snapshot_chunk_bytes = 4096;
    for (u64 id = 1; id <= 3; ++id) c.start(id);
    REQUIRE(c.run_until([&] { return c.leader() != 0; }));
    c.run(milliseconds(300));
    c.write(20);
    const u64 away = c.leader() % 3 + 1;
    REQUIRE(c.run_until([&] { return c.level(away); }));
    if (with_own) (void)c.save(away);
    c.stop(away);
    c.write(1500);
    c.shipped = c.save(c.leader());
    c.run(milliseconds(20));
    c.options.events_per_poll = 1;  // a step a poll
    c.start(away);
    REQUIRE(c.run_until([&] { return c.at(away).heard.published == 1; }));
    c.at(away).work.closed = true;  // stored, and not yet restored
    c.run(milliseconds(20));
    c.at(away).shelf.crash_at(1);
    c.stop(away);
    c.at(away).shelf.process_crash();
    REQUIRE(c.at(away).disk.base.at.index < c.shipped.at.index);
    c.options.events_per_poll = 4096;
    return away;
}
std::string file_of(const shelf_trio& c) {
    return "snap/snap-" + snapshot_disk::name_of(c.shipped) + "/section-000.snap";
}

}  // namespace

TEST_CASE("an interrupted install that is sound replaces the log at the next start") {
    shelf_trio c;
    const u64 slow = crashed_in_an_install(c, true);
    const u64 resets = c.at(slow).disk.resets;
    c.start(slow);
    CHECK(c.run_until([&] { return c.level(slow); }));
    CHECK(c.at(slow).disk.resets == resets + 1);
    CHECK(c.at(slow).heard.restored == 1);
    CHECK(c.at(slow).heard.damaged == 0);
}

TEST_CASE("an interrupted install that rotted is set aside: the log was not given up for it") {
    for (const bool with_own : {true, false}) {  // an older snapshot, or the whole log
        CAPTURE(with_own);
        shelf_trio c;
        const u64 slow = crashed_in_an_install(c, with_own);
        REQUIRE(c.at(slow).shelf.flip_bits(file_of(c), 9000, 4));
        const u64 resets = c.at(slow).disk.resets;
        c.cut_off(slow);
        c.start(slow);
        CHECK(c.at(slow).heard.damaged == 1);
        CHECK(c.at(slow).disk.resets == resets);
        REQUIRE(c.run_until([&] { return c.status(slow).phase == node_phase::serving; }));
        CHECK(c.at(slow).heard.restored == (with_own ? 1 : 0));
        CHECK(c.count(slow, "snap-") == (with_own ? 2 : 1));
        CHECK(c.status(slow).snapshots_kept == (with_own ? 1 : 0));
        CHECK(c.at(slow).shelf.exists("snap/snap-" + snapshot_disk::name_of(c.shipped) +
                                      ".corrupt/section-000.snap"));
        // And the install comes again.
        c.cut_off(slow, false);
        CHECK(c.run_until([&] { return c.level(slow); }));
        CHECK(c.status(slow).snapshots_installed == 1);
    }
}

TEST_CASE("without another plan a rotten install is refused, named, and nothing is changed") {
    shelf_trio c;
    const u64 slow = crashed_in_an_install(c, true);
    // What was told here is committed beyond the log: only the install explains it.
    c.at(slow).disk.hard.commit_hint = c.shipped.at.index;
    REQUIRE(c.at(slow).shelf.flip_bits(file_of(c), 9000, 4));
    for (int life = 0; life < 2; ++life) {
        const result<void> opened = c.try_start(slow);
        CHECK(opened.why().code == errc::corrupt);
        REQUIRE(c.at(slow).up->found() != nullptr);
        const damage& found = *c.at(slow).up->found();
        CHECK(found.part == damaged_part::snapshot);
        CHECK(found.first == c.shipped.at.index);
        CHECK(found.file == file_of(c));
        CHECK(found.offset != 0);
        CHECK(c.at(slow).heard.damaged == 1);
        CHECK(c.count(slow, "snap-") == 2);
        CHECK(c.at(slow).shelf.exists(file_of(c)));
    }
}

TEST_CASE("an interrupted install that the disk does not give is not set aside") {
    // scenario I127: an error of the disk is not damage
    shelf_trio c;
    const u64 slow = crashed_in_an_install(c, true);
    testing::sim_disk& shelf = c.at(slow).shelf;
    c.at(slow).up.reset();
    shelf.process_crash();
    {
        shelf_trio::store_t store("snap", shelf.files());
        REQUIRE(store.recover({}));
        u32 section = 7;
        CHECK_FALSE(bool(read_through(store, c.shipped, 4096, section)));
        shelf.fail(testing::disk_call::read, 3, EIO);
        CHECK(read_through(store, c.shipped, 4096, section).code == errc::io);
        CHECK(section == 0);
        CHECK(read_through(store, {}, 4096, section).code == errc::not_found);
        shelf.clear_faults();
        auto listing = *store.list();
        recovered_log log;
        log.hard.term = c.shipped.at.term;
        shelf.fail(testing::disk_call::read, 3, EIO);
        CHECK(choose_start(log, listing, {}, store, 4096).why().code == errc::io);
        CHECK(listing.size() == 2);
        shelf.clear_faults();
        const auto sound = choose_start(log, listing, {}, store, 4096);
        REQUIRE(sound);
        CHECK(sound->plan.row == 7);
        CHECK(sound->rotten.empty());
        CHECK_FALSE(sound->refused);
    }
    c.start(slow);
    CHECK(c.run_until([&] { return c.level(slow); }));
}
