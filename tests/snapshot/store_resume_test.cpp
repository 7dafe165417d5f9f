// An install that ended early is gone on with: by a later writer, also of a later process. What is
// staged is believed frame by frame, and only for the very snapshot that is offered again.
#include <doctest/doctest.h>

#include "snapshot/staging_support.hpp"
#include "support/receiver_part.hpp"

using namespace raftkit;
using namespace store_support;

namespace {

// An install from its beginning or from where the last one stopped. The frames written are counted.
result<void> install(store& to, u64 index, u64& written, u64 most = ~u64{0}) {
    u64 held = 0;
    result<store::writer> writer = begun(to, offered(index), held);
    if (!writer) return writer.why();
    for (const place& each : frames()) {
        if (writer->holds(each.section, each.offset, each.bytes)) continue;
        if (written == most) return writer->suspend();
        const result<void> put_down = put(*writer, each);
        if (!put_down) return put_down;
        ++written;
    }
    const result<snapshot_manifest> made = writer->publish();
    return made ? result<void>() : result<void>(made.why());
}
u64 staged(testing::sim_disk& disk) {
    u64 count = 0;
    const auto names = disk.files().list("snap");
    for (const std::string& each : *names) count += each.starts_with("staging-");
    return count;
}

}  // namespace

TEST_CASE("an install goes on in the next process with what the last one staged") {
    // S003-44, B-03; scenario D59
    testing::sim_disk disk(1);
    u64 written = 0;
    {
        store first = opened(disk);
        u64 held = 0;
        auto writer = begun(first, offered(9), held);
        REQUIRE(writer);
        CHECK(held == 0);
        for (const place& each : frames()) {
            if (written++ == 10) break;
            REQUIRE(put(*writer, each));
        }
        disk.crash_at(1);  // nothing is tidied up
    }
    disk.process_crash();
    store again("snap", disk.files());
    const auto report = again.recover(conform::store_owner);
    REQUIRE(report);
    CHECK(report->resumable == 1);
    CHECK(report->removed == 0);
    CHECK(report->published == 0);
    CHECK(indexes_of(again).empty());  // staged is not stored
    u64 rest = 0;
    REQUIRE(install(again, 9, rest));
    CHECK(rest == frames().size() - 10);
    const auto read = conform::read_snapshot(again, id_at(9), 100);
    REQUIRE(read);
    CHECK(*read == whole);
    CHECK_FALSE(has_left_over(disk));
}

TEST_CASE("a suspended install goes on in the same process; a dropped one begins anew") {
    testing::sim_disk disk(1);
    store made = opened(disk);
    u64 written = 0;
    REQUIRE(install(made, 9, written, 5));
    CHECK(written == 5);
    CHECK(staged(disk) == 1);
    u64 held = 0;
    {
        auto writer = begun(made, offered(9), held);
        REQUIRE(writer);
        CHECK(held == 5);
        CHECK(made.create(offered(9)).why().code == errc::busy);
    }
    CHECK(staged(disk) == 0);
    REQUIRE(begun(made, offered(9), held));
    CHECK(held == 0);
}

TEST_CASE("only the same snapshot goes on: another content under the id begins anew") {
    // S003-44: wrong digests discarded
    testing::sim_disk disk(1);
    store made = opened(disk);
    u64 written = 0;
    REQUIRE(install(made, 9, written, 5));
    const conform::contents other = conform::some_contents(shape, 8);
    u64 held = 0;
    auto writer = begun(made, offered(9, other), held);
    REQUIRE(writer);
    CHECK(held == 0);
    for (const place& each : frames()) REQUIRE(put(*writer, each, other));
    REQUIRE(writer->publish());
    CHECK(*conform::read_snapshot(made, id_at(9), 100) == other);
}

TEST_CASE("what is staged is swept by another install and by a newer snapshot, not by a save") {
    testing::sim_disk disk(1);
    store made = opened(disk);
    u64 written = 0;
    REQUIRE(install(made, 9, written, 5));
    REQUIRE(conform::save(made, captured_at(8), small, 64));
    CHECK(staged(disk) == 1);  // ours is older: the install may still be wanted
    {
        u64 held = 0;
        auto writer = begun(made, offered(12), held);
        REQUIRE(writer);
        CHECK(staged(disk) == 1);
        REQUIRE(writer->suspend());
    }
    REQUIRE(conform::save(made, captured_at(13), small, 64));
    CHECK_FALSE(has_left_over(disk));
}

