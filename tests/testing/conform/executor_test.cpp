// The conformance suite of executors: the kit's own pass it, and each of its checks can fail.

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <optional>
#include <thread>

#include <raftkit/policy/execute.hpp>
#include <raftkit/policy/thread_executor.hpp>
#include <raftkit/port/mailbox.hpp>
#include <raftkit/testing/conform/executor.hpp>
#include <raftkit/testing/sim/runner.hpp>

#include <support/conform_checks.hpp>

using namespace raftkit;
using conform::executor_kind;
using conform_support::each_check;

namespace {

void doze() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

struct inline_places {
    inline_executor held;
    inline_executor& fresh() { return held; }
    void wait() {}
    void end() {}
};

struct thread_places {
    std::unique_ptr<thread_executor> held;
    thread_executor& fresh() {
        held.reset();  // the former one ends before there is another
        held = std::make_unique<thread_executor>();
        return *held;
    }
    void wait() { doze(); }
    void end() { held.reset(); }
};

// The node's part: what was submitted runs in its next turn, oldest first.
struct loop_places {
    mailbox inbox;
    std::optional<on_loop> held;
    on_loop& fresh() {
        held.emplace().bind({&inbox});
        return *held;
    }
    void wait() {
        std::deque<operation*> taken;
        for (operation* job = inbox.take_submitted(); job != nullptr; job = job->next)
            taken.push_front(job);
        for (operation* job : taken) job->finish(*job, {}, {});
    }
    void end() { held.reset(); }
};

struct simulated_places {
    testing::scheduler time{1};
    std::optional<testing::sim_executor> held;
    testing::sim_executor& fresh() {
        auto shop = std::make_shared<testing::sim_workshop>();
        shop->time = &time;
        shop->posted = [](void*) {};
        return held.emplace(std::move(shop));
    }
    void wait() { (void)time.step(); }
    void end() { held.reset(); }
};

enum class defect {
    none,
    callers_stack,
    leaves_it_for_later,
    two_at_once,
    loses_one,
    twice,
    last_first,
    with_an_error,
    with_a_reply,
    forgets_reruns,
    strange_thread,
    callers_thread,
    after_the_end,
    forgets_the_rest,
};

// A queue that is run by a turn of its caller or by a thread of that turn.
struct crooked_places {
    struct executor {
        crooked_places* home;
        void run(operation& job) noexcept { home->take(job); }
    };
    explicit crooked_places(defect wrong, executor_kind of) : how(wrong), kind(of) {}

    executor& fresh() { return held; }
    void wait() {
        const bool beside = kind == executor_kind::thread ? how != defect::callers_thread
                                                          : how == defect::strange_thread;
        if (waiting.empty()) return;
        if (!beside) return turn();
        std::thread worker([this] { turn(); });
        worker.join();
    }
    void end() {
        if (how == defect::after_the_end) return;
        if (how == defect::forgets_the_rest) return waiting.clear();
        while (!waiting.empty()) wait();
    }

    void take(operation& job) {
        const bool at_once = kind == executor_kind::inside ? how != defect::leaves_it_for_later
                                                           : how == defect::callers_stack;
        if (at_once) return finish(job);
        if (how == defect::forgets_reruns && running) return;
        if (how == defect::last_first) return waiting.push_front(&job);
        waiting.push_back(&job);
    }
    void turn() {
        std::deque<operation*> taken;
        taken.swap(waiting);
        if (how == defect::loses_one && taken.size() > 1) taken.pop_back();
        running = true;
        if (how == defect::two_at_once && taken.size() > 1) {
            std::thread other([&] { finish(*taken[1]); });
            finish(*taken[0]);
            other.join();
            taken.erase(taken.begin(), taken.begin() + 2);
        }
        for (operation* job : taken) finish(*job);
        running = false;
    }
    void finish(operation& job) const {
        if (how == defect::with_an_error) return job.finish(job, error{errc::busy}, {});
        if (how == defect::with_a_reply) return job.finish(job, {}, as_bytes("done"));
        job.finish(job, {}, {});
        if (how == defect::twice) job.finish(job, {}, {});
    }

    defect how;
    executor_kind kind;
    bool running = false;
    std::deque<operation*> waiting;
    executor held{this};
};

using defects = conform_support::defect_case<defect>;

}  // namespace

