// Where the work of the log is done: the three runners, with real threads on a simulated disk.

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "support/wal_fixture.hpp"

using namespace wal_test;

namespace {

// Waits until the storage has told that `id` is durable; returns the furthest that it told. What
// flush() tells may be ahead of what is still in the mailbox, so only the latter keeps its order.
template <class Wal>
persisted wait_for(Wal& log, mailbox& box, ticket id) {
    persisted last = log.flush();
    ticket posted{};
    for (int turn = 0; turn < 20'000 && last.upto < id && !last.status; ++turn) {
        std::vector<event> arrived;
        box.drain(arrived);
        for (const event& each : arrived) {
            if (const auto* told = std::get_if<persisted>(&each)) {
                CHECK(told->upto >= posted);
                posted = told->upto;
                if (told->upto >= last.upto || told->status) last = *told;
            }
        }
        std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
    return last;
}

template <class Wal>
void vote_often(Wal& log, mailbox& box, u64 count) {
    for (u64 term = 1; term <= count; ++term) {
        const hard_state hard{{term}, {1}, {}};
        persist_batch batch;
        batch.id = {term};
        batch.hard = &hard;
        log.persist(batch);
        if (term % 3 == 0) log.flush();
    }
    CHECK(wait_for(log, box, {count}).upto == ticket{count});
}

template <class Runner>
void run_and_reopen() {
    sim_disk disk(1);
    mailbox box;
    {
        basic_wal<sim_files, Runner> log(small_options(), disk.files());
        REQUIRE(log.open(who, {&box}));
        vote_often(log, box, 200);
    }
    disk.power_cut({0, 0});
    basic_wal<sim_files, Runner> log(small_options(), disk.files());
    const auto found = log.open(who, {&box});
    REQUIRE(found);
    CHECK(found->hard.term == term_t{200});
}

// Counts what a runner asks for.
struct fake_engine {
    persisted commit_group() noexcept {
        ++commits;
        persisted done;
        done.upto = {commits.load()};
        done.sync = sync;
        committed_by = std::this_thread::get_id();
        pending = false;  // last: the test looks only then
        return done;
    }
    persisted watermark() const noexcept {
        persisted done;
        done.upto = {commits.load()};
        if (failed) done.status = {errc::io, 5, "fake_engine.idle_step"};
        return done;
    }
    bool waiting() const noexcept { return pending; }
    instant idle_step(instant now) noexcept {
        if (!fails_when_idle.exchange(false)) return never;
        failed = true;
        return now;
    }
    instant prepare_step(instant) noexcept {
        ++prepared;
        return never;
    }
    bool wants_preparing() const noexcept { return false; }

    std::atomic<u64> commits{0}, prepared{0};
    std::atomic<bool> pending{false}, fails_when_idle{false}, failed{false};
    std::thread::id committed_by;
    duration sync = microseconds(10);
};

void wait_until_committed(const fake_engine& engine) {
    for (int turn = 0; turn < 50'000 && engine.waiting(); ++turn) {
        std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
    REQUIRE_FALSE(engine.waiting());
}

}  // namespace

TEST_CASE("inline: flush returns what the disk has answered") {
    sim_disk disk(1);
    mailbox box;
    basic_wal<sim_files, inline_runner> log(small_options(), disk.files());
    REQUIRE(log.open(who, {&box}));
    vote_often(log, box, 20);
    std::vector<event> arrived;
    CHECK_FALSE(box.drain(arrived));  // completion is a return value
}

TEST_CASE("inline: tick prepares the spares, paced") {
    sim_disk disk(1);
    mailbox box;
    wal_options options = small_options();
    options.segment_bytes = 1u << 20;
    basic_wal<sim_files, inline_runner> log(options, disk.files());
    REQUIRE(log.open(who, {&box}));
    instant now{1};
    int pieces = 0;
    duration shortest = seconds(1);
    for (instant due = log.tick(now); due != never; due = log.tick(now)) {
        if (due > now) shortest = std::min(shortest, due - now);
        now = std::max(now, due);
        REQUIRE(++pieces < 100);
    }
    CHECK(pieces >= 17);                   // 64 KiB each, then the name
    CHECK(shortest >= microseconds(600));  // 100 MB/s while there is no spare
    bool spare = false;
    for (const std::string& path : disk.paths()) {
        spare |= path.find("/spare-") != std::string::npos &&
                 disk.content(path).size() == options.segment_bytes;
    }
    CHECK(spare);
}

TEST_CASE("thread: every batch becomes durable, and a restart finds it") {
    run_and_reopen<thread_runner>();
}

TEST_CASE("adaptive: every batch becomes durable, and a restart finds it") {
    run_and_reopen<adaptive_runner>();
}

TEST_CASE(
    "adaptive: commits in the caller's thread while syncs are fast, on its own when they are "
    "slow") {
    fake_engine engine;
    mailbox box;
    adaptive_runner runner;
    REQUIRE(runner.start(wal_work::of(engine, {&box}, milliseconds(1))));
    const auto here = std::this_thread::get_id();
    for (int i = 0; i < 5; ++i) {
        engine.pending = true;
        runner.flush();
        CHECK(engine.committed_by == here);
    }
    engine.sync = milliseconds(20);
    engine.pending = true;
    runner.flush();  // this one finds out
    engine.pending = true;
    runner.flush();
    wait_until_committed(engine);
    CHECK(engine.committed_by != here);
    engine.sync = microseconds(10);
    for (int i = 0; i < 60; ++i) {
        engine.pending = true;
        runner.flush();
        wait_until_committed(engine);
    }
    CHECK(engine.committed_by == here);
    runner.stop();
}

TEST_CASE("a thread tells a failure of the log through the port") {
    sim_disk disk(1);
    mailbox box;
    basic_wal<sim_files, thread_runner> log(small_options(), disk.files());
    disk.fail(disk_call::sync, 20, 5, 1000);  // before there is a thread; open() needs fewer
    REQUIRE(log.open(who, {&box}));
    persisted told;
    for (u64 term = 1; term <= 40 && !told.status; ++term) {
        const hard_state hard{{term}, {1}, {}};
        persist_batch batch;
        batch.id = {term};
        batch.hard = &hard;
        log.persist(batch);
        told = wait_for(log, box, batch.id);
        if (told.status) CHECK(told.upto < batch.id);
    }
    CHECK(told.status.code == errc::io);
    CHECK(told.upto >= ticket{1});
}

TEST_CASE("a thread tells through the port what fails between two groups") {
    fake_engine engine;
    mailbox box;
    thread_runner runner;
    REQUIRE(runner.start(wal_work::of(engine, {&box}, milliseconds(1))));
    engine.fails_when_idle = true;
    engine.pending = true;
    CHECK_FALSE(runner.flush().status);
    std::vector<event> arrived;
    bool told = false;
    for (int turn = 0; turn < 50'000 && !told; ++turn) {
        arrived.clear();
        (void)box.drain(arrived);
        for (const event& each : arrived) told |= std::get<persisted>(each).status.code == errc::io;
        std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
    CHECK(told);
    runner.stop();
}