TEST_CASE("a newer save makes room at once: what is staged below it helps nobody any more") {
    // Were it swept only by a save that succeeds, a disk that it fills would never be saved again.
    testing::sim_disk disk(1);
    store made = opened(disk);
    u64 written = 0;
    REQUIRE(install(made, 9, written, 5));
    auto writer = made.create(captured_at(13));
    REQUIRE(writer);
    CHECK(staged(disk) == 1);  // the save's own
    u64 held = 0;
    REQUIRE(begun(made, offered(9), held));
    CHECK(held == 0);
}

TEST_CASE("a start keeps the newest install that may still help, and nothing else") {
    testing::sim_disk disk(1);
    {
        store made = opened(disk);
        REQUIRE(conform::save(made, captured_at(7), small, 64));
    }
    const auto plant = [&](u64 index, const snapshot_manifest& manifest, std::size_t torn = 0) {
        std::vector<std::byte> bytes;
        encode(manifest, bytes);
        bytes.resize(bytes.size() - torn);
        const std::string name = "snap/staging-" + snapshot_disk::name_of(id_at(index));
        disk.plant(name + "/manifest.snap", bytes);
    };
    plant(6, offered(6));  // older than what is stored
    plant(8, offered(8));  // older than another one
    plant(9, offered(9));  // this one
    plant(10, offered(10), 1);
    plant(11, offered(12));  // the manifest of another one
    snapshot_manifest save = offered(13);
    save.meta.origin = snapshot_origin::captured;
    plant(13, save);
    disk.process_crash();
    store made("snap", disk.files());
    const auto report = made.recover(conform::store_owner);
    REQUIRE(report);
    CHECK(report->resumable == 1);
    CHECK(report->removed == 5);
    CHECK(staged(disk) == 1);
    CHECK(disk.files().list("snap/staging-" + snapshot_disk::name_of(id_at(9))));
}

TEST_CASE("a start removes an install that is not newer than what is stored") {
    testing::sim_disk disk(1);
    u64 written = 0;
    {
        store made = opened(disk);
        REQUIRE(install(made, 9, written, 5));
        disk.crash_at(1);
    }
    disk.process_crash();
    testing::sim_disk other(1);
    for (const std::string& each : disk.paths()) other.plant(each, disk.content(each));
    saved(disk, {8});
    saved(other, {8});  // the same, but a newer one is copied beside it
    {
        testing::sim_disk third(1);
        saved(third, {10});
        for (const std::string& each : third.paths()) {
            if (each.find("snap-") != std::string::npos) other.plant(each, third.content(each));
        }
    }
    for (testing::sim_disk* each : {&disk, &other}) {
        each->process_crash();
        store made("snap", each->files());
        const auto report = made.recover(conform::store_owner);
        REQUIRE(report);
        CHECK(report->resumable == (each == &disk ? 1 : 0));
        CHECK(staged(*each) == (each == &disk ? 1 : 0));
    }
}

TEST_CASE("a staged frame that rotted is fetched again, alone") {
    testing::sim_disk disk(1);
    store made = opened(disk);
    u64 written = 0;
    REQUIRE(install(made, 9, written, 8));
    const std::string file =
        "snap/staging-" + snapshot_disk::name_of(id_at(9)) + "/section-000.snap";
    REQUIRE(disk.flip_bits(file, 68 + 5, 4));
    u64 held = 0;
    auto writer = begun(made, offered(9), held);
    REQUIRE(writer);
    CHECK(held == 7);
    CHECK_FALSE(writer->holds(0, 64, 64));
    CHECK(writer->holds(0, 0, 64));
}

TEST_CASE("a save is not taken up again") {
    testing::sim_disk disk(1);
    store made = opened(disk);
    auto writer = made.create(captured_at(5));
    REQUIRE(writer);
    CHECK(writer->suspend().why().code == errc::invalid_option);
    CHECK_FALSE(has_left_over(disk));
}

