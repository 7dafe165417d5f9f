#pragma once
// What every executor must do, checkable for any executor and any test framework. Work executors
// and those of the apply context promise the same but for the place where a job runs. The caller
// brings places:
//
//   struct places {
//       executor& fresh();  // bound, if it wants a port; the one before it has ended
//       void wait();        // a turn: what queues jobs runs them, a thread gets a millisecond
//       void end();         // the executor of the last fresh() is destroyed
//   };
//   conform::check_executor(places, conform::executor_kind::thread, report);
//
// One check, one sentence, one reason to fail; `why` says what was seen. A job that never ends is
// given up after a thousand turns without any news.

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <raftkit/concepts/policies.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace conform {

enum class executor_kind : u8 {
    inside,  // run() ends the job before it returns: manual drives and simulations
    turns,   // in a later turn of the caller's own thread
    thread,  // beside the caller: the only kind under which a loop goes on while a job runs
};

namespace detail {

struct job_board {
    std::atomic<int> running{0}, ended{0};
    std::atomic<bool> overlapped{false};
    std::thread::id caller = std::this_thread::get_id();
};

struct executor_job : operation {
    executor_job() noexcept : operation(&executor_job::done) {}
    static void done(operation& self, error why, byte_span reply) noexcept {
        executor_job& mine = static_cast<executor_job&>(self);
        job_board& board = *mine.board;
        if (board.running.fetch_add(1) != 0) board.overlapped = true;
        for (int i = 0; i < 20; ++i) std::this_thread::yield();  // time to be overtaken in
        mine.why = why;
        mine.clean = mine.clean && reply.empty();
        mine.elsewhere = std::this_thread::get_id() != board.caller;
        mine.place = board.ended.load();
        board.running.fetch_sub(1);
        ++mine.runs;
        const bool more = mine.again-- > 0;
        ++board.ended;  // from here the suite may look
        if (more) mine.rerun(mine);
    }

    job_board* board = nullptr;
    std::atomic<int> runs{0};
    int place = -1, again = 0;
    error why;
    bool clean = true, elsewhere = false;
    void* on = nullptr;
    void (*rerun)(executor_job&) noexcept = nullptr;
};

}  // namespace detail

template <class Places, class Report>
class executor_checks {
public:
    executor_checks(Places& places, executor_kind kind, Report& report)
        : places_(places), report_(report), kind_(kind) {}

    void run_all() {
        jobs_run_once_and_in_order();
        one_job_runs_at_a_time();
        a_job_runs_where_it_should();
        a_job_may_be_run_again_from_its_end();
        if (kind_ == executor_kind::thread) nothing_runs_after_the_end();
    }

private:
    using job = detail::executor_job;
    using executor = std::remove_reference_t<decltype(std::declval<Places&>().fresh())>;
    static constexpr int many = 64;

    void say(const char* name, bool ok, const char* why) { report_(name, ok, ok ? "" : why); }

    // Jobs of one executor that end on one board.
    struct batch {
        explicit batch(std::size_t count) : jobs(count) {
            for (job& each : jobs) each.board = &board;
        }
        detail::job_board board;
        std::vector<job> jobs;
    };
    // True once `count` ends were seen.
    bool wait_for(const batch& of, int count) {
        int seen = of.board.ended;
        for (int idle = 0; idle < 1000 && of.board.ended < count; ++idle) {
            places_.wait();
            if (seen != of.board.ended) idle = 0;
            seen = of.board.ended;
        }
        return of.board.ended >= count;
    }
    void settle_doubles() {
        for (int turn = 0; turn < 3; ++turn) places_.wait();
    }

    void jobs_run_once_and_in_order() {
        executor& on = places_.fresh();
        batch all(many);
        bool once = true, ordered = true, clean = true;
        for (int round = 1; round <= 3; ++round) {  // a job may be run again when it has ended
            for (job& each : all.jobs) on.run(each);
            (void)wait_for(all, round * many);
            settle_doubles();
            int place = (round - 1) * many;
            for (const job& each : all.jobs) {
                once = once && each.runs == round;
                ordered = ordered && (each.runs != round || each.place == place);
                clean = clean && each.clean && !each.why;
                ++place;
            }
            if (!once) break;
        }
        say("each job is finished once", once, "finish() was not called exactly once a run");
        say("jobs are finished in their order", ordered, "finish() was called out of order");
        say("a job is run without an error and without a reply", clean,
            "finish() was given something");
    }

    // Writers and stores are not made for two threads.
    void one_job_runs_at_a_time() {
        executor& on = places_.fresh();
        batch all(many);
        for (job& each : all.jobs) on.run(each);
        (void)wait_for(all, many);
        say("no two jobs run at once", !all.board.overlapped, "one began before another ended");
    }

    void a_job_runs_where_it_should() {
        executor& on = places_.fresh();
        batch all(2);
        on.run(all.jobs[0]);
        const bool inside = all.board.ended != 0;
        on.run(all.jobs[1]);
        (void)wait_for(all, 2);
        const bool elsewhere = all.jobs[0].elsewhere || all.jobs[1].elsewhere;
        switch (kind_) {
            case executor_kind::inside:
                return say("a job has ended when run() returns", inside && all.board.ended == 2,
                           "it has not");
            case executor_kind::turns:
                // Whether a thread was quicker than this look at it says nothing.
                say("a job does not end inside run()", !inside || elsewhere, "it does");
                return say("a job runs in its caller's thread", !elsewhere, "in another one");
            case executor_kind::thread:
                return say("a job runs beside its caller",
                           all.jobs[0].elsewhere && all.jobs[1].elsewhere,
                           "in the caller's thread");
        }
    }

    // How stepwise work goes on: an operation may be submitted again by its own finish.
    void a_job_may_be_run_again_from_its_end() {
        executor& on = places_.fresh();
        batch all(3);
        for (job& each : all.jobs) {
            each.again = 4;
            each.on = &on;
            each.rerun = [](job& self) noexcept { static_cast<executor*>(self.on)->run(self); };
        }
        for (job& each : all.jobs) on.run(each);
        const bool ended = wait_for(all, 15);
        settle_doubles();
        bool five = ended;
        for (const job& each : all.jobs) five = five && each.runs == 5;
        say("a job may be run again from its own end", five, "it was lost, or ran too often");
    }

    void nothing_runs_after_the_end() {
        executor& on = places_.fresh();
        batch all(many);
        for (job& each : all.jobs) on.run(each);
        places_.end();
        const int ended = all.board.ended;
        for (int turn = 0; turn < 20; ++turn) places_.wait();
        say("nothing runs after the end of its executor", ended == all.board.ended, "a job did");
        bool once = true;
        for (const job& each : all.jobs) {
            once = once && each.runs == 1 && (!each.why || each.why.code == errc::stopped);
        }
        say("what waits at the end is run, or finished as stopped", once,
            "it was forgotten, or got another error");
    }

    Places& places_;
    Report& report_;
    executor_kind kind_;
};

template <class Places, class Report>
void check_executor(Places&& places, executor_kind kind, Report&& report) {
    executor_checks<std::remove_reference_t<Places>, std::remove_reference_t<Report>>(places, kind,
                                                                                      report)
        .run_all();
}

}  // namespace conform

RAFTKIT_NAMESPACE_END
