#include <raftkit/snapshot/restore_job.hpp>

#include <doctest/doctest.h>

#include "support/snapshot_jobs.hpp"

using namespace raftkit;
using namespace snapshot_jobs;

namespace {

using job_t = restore_job<text_writer, planned_store>;
using stage = job_t::stage_t;

struct restoring {
    bench work;
    planned_store store;
    snapshot_options options;
    restored_text machine;
    std::weak_ptr<int> writer_alive;

    explicit restoring(const std::vector<std::string>& sections) {
        options.snapshot_chunk_bytes = 64;
        store_text(store, id_of(10), sections, 64);
    }
    job_t make() {
        text_writer writer{&machine};
        writer_alive = writer.alive;
        return job_t(store, id_of(10), std::move(writer), options, work.port);
    }
    void fill(job_t& job) {
        while (!job.filled()) {
            REQUIRE_FALSE(job.done);
            REQUIRE_FALSE(bool(work.step(job)));
        }
    }
    void check_untouched() {
        CHECK(machine.live == std::vector<std::string>{"old"});
        CHECK(writer_alive.expired());
        CHECK(store.todo->readers == 0);
    }
};

}  // namespace

TEST_CASE("a restore writes every section in order and touches the machine only in commit") {
    const std::vector<std::string> sections{text_of(1000), text_of(64), text_of(1)};
    restoring of(sections);
    job_t job = of.make();
    of.fill(job);
    CHECK(of.machine.live == std::vector<std::string>{"old"});
    CHECK(of.machine.ends == 1);
    CHECK(of.machine.largest == 64);
    CHECK(of.store.todo->readers == 0);

    job.writer().commit();
    CHECK(of.machine.live == sections);
    CHECK_FALSE(of.writer_alive.expired());  // the old state dies later, on the executor
    (void)of.work.step(job);
    CHECK(job.done);
    CHECK_FALSE(bool(job.status));
    CHECK(of.writer_alive.expired());
}

TEST_CASE("the end comes once also for empty sections and an empty state") {
    // scenario D55
    restoring none({""});
    job_t empty = none.make();
    none.fill(empty);
    CHECK(none.machine.ends == 1);
    CHECK(none.machine.staged == std::vector<std::string>{""});

    restoring last({text_of(128), ""});
    job_t job = last.make();
    last.fill(job);
    CHECK(last.machine.ends == 1);
    CHECK(last.machine.chunks == 3);
    CHECK(last.machine.staged == std::vector<std::string>{text_of(128), ""});
}

TEST_CASE("a store that reads a few bytes at a time restores the same state") {
    // known bug 61
    restoring of({text_of(300), text_of(20)});
    of.store.todo->read_at_most = 7;
    job_t job = of.make();
    of.fill(job);
    CHECK(of.machine.staged == std::vector<std::string>{text_of(300), text_of(20)});
    CHECK(of.machine.ends == 1);
}

TEST_CASE("a section that ends before its length is damage, not an endless loop") {
    restoring of({text_of(300)});
    of.store.todo->read_at_most = 0;
    job_t job = of.make();
    of.work.run(job);
    CHECK(job.status.code == errc::corrupt);
    of.check_untouched();
}

TEST_CASE("a restore cancelled at any step leaves the machine as it was") {
    // known bug 47
    restoring whole({text_of(64 * 9)});
    job_t all = whole.make();
    u32 steps = 0;
    for (; !all.filled(); ++steps) (void)whole.work.step(all);
    for (u32 stop = 0; stop <= steps; ++stop) {
        CAPTURE(stop);
        restoring of({text_of(64 * 9)});
        job_t job = of.make();
        for (u32 step = 0; step < stop; ++step) (void)of.work.step(job);
        job.cancel();
        (void)of.work.step(job);
        CHECK(job.done);
        of.check_untouched();
    }
}

TEST_CASE("a reader or a writer that fails ends the restore with its error") {
    // known bugs 47, 62; S001-29
    restoring lost({text_of(300)});
    lost.store.todo->fail_at = "open";
    lost.store.todo->why = errc::not_found;
    job_t job = lost.make();
    lost.work.run(job);
    CHECK(job.status.code == errc::not_found);
    lost.check_untouched();

    restoring damaged({text_of(600)});
    damaged.store.todo->fail_at = "read";
    damaged.store.todo->passes = 6;
    damaged.store.todo->why = errc::corrupt;
    job_t second = damaged.make();
    damaged.work.run(second);
    CHECK(second.status.code == errc::corrupt);
    damaged.check_untouched();

    restoring refused({text_of(300)});
    refused.machine.staged = {"x"};  // the writer finds another offset than the next
    job_t third = refused.make();
    refused.work.run(third);
    CHECK(third.status.code == errc::corrupt);
    refused.check_untouched();
}

TEST_CASE("a snapshot removed while it is read is restored to its end") {
    // known bug 64
    restoring of({text_of(64 * 12)});
    job_t job = of.make();
    (void)of.work.step(job);
    (void)of.work.step(job);
    REQUIRE(bool(of.store.remove(id_of(10))));
    of.fill(job);
    CHECK(of.machine.staged == std::vector<std::string>{text_of(64 * 12)});
}
