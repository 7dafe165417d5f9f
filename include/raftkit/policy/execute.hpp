#pragma once
// Executors without a thread. An executor runs a job by calling its `finish` with no error, once,
// in the order in which jobs came; an executor that can't run a job calls `finish` with the reason.

#include <raftkit/concepts/policies.hpp>

RAFTKIT_NAMESPACE_BEGIN

// Inside the call. For the manual drive and the simulator, where one thread is the whole world.
struct inline_executor {
    void run(operation& job) noexcept { job.finish(job, {}, {}); }
};

// On the raft context, in a later turn: the job travels through the node's own submission list.
class on_loop {
public:
    void bind(completion_port to) noexcept { to_ = to; }
    // Requires: bound, by node.open().
    void run(operation& job) noexcept {
        RAFTKIT_ASSERT(to_.box != nullptr);
        job.what = operation::kind::job;
        to_.box->submit(job);
    }

private:
    completion_port to_;
};

RAFTKIT_NAMESPACE_END