TEST_CASE("the executor of manual drives conforms") {
    conform::check_executor(inline_places{}, executor_kind::inside, each_check);
}
TEST_CASE("the executor on the loop conforms") {
    conform::check_executor(loop_places{}, executor_kind::turns, each_check);
}
TEST_CASE("the simulator's executor conforms") {
    conform::check_executor(simulated_places{}, executor_kind::turns, each_check);
}
TEST_CASE("the executor with a thread conforms") {
    conform::check_executor(thread_places{}, executor_kind::thread, each_check);
}

TEST_CASE("what is wrong about an executor without a thread is caught by name") {
    static constexpr defects turns[] = {
        {defect::callers_stack, "runs on the caller's stack", "a job does not end inside run()"},
        {defect::loses_one, "loses a job", "each job is finished once"},
        {defect::twice, "runs a job twice", "each job is finished once"},
        {defect::last_first, "runs the newest first", "jobs are finished in their order"},
        {defect::with_an_error, "gives an error",
         "a job is run without an error and without a reply"},
        {defect::with_a_reply, "gives a reply",
         "a job is run without an error and without a reply"},
        {defect::two_at_once, "runs two at once", "no two jobs run at once"},
        {defect::forgets_reruns, "forgets what a job's end submits",
         "a job may be run again from its own end"},
        {defect::strange_thread, "runs it in a strange thread",
         "a job runs in its caller's thread"},
    };
    conform_support::check_each_is_caught(turns, [](defect how, auto& report) {
        conform::check_executor(crooked_places(how, executor_kind::turns), executor_kind::turns,
                                report);
    });
}

TEST_CASE("an executor of manual drives that puts its jobs off is caught by name") {
    conform_support::findings seen;
    conform::check_executor(crooked_places(defect::leaves_it_for_later, executor_kind::inside),
                            executor_kind::inside, seen);
    CHECK(seen.broken == conform_support::names{"a job has ended when run() returns"});
}

TEST_CASE("what is wrong about an executor with a thread is caught by name") {
    static constexpr defects threads[] = {
        {defect::callers_thread, "runs in the caller's thread", "a job runs beside its caller"},
        {defect::callers_stack, "runs on the caller's stack", "a job runs beside its caller"},
        {defect::two_at_once, "runs two at once", "no two jobs run at once"},
        {defect::loses_one, "loses a job", "each job is finished once"},
        {defect::last_first, "runs the newest first", "jobs are finished in their order"},
        {defect::with_an_error, "gives an error",
         "a job is run without an error and without a reply"},
        {defect::forgets_reruns, "forgets what a job's end submits",
         "a job may be run again from its own end"},
        {defect::after_the_end, "runs after its end", "nothing runs after the end of its executor"},
        {defect::forgets_the_rest, "forgets what waits",
         "what waits at the end is run, or finished as stopped"},
    };
    conform_support::check_each_is_caught(threads, [](defect how, auto& report) {
        conform::check_executor(crooked_places(how, executor_kind::thread), executor_kind::thread,
                                report);
    });
}

// The proof of the proofs: what the lists above say must be able to fail.
TEST_CASE("a defect that nothing catches is a failure" * doctest::should_fail()) {
    static constexpr defects nothing_seen[] = {
        {defect::none, "does nothing wrong", "each job is finished once"}};
    conform_support::check_each_is_caught(nothing_seen, [](defect how, auto& report) {
        conform::check_executor(crooked_places(how, executor_kind::inside), executor_kind::inside,
                                report);
    });
}
TEST_CASE("a check that no broken part fails is a failure" * doctest::should_fail()) {
    static constexpr defects one_of_many[] = {
        {defect::twice, "runs a job twice", "each job is finished once"}};
    conform_support::check_each_is_caught(one_of_many, [](defect how, auto& report) {
        conform::check_executor(crooked_places(how, executor_kind::inside), executor_kind::inside,
                                report);
    });
}
TEST_CASE("a sound part that does not conform is a failure" * doctest::should_fail()) {
    static constexpr defects none_at_all[] = {{defect::twice, "", "each job is finished once"}};
    conform_support::check_each_is_caught(none_at_all, [](defect how, auto& report) {
        const char* names[] = {"each job is finished once", "another"};
        report(names[0], how == defect::none, "");
        report(names[1], false, "");
    });
}
