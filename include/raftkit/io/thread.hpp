#pragma once
// A thread whose start may fail: std::thread reports that by an exception, and a system that has no
// thread left is an input, not a bug. Signals of the process are left to the host's own threads.

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <raftkit/base/result.hpp>

RAFTKIT_NAMESPACE_BEGIN

// From here on the calling thread, and every thread that it starts, waits for its turn once woken
// instead of taking the processor from who woke it (Linux: SCHED_BATCH; needs no privilege). For a
// loop whose clients share its processors: a client that writes many requests ends its round first,
// so that they arrive as one group, not as one and the rest.
inline result<void> use_batch_scheduling() noexcept {
    const sched_param unused{};
    const int failure = ::pthread_setschedparam(::pthread_self(), SCHED_BATCH, &unused);
    if (failure != 0) return error{errc::io, failure, "io/thread.use_batch_scheduling"};
    return {};
}

class thread {
public:
    thread() noexcept = default;
    thread(thread&&) = delete;  // the body may run already
    ~thread() { RAFTKIT_ASSERT(!running_); }

    bool running() const noexcept { return running_; }

    // Runs body(with) on a new thread. Requires: not running; `with` outlives the body.
    result<void> start(void (*body)(void* with) noexcept, void* with) noexcept;
    // Returns when the body has; at once if there is none. Not from the body.
    void join() noexcept;

private:
    static void* run(void* self) noexcept {
        const thread& started = *static_cast<const thread*>(self);
        started.body_(started.with_);
        return nullptr;
    }

    void (*body_)(void*) noexcept = nullptr;
    void* with_ = nullptr;
    pthread_t id_{};
    bool running_ = false;
};

inline result<void> thread::start(void (*body)(void* with) noexcept, void* with) noexcept {
    RAFTKIT_ASSERT(!running_);
    body_ = body;
    with_ = with;
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // a thread inherits the mask of its maker
    const int failure = ::pthread_create(&id_, nullptr, &thread::run, this);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (failure != 0) return error{errc::io, failure, "io/thread.start"};
    running_ = true;
    return {};
}

inline void thread::join() noexcept {
    if (!running_) return;
    const int failure = ::pthread_join(id_, nullptr);
    RAFTKIT_ASSERT(failure == 0);
    running_ = false;
}

RAFTKIT_NAMESPACE_END
