// The conformance suite of the policies: the kit's own pass it, and each of its rules can fail.

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>
#include <raftkit/policy/compaction/combine.hpp>
#include <raftkit/policy/defaults.hpp>
#include <raftkit/testing/conform/policies.hpp>
#include <set>
#include <string>

using namespace raftkit;

namespace {

const auto must_hold = [](const char* name, bool ok, const char* why) {
    INFO(name << ": " << why);
    CHECK(ok);
};

// The names of the rules that a policy breaks.
struct broken {
    std::set<std::string>& rules;
    void operator()(const char* name, bool ok, const char*) const {
        if (!ok) rules.insert(name);
    }
};
using names = std::set<std::string>;

template <class Trigger>
names broken_by_trigger() {
    names rules;
    conform::trigger(broken{rules}, [] { return Trigger{}; });
    return rules;
}
template <class Throttle>
names broken_by_throttle() {
    names rules;
    conform::throttle(broken{rules}, [] { return Throttle{}; });
    return rules;
}
template <class Compaction>
names broken_by_compaction() {
    names rules;
    conform::compaction(broken{rules}, Compaction{});
    return rules;
}

// Every second one made of this is another one.
struct secretive {
    static inline int made = 0;
    int mine = made++ % 2;
    trigger_verdict due(const growth&, instant) noexcept { return {mine == 0 ? nullptr : "mine"}; }
};

// Waits for all that was run, without touching the executor's insides.
template <class Executor>
void finish_all(Executor& on) {
    struct last : operation {
        last()
            : operation([](operation& self, error, byte_span) noexcept {
                  auto& mine = static_cast<last&>(self);
                  const std::lock_guard hold(mine.guard);
                  mine.over = true;
                  mine.changed.notify_all();
              }) {}
        std::mutex guard;
        std::condition_variable changed;
        bool over = false;
    } marker;
    on.run(marker);
    std::unique_lock hold(marker.guard);
    marker.changed.wait(hold, [&] { return marker.over; });
}

}  // namespace

TEST_CASE("the kit's triggers conform") {
    using namespace trigger;
    conform::trigger(must_hold, [] { return entries{}; });
    conform::trigger(must_hold, [] { return trigger::bytes{}; });
    conform::trigger(must_hold, [] { return relative_bytes{}; });
    conform::trigger(must_hold, [] { return interval{.period = seconds(90)}; });
    conform::trigger(must_hold, [] { return manual{}; });
    conform::trigger(must_hold, [] { return on_close{}; });
    conform::trigger(must_hold, [] { return min_spacing<entries>{.part = {.count = 10}}; });
    conform::trigger(must_hold, [] { return min_gap<interval>{.part = {.period = seconds(9)}}; });
    conform::trigger(must_hold, [] { return any_of<entries, interval>{}; });
    conform::trigger(must_hold, [] { return all_of<entries, min_spacing<interval>>{}; });
    conform::trigger(must_hold, [] { return standard{}; });
}

TEST_CASE("the kit's compaction policies conform") {
    using namespace compaction;
    conform::compaction(must_hold, trailing{});
    conform::compaction(must_hold, trailing{.entries = 0});
    conform::compaction(must_hold, to_snapshot{});
    conform::compaction(must_hold, to_previous_snapshot{});
    conform::compaction(must_hold, to_oldest_kept{});
    conform::compaction(must_hold, none{});
    conform::compaction(must_hold, min_of<trailing, to_oldest_kept>{});
}

TEST_CASE("the kit's throttles conform") {
    conform::throttle(must_hold, [] { return throttle::none{}; });
    conform::throttle(must_hold, [] { return throttle::adaptive{}; });
    conform::throttle(must_hold, [] { return throttle::adaptive{.busy_bytes_per_second = 4096}; });
}

