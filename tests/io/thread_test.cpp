// Threads whose start may fail.

#include <doctest/doctest.h>
#include <errno.h>

#include <raftkit/io/thread.hpp>
#include <support/no_threads.hpp>

using namespace raftkit;

TEST_CASE("a thread runs its body once, and join waits for it") {
    int runs = 0;
    thread once;
    CHECK_FALSE(once.running());
    REQUIRE(once.start([](void* with) noexcept { ++*static_cast<int*>(with); }, &runs));
    CHECK(once.running());
    once.join();
    CHECK_FALSE(once.running());
    CHECK(runs == 1);
    once.join();  // of none: returns
    REQUIRE(once.start([](void* with) noexcept { ++*static_cast<int*>(with); }, &runs));
    once.join();
    CHECK(runs == 2);
}

TEST_CASE("a thread takes no signal that is meant for the host") {
    sigset_t seen;
    sigemptyset(&seen);
    thread quiet;
    REQUIRE(quiet.start(
        [](void* into) noexcept {
            pthread_sigmask(SIG_BLOCK, nullptr, static_cast<sigset_t*>(into));
        },
        &seen));
    quiet.join();
    CHECK(sigismember(&seen, SIGTERM) == 1);
    CHECK(sigismember(&seen, SIGINT) == 1);
    sigset_t own;
    pthread_sigmask(SIG_BLOCK, nullptr, &own);
    CHECK(sigismember(&own, SIGTERM) == 0);
}

TEST_CASE("a thread that cannot start says so and can be started later") {
    int runs = 0;
    const auto body = [](void* with) noexcept { ++*static_cast<int*>(with); };
    thread once;
    {
        const no_threads full;
        const result<void> started = once.start(body, &runs);
        CHECK(started.why().code == errc::io);
        CHECK(started.why().os == EAGAIN);
        CHECK_FALSE(once.running());
    }
    REQUIRE(once.start(body, &runs));
    once.join();
    CHECK(runs == 1);
}

TEST_CASE("batch scheduling is asked for once and inherited by the threads that are begun later") {
    int policies[2] = {-1, -1};
    thread outer;
    REQUIRE(outer.start(
        [](void* into) noexcept {
            if (!use_batch_scheduling()) return;
            int* seen = static_cast<int*>(into);
            seen[0] = ::sched_getscheduler(0);
            thread inner;
            if (!inner.start(
                    [](void* at) noexcept { *static_cast<int*>(at) = ::sched_getscheduler(0); },
                    seen + 1)) {
                return;
            }
            inner.join();
        },
        policies));
    outer.join();
    CHECK(policies[0] == SCHED_BATCH);
    CHECK(policies[1] == SCHED_BATCH);
    CHECK(::sched_getscheduler(0) == SCHED_OTHER);  // this one was not asked
}
