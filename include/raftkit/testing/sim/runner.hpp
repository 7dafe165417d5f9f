#pragma once
// Where work is done in a simulation: the log's commits and the snapshot jobs are tasks of the
// scheduler, delayed as the seed says, with batches waiting and persists in flight meanwhile.
//
//   wal.flush() ─▶ commit task, later ─▶ told(persisted), later still ─▶ the node's mailbox
//   work_on.run(job) ─▶ one job after another, each later ─▶ the job's own completion
//
// Or flush() waits for the disk, as an inline runner does: the commit is done at once, and its node
// stands still for as long as it would have taken.

#include <deque>
#include <memory>

#include <raftkit/storage/wal/runner.hpp>
#include <raftkit/testing/sim/coverage.hpp>
#include <raftkit/testing/sim/scheduler.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

// What one life of a node shares with its runner and executors. The delays may change while it
// runs.
struct sim_workshop {
    scheduler* time = nullptr;
    u64 group = 0;
    prng dice{0};
    duration commit_min = microseconds(20), commit_max = milliseconds(1);
    duration job_max = milliseconds(1);
    // Committed, and the one who waits for it does not know yet. Then, later, it is posted.
    void* who = nullptr;
    void (*durable)(void* who, const persisted& done) = nullptr;
    void (*posted)(void* who) = nullptr;  // something waits in the mailbox
    bool blocking = false;
    void (*blocked)(void* who, duration how_long) = nullptr;

    duration drawn(duration low, duration high) noexcept {
        return {
            static_cast<i64>(dice.between(static_cast<u64>(low.ns), static_cast<u64>(high.ns)))};
    }
};

struct sim_clock {
    const scheduler* time = nullptr;
    instant now() const noexcept { return time->now(); }
};

class sim_runner {
public:
    using clock_type = sim_clock;

    explicit sim_runner(std::shared_ptr<sim_workshop> in) : state_(std::make_shared<state>()) {
        state_->in = std::move(in);
    }

    clock_type clock() const noexcept { return {state_->in->time}; }
    result<void> start(const wal_work& work) noexcept {
        state_->work = work;
        state_->running = true;
        return {};
    }
    persisted flush() noexcept {
        if (!state_->work.waiting()) return state_->told;
        if (state_->in->blocking) return commit_here(*state_);
        schedule(state_);
        return state_->told;
    }
    bool flush_waits() const noexcept { return state_->in->blocking && state_->work.waiting(); }
    instant tick(instant now) noexcept {
        if (!state_->running || state_->busy) return never;
        return earliest(state_->work.idle(now), state_->work.prepare(now));
    }
    void stop() noexcept { state_->running = false; }

private:
    struct state {
        std::shared_ptr<sim_workshop> in;
        wal_work work;
        bool running = false, busy = false;
        persisted told;  // what the node knows already
    };

    static persisted commit_here(state& mine) noexcept {
        RAFTKIT_MARK(sim_log_blocked);
        sim_workshop& in = *mine.in;
        in.blocked(in.who, in.drawn(in.commit_min, in.commit_max));
        mine.told = mine.work.commit();
        in.durable(in.who, mine.told);
        return mine.told;
    }
    static void schedule(const std::shared_ptr<state>& shared) {
        if (shared->busy) return;
        shared->busy = true;
        sim_workshop& in = *shared->in;
        in.time->after(in.drawn(in.commit_min, in.commit_max), in.group,
                       [shared] { commit(shared); });
    }
    static void commit(const std::shared_ptr<state>& shared) {
        if (!shared->running) return;
        sim_workshop& in = *shared->in;
        const persisted done = shared->work.commit();
        in.durable(in.who, done);
        // The next group may begin before anybody has heard of this one.
        shared->busy = false;
        if (shared->work.waiting()) schedule(shared);
        in.time->after(in.drawn({}, microseconds(200)), in.group, [shared, done] {
            if (!shared->running) return;
            const bool newer = done.upto >= shared->told.upto;
            if (newer) shared->told = done;
            if (newer || done.status) shared->work.port.post(done);
            shared->in->posted(shared->in->who);
        });
    }

    std::shared_ptr<state> state_;
};
static_assert(wal_runner<sim_runner>);

// Snapshot work beside the raft context: one job at a time, in order, each after a delay.
class sim_executor {
public:
    sim_executor() noexcept = default;
    explicit sim_executor(std::shared_ptr<sim_workshop> in)
        : in_(std::move(in)), jobs_(std::make_shared<std::deque<operation*>>()) {}

    void run(operation& job) noexcept {
        jobs_->push_back(&job);
        if (jobs_->size() == 1) begin(in_, jobs_);
    }

private:
    using queue = std::shared_ptr<std::deque<operation*>>;
    static void begin(const std::shared_ptr<sim_workshop>& in, const queue& jobs) {
        in->time->after(in->drawn({}, in->job_max), in->group, [in, jobs] {
            operation& job = *jobs->front();
            job.finish(job, {}, {});
            jobs->pop_front();
            in->posted(in->who);
            if (!jobs->empty()) begin(in, jobs);
        });
    }

    std::shared_ptr<sim_workshop> in_;
    queue jobs_;
};

}  // namespace testing

RAFTKIT_NAMESPACE_END
