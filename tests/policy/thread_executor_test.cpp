// The work thread.

#include <doctest/doctest.h>
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <raftkit/policy/thread_executor.hpp>
#include <support/no_threads.hpp>
#include <thread>
#include <vector>

using namespace raftkit;

namespace {

// What the jobs of one test share.
struct diary {
    std::mutex guard;
    std::condition_variable changed;
    std::vector<int> order;
    std::vector<errc> ends;
    bool gate_open = true;

    void wait_for(std::size_t count) {
        std::unique_lock hold(guard);
        changed.wait(hold, [&] { return order.size() >= count; });
    }
    void open_gate() {
        const std::lock_guard hold(guard);
        gate_open = true;
        changed.notify_all();
    }
};
struct entry : operation {
    explicit entry(diary& into, int number = 0)
        : operation(&entry::done), book(into), name(number) {}
    static void done(operation& self, error why, byte_span) noexcept {
        auto& mine = static_cast<entry&>(self);
        mine.ran_on = pthread_self();
        mine.began = true;
        std::unique_lock hold(mine.book.guard);
        if (!why) mine.book.changed.wait(hold, [&] { return mine.book.gate_open; });
        mine.book.order.push_back(mine.name);
        mine.book.ends.push_back(why.code);
        mine.book.changed.notify_all();
    }
    diary& book;
    int name;
    pthread_t ran_on{};
    std::atomic<bool> began{false};
};

}  // namespace

TEST_CASE("jobs run on one other thread, in their order, each once") {
    diary book;
    thread_executor work;
    std::vector<std::unique_ptr<entry>> jobs;
    for (int i = 0; i < 500; ++i) {
        jobs.push_back(std::make_unique<entry>(book, i));
        work.run(*jobs.back());
    }
    book.wait_for(500);
    CHECK(book.order.size() == 500);
    for (int i = 0; i < 500; ++i) {
        CHECK(book.order[static_cast<std::size_t>(i)] == i);
        CHECK(book.ends[static_cast<std::size_t>(i)] == errc::ok);
        CHECK(pthread_equal(jobs[static_cast<std::size_t>(i)]->ran_on, jobs[0]->ran_on));
    }
    CHECK_FALSE(pthread_equal(jobs[0]->ran_on, pthread_self()));
}

TEST_CASE("an executor that is never used has no thread, moved or not") {
    thread_executor first;
    thread_executor second(std::move(first));
    first = std::move(second);
    CHECK(sizeof first == sizeof(void*));
}

TEST_CASE("a moved executor goes on with the jobs it has") {
    diary book;
    book.gate_open = false;
    entry before(book, 1), after(book, 2);
    thread_executor first;
    first.run(before);
    thread_executor second(std::move(first));
    second.run(after);
    book.open_gate();
    book.wait_for(2);
    CHECK(book.order == std::vector{1, 2});
    CHECK(pthread_equal(before.ran_on, after.ran_on));
}

TEST_CASE("a moved-from executor may be used again") {
    diary book;
    entry one(book, 1);
    thread_executor first;
    thread_executor second(std::move(first));
    first.run(one);
    book.wait_for(1);
    CHECK(book.ends == std::vector{errc::ok});
}

TEST_CASE("the end of an executor waits for the job that runs and stops those behind it") {
    diary book;
    book.gate_open = false;
    entry running(book, 1), waiting(book, 2), last(book, 3);
    std::thread opener;
    {
        thread_executor work;
        work.run(running);
        while (!running.began) std::this_thread::yield();
        work.run(waiting);
        work.run(last);
        opener = std::thread([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            book.open_gate();
        });
    }
    CHECK(book.order == std::vector{1, 2, 3});
    CHECK(book.ends == std::vector{errc::ok, errc::stopped, errc::stopped});
    opener.join();
}

TEST_CASE("a job may submit another one, and itself again") {
    struct relay : entry {
        relay(diary& into, thread_executor& on, int times) : entry(into), work(on), left(times) {
            finish = [](operation& self, error why, byte_span none) noexcept {
                auto& mine = static_cast<relay&>(self);
                if (--mine.left > 0) return mine.work.run(mine);
                entry::done(self, why, none);
            };
        }
        thread_executor& work;
        int left;
    };
    diary book;
    thread_executor work;
    relay again(book, work, 100);
    work.run(again);
    book.wait_for(1);
    CHECK(again.left == 0);
}

TEST_CASE("a thread that cannot be started is an error of the job: busy, and never a crash") {
    diary book;
    entry refused(book, 1), served(book, 2);
    thread_executor work;
    {
        const no_threads full;
        work.run(refused);
    }
    CHECK(book.ends == std::vector{errc::busy});
    CHECK(pthread_equal(refused.ran_on, pthread_self()));

    work.run(served);  // the next job tries again
    book.wait_for(2);
    CHECK(book.ends == std::vector{errc::busy, errc::ok});
}