// scenarios D47, D59: a crash at any call of an install, and again at any call of the one that goes
// on; the third process finishes it. Whatever is left was written by whom we think.
TEST_CASE("an install that is cut off at any two calls is finished by the third process") {
    const auto crash = [](testing::sim_disk& disk, u64 kind) {
        if (kind == 0) disk.process_crash();
        if (kind == 1) disk.power_cut({.survive_per_million = 0});
        if (kind == 2)
            disk.power_cut({.survive_per_million = 500'000, .garbage_per_million = 300'000});
        if (kind >= 3) disk.power_cut();
    };
    const auto life = [](testing::sim_disk& disk, u64& written) {
        store made("snap", disk.files());
        if (!made.recover(conform::store_owner)) return false;
        const auto listed = made.list();
        if (listed && !listed->empty()) return true;
        return bool(install(made, 9, written));
    };
    testing::sim_disk counted(1);
    u64 all = 0;
    REQUIRE(life(counted, all));
    CHECK(all == frames().size());
    const u64 calls = counted.calls();
    prng dice(11);
    u64 resumed = 0, saved = 0;
    for (u64 call = 1; call <= calls; ++call) {
        for (u64 kind = 0; kind < 5; ++kind) {
            CAPTURE(call);
            CAPTURE(kind);
            testing::sim_disk disk(call * 10 + kind);
            disk.crash_at(call, call % 2 == 0 ? testing::crash_moment::before
                                              : testing::crash_moment::inside);
            u64 first = 0, second = 0, third = 0;
            (void)life(disk, first);
            crash(disk, kind);
            disk.crash_at(1 + dice.below(calls / 2), testing::crash_moment::inside);
            (void)life(disk, second);
            crash(disk, kind == 0 ? 0 : dice.below(5));
            {
                store last("snap", disk.files());
                const auto report = last.recover(conform::store_owner);
                REQUIRE(report);
                CHECK(report->quarantined == 0);
                resumed += report->resumable;
                const auto listed = last.list();
                REQUIRE(listed);
                if (listed->empty()) REQUIRE(install(last, 9, third));
                if (kind == 0) CHECK(first + second + third <= all + 2);  // one was in the hand
                saved += third < all;
                const auto read = conform::read_snapshot(last, id_at(9), 100);
                REQUIRE(read);
                CHECK(*read == whole);
                CHECK_FALSE(has_left_over(disk));
            }
            disk.power_cut({.survive_per_million = 0});
            store after = opened(disk);
            CHECK(*conform::read_snapshot(after, id_at(9), 100) == whole);
        }
    }
    CHECK(resumed > 50);
    CHECK(saved > 50);
}

TEST_CASE("a follower that restarts in the middle asks only for what is not staged") {
    // scenario D59, B-03: receiver restart
    using receiver_part::follower_on;
    using node = follower_on<store>;
    testing::sim_disk disk(1);
    const std::string text = snapshot_jobs::text_of(64 * 40);
    u64 before = 0;
    {
        node one(4, 0, opened(disk));
        one.leader_has(20, {text});
        one.offer();
        one.work_off();
        for (u32 round = 0; round < 5; ++round) {
            for (const auto& each : one.wants()) one.answer(each);
            one.work_off();
        }
        before = one.it.counts().pieces;
        REQUIRE(before == 20);
        disk.crash_at(1);
    }
    disk.process_crash();
    for (const bool closes : {true, false}) {
        node two(4, 0, opened(disk));
        two.leader_has(20, {text});
        two.offer();
        if (closes) {  // as a node that closes; what it holds stays
            two.work_off();
            for (const auto& each : two.wants()) two.answer(each);
            two.work_off();
            before = two.it.counts().reused + two.it.counts().pieces;
            two.it.cancel(two.it.id(), two.commit, two.out);
            two.work_off();
            CHECK(two.it.idle());
            disk.process_crash();
            continue;
        }
        two.fetch();
        CHECK(two.it.phase() == receive_phase::restoring);
        CHECK(two.it.counts().reused == before);
        // Its first window left before the store had said what is there.
        CHECK(two.it.counts().pieces + two.it.counts().reused == 40);
        CHECK(two.it.counts().dropped <= 4);
        CHECK(snapshot_jobs::stored_text(two.store, two.it.id()) == std::vector<std::string>{text});
    }
}

TEST_CASE("an install that is not wanted any more leaves nothing staged") {
    using node = receiver_part::follower_on<store>;
    for (const bool replaced : {true, false}) {
        CAPTURE(replaced);
        testing::sim_disk disk(1);
        node one(4, 0, opened(disk));
        one.leader_has(20, {snapshot_jobs::text_of(64 * 40)});
        one.offer();
        one.work_off();
        if (replaced) {
            one.leader_has(30, {snapshot_jobs::text_of(64 * 40)});
            one.offer(1, 3, 25);
            one.work_off();
            CHECK(staged(disk) == 1);
            one.out.bulk.clear();  // what it wanted of the first
            one.advance(receiver_part::retry);
            one.fetch();
        } else {
            one.it.cancel(one.it.id(), {20}, one.out);  // the log came after all
            one.work_off();
        }
        CHECK(staged(disk) == 0);
    }
}
