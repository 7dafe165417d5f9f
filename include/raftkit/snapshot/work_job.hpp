#pragma once
// Jobs: blocking work that the raft context has done elsewhere, one bounded step at a time.
//
//   raft context                                work executor
//   executor.run(job)  ---------------------->  step(): bounded work, never longer than a few
//   chunks event snapshot_step{job, status}  <-------  post, last thing: from here the executor
//   forgets the job the owner looks at the job; not done: throttle.admit(use, bytes) -> run again,
//   not before
//
// Between run and its event the job belongs to the executor: the raft context touches
// `cancel_asked` alone, and keeps the job alive. A job looks at `cancel_asked` between two calls to
// a store, an image or a machine, never inside one. What a job holds (images, writers, readers)
// dies on the executor, because letting go of it may block.

#include <vector>

#include <raftkit/concepts/policies.hpp>
#include <raftkit/port/mailbox.hpp>
#include <raftkit/port/operation.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct work_job : operation {
    completion_port port;
    bulk_use use = bulk_use::save;
    error status;          // why it ended; ok while it goes on
    u64 bytes = 0;         // moved by the last step: the throttle is asked before the next one
    bool running = false;  // raft context: between run and its event
    bool done = false;     // nothing is left to do, and everything it held is gone

    work_job(finish_fn step, completion_port to, bulk_use for_use) noexcept
        : operation(step), port(to), use(for_use) {}
    bool cancelled() const noexcept { return cancel_asked.load(std::memory_order_relaxed); }
    void cancel() noexcept { cancel_asked.store(true, std::memory_order_relaxed); }
};

// The `finish` of every job: what an executor calls.
template <class Job>
inline void run_job_step(operation& self, error, byte_span) noexcept {
    Job& job = static_cast<Job&>(self);
    const completion_port port = job.port;
    job.step();
    port.post(snapshot_step{&self, job.status});
}

// Jobs that wait for the throttle. Raft context.
class paced_jobs {
public:
    void add(work_job& job, instant at) { waiting_.push_back({&job, at}); }
    // A cancelled job has nothing to wait for. Only its address is used: it may be gone by now.
    void hurry(const work_job* job) noexcept {
        for (entry& each : waiting_) {
            if (each.job == job) each.at = instant{0};
        }
    }
    // The one that has waited longest among those whose time has come; null if there is none.
    work_job* take_due(instant now) noexcept {
        for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
            if (at->at > now) continue;
            work_job* job = at->job;
            waiting_.erase(at);
            return job;
        }
        return nullptr;
    }
    instant deadline() const noexcept {
        instant first = never;
        for (const entry& each : waiting_) first = earliest(first, each.at);
        return first;
    }
    bool empty() const noexcept { return waiting_.empty(); }

private:
    struct entry {
        work_job* job;
        instant at;
    };
    std::vector<entry> waiting_;
};

RAFTKIT_NAMESPACE_END
