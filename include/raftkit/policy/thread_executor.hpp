#pragma once
// One thread that runs jobs in the order in which they came: where snapshots are written, read and
// taken apart while the loop goes on. The thread starts with the first job, so that a node that
// never saves never has one. The handle can be moved; whoever holds it last ends the thread.
//
//   any thread: run(job) -> queue -> the worker: job.finish(job, {}, {})
//
// A job that can't be run is finished with the reason, inside run(): `busy` if the thread could not
// be started (the caller backs off as after any failed save, and the next job tries again),
// `stopped` if it still waited when the executor was destroyed. So every job is finished exactly
// once.

#include <condition_variable>
#include <mutex>
#include <new>
#include <utility>

#include <raftkit/concepts/policies.hpp>
#include <raftkit/io/thread.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace detail {

// The part that does not move: the thread has its address.
class worker {
public:
    worker() noexcept = default;
    worker(worker&&) = delete;
    ~worker();

    void run(operation& job) noexcept;

private:
    static void work(void* self) noexcept { static_cast<worker*>(self)->work(); }
    void work() noexcept;
    operation* take() noexcept;  // Requires: the guard is held and the queue is not empty

    std::mutex guard_;
    std::condition_variable some_;
    operation* first_ = nullptr;
    operation* last_ = nullptr;
    bool ending_ = false;
    thread thread_;
};

inline worker::~worker() {
    {
        const std::lock_guard hold(guard_);
        ending_ = true;
    }
    some_.notify_one();
    thread_.join();
    // What a job submitted while the thread ended, or before it ever began.
    while (first_ != nullptr) {
        operation* waiting = take();
        waiting->finish(*waiting, error{errc::stopped, 0, "policy/thread_executor"}, {});
    }
}

inline void worker::run(operation& job) noexcept {
    {
        const std::lock_guard hold(guard_);
        if (thread_.running() || thread_.start(&worker::work, this)) {
            job.next = nullptr;
            (last_ == nullptr ? first_ : last_->next) = &job;
            last_ = &job;
            some_.notify_one();
            return;
        }
    }
    job.finish(job, error{errc::busy, 0, "policy/thread_executor.start"}, {});
}

inline void worker::work() noexcept {
    std::unique_lock hold(guard_);
    for (;;) {
        some_.wait(hold, [this] { return ending_ || first_ != nullptr; });
        if (ending_) return;
        operation* job = take();
        hold.unlock();
        job->finish(*job, {}, {});
        hold.lock();
    }
}

inline operation* worker::take() noexcept {
    operation* taken = first_;
    first_ = taken->next;
    if (first_ == nullptr) last_ = nullptr;
    taken->next = nullptr;
    return taken;
}

}  // namespace detail

class thread_executor {
public:
    thread_executor() noexcept = default;
    thread_executor(thread_executor&& other) noexcept
        : worker_(std::exchange(other.worker_, nullptr)) {}
    thread_executor& operator=(thread_executor&& other) noexcept {
        std::swap(worker_, other.worker_);
        return *this;
    }
    // Waits for the job that runs; those behind it end `stopped`.
    ~thread_executor() { delete worker_; }

    // Requires: calls come from one thread at a time, or after the first one has returned.
    void run(operation& job) noexcept {
        if (worker_ == nullptr) worker_ = new (std::nothrow) detail::worker;
        if (worker_ != nullptr) return worker_->run(job);
        job.finish(job, error{errc::busy, 0, "policy/thread_executor.run"}, {});
    }

private:
    detail::worker* worker_ = nullptr;
};

RAFTKIT_NAMESPACE_END