TEST_CASE("the kit's executors conform") {
    inline_executor at_once;
    conform::executor(must_hold, at_once, [] {});

    thread_executor worker;
    conform::executor(must_hold, worker, [&] { finish_all(worker); });

    mailbox inbox;
    on_loop loop;
    loop.bind({&inbox});
    conform::executor(must_hold, loop, [&] {  // as a node does it: oldest first
        std::vector<operation*> taken;
        for (operation* job = inbox.take_submitted(); job != nullptr; job = job->next) {
            taken.insert(taken.begin(), job);
        }
        for (operation* job : taken) job->finish(*job, {}, {});
    });
}

TEST_CASE("a trigger that forgets, sleeps in the past, or has no cause does not conform") {
    struct fickle {
        bool odd = false;
        trigger_verdict due(const growth&, instant) noexcept {
            odd = !odd;
            return {odd ? "odd" : nullptr};
        }
    };
    struct sleepy {
        trigger_verdict due(const growth&, instant) noexcept { return {}; }
        instant wake_at(const growth& since) const noexcept { return since.serving_since; }
    };
    struct mute {
        trigger_verdict due(const growth&, instant) noexcept { return {""}; }
    };
    CHECK(broken_by_trigger<fickle>().contains("a question asked twice has one answer"));
    CHECK(broken_by_trigger<sleepy>() == names{"nobody is woken for the past"});
    CHECK(broken_by_trigger<secretive>() == names{"a replay of the facts gives the same verdicts"});
    CHECK(broken_by_trigger<mute>() == names{"a verdict names a cause"});
}

TEST_CASE("a compaction policy that changes its mind does not conform") {
    struct greedy {
        index_t keep_from(const log_shape& log) const noexcept { return log.last.next().next(); }
    };
    struct falling {
        index_t keep_from(const log_shape& log) const noexcept {
            return {log.last.value == 0 ? 1 : ~log.last.value};
        }
    };
    CHECK(broken_by_compaction<greedy>() == names{"an empty log is kept whole"});
    CHECK(broken_by_compaction<falling>() ==
          names{"what may go is not wanted back while the log grows"});
}

TEST_CASE("a throttle that looks back or never lets go does not conform") {
    struct eager {
        instant admit(const bulk_request&, instant now) noexcept { return now - seconds(1); }
    };
    struct closed {
        instant admit(const bulk_request&, instant) noexcept { return never; }
    };
    struct jumpy {
        int asked = 0;
        instant admit(const bulk_request&, instant now) noexcept {
            return now + milliseconds(++asked % 2 == 0 ? 0 : 50);
        }
    };
    CHECK(broken_by_throttle<eager>() == names{"nothing is admitted in the past"});
    CHECK(broken_by_throttle<closed>() == names{"a mebibyte goes within the hour"});
    CHECK(broken_by_throttle<jumpy>() == names{"what is admitted never goes back"});
}

TEST_CASE("an executor that reorders, repeats, drops or reports does not conform") {
    struct last_first {
        operation* waiting = nullptr;
        void run(operation& job) noexcept {
            job.next = waiting;
            waiting = &job;
        }
        void settle() noexcept {
            while (waiting != nullptr) {
                operation* job = std::exchange(waiting, waiting->next);
                job->finish(*job, {}, {});
            }
        }
    };
    struct twice {
        void run(operation& job) noexcept {
            job.finish(job, {}, {});
            job.finish(job, {}, {});
        }
    };
    struct never_runs {
        void run(operation&) noexcept {}
    };
    struct refuses {
        void run(operation& job) noexcept { job.finish(job, error{errc::busy}, {}); }
    };
    const auto broken_by = [](auto executor, auto settle) {
        names rules;
        conform::executor(broken{rules}, executor, [&] { settle(executor); });
        return rules;
    };
    const auto nothing = [](auto&) {};
    CHECK(broken_by(last_first{}, [](auto& on) { on.settle(); }) ==
          names{"jobs are finished in their order"});
    CHECK(broken_by(twice{}, nothing).contains("each job is finished once"));
    CHECK(broken_by(never_runs{}, nothing).contains("each job is finished once"));
    CHECK(broken_by(refuses{}, nothing) ==
          names{"a job is run without an error and without a reply"});
}
