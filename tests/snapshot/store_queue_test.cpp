#include <raftkit/snapshot/store_queue.hpp>

#include <doctest/doctest.h>

#include "support/snapshot_jobs.hpp"

using namespace raftkit;
using namespace snapshot_jobs;
using kind = store_request::kind;

TEST_CASE("calls to the store run one at a time, in the order they were asked for") {
    bench work;
    planned_store store;
    store_text(store, id_of(10), {"a"}, 64);
    store_text(store, id_of(20), {"b"}, 64);
    store_queue<planned_store> queue(store, work.port);
    queue.add({kind::recover, {}, identity{}});
    queue.add({kind::remove, id_of(10), {}});
    queue.add({kind::settle, id_of(20), {}});
    std::vector<std::pair<kind, std::size_t>> seen;
    while (work_job* job = queue.start()) {
        CHECK(queue.start() == nullptr);
        CHECK(queue.owns(job));
        (void)work.step(*job);
        job->running = true;  // until its event is looked at
        store_outcome& outcome = queue.finished();
        CHECK_FALSE(bool(outcome.status));
        REQUIRE(outcome.listing.has_value());
        seen.emplace_back(outcome.asked.what, outcome.listing->size());
    }
    CHECK(seen == std::vector<std::pair<kind, std::size_t>>{
                      {kind::recover, 2}, {kind::remove, 1}, {kind::settle, 1}});
    CHECK(queue.idle());
}

TEST_CASE("a call that fails tells its error and still the listing that is true") {
    bench work;
    planned_store store;
    store_text(store, id_of(10), {"a"}, 64);
    store.todo->fail_at = "remove";
    store_queue<planned_store> queue(store, work.port);
    queue.add({kind::remove, id_of(10), {}});
    work_job* job = queue.start();
    REQUIRE(job != nullptr);
    CHECK(work.step(*job).code == errc::io);
    job->running = true;
    store_outcome& outcome = queue.finished();
    CHECK(outcome.status.code == errc::io);
    CHECK(outcome.asked.id == id_of(10));
    REQUIRE(outcome.listing.has_value());
    CHECK(outcome.listing->size() == 1);
}

TEST_CASE("a listing that fails is the error of a call that did well") {
    bench work;
    planned_store store;
    store.todo->fail_at = "list";
    store_queue<planned_store> queue(store, work.port);
    queue.add({kind::list, {}, {}});
    work_job* job = queue.start();
    REQUIRE(job != nullptr);
    CHECK(work.step(*job).code == errc::io);
    job->running = true;
    CHECK_FALSE(queue.finished().listing.has_value());
}

TEST_CASE("what is quarantined is no longer listed") {
    bench work;
    planned_store store;
    store_text(store, id_of(10), {"a"}, 64);
    store_queue<planned_store> queue(store, work.port);
    queue.add({kind::quarantine, id_of(10), {}});
    work_job* job = queue.start();
    (void)work.step(*job);
    job->running = true;
    CHECK(queue.finished().listing->empty());
    CHECK(store.todo->quarantined == 1);
}
