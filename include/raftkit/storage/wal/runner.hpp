#pragma once
// Runners decide where the log's work is done and when; the engine does it. Three of them:
//
//   inline_runner    everything in the caller's thread: flush() returns when the disk has answered
//   thread_runner    a thread commits and prepares; flush() only wakes it, and answers come
//                    through the port
//   adaptive_runner  commits in the caller's thread while the moving average of a sync stays below
//                    sync_inline_max, on its thread above; preparing is always the thread's.
//                    Inline has a little more throughput for half the CPU, the thread a loop that
//                    answers while the disk is slow.
//
// A runner is started once, after the engine is open, and stopped once. A simulator's runner keeps
// the `wal_work`, lets flush() schedule a commit() for later, and posts what it returns. The
// contract of wal_runner:
//   - commit() is called by one context at a time, and again whenever flush() was called after its
//   start;
//   - what commit() returns is either returned by flush() or posted; nothing is posted after stop()
//   has returned;
//   - stop() leaves nothing running; what still waits is committed by the engine's own close().

#include <condition_variable>
#include <memory>
#include <mutex>

#include <raftkit/io/clock.hpp>
#include <raftkit/io/thread.hpp>
#include <raftkit/port/mailbox.hpp>

RAFTKIT_NAMESPACE_BEGIN

// What a runner may ask of an engine, without knowing its type.
struct wal_work {
    void* engine = nullptr;
    persisted (*commit_with)(void*) noexcept = nullptr;
    persisted (*watermark_with)(void*) noexcept = nullptr;
    bool (*waiting_with)(void*) noexcept = nullptr;
    instant (*idle_with)(void*, instant) noexcept = nullptr;
    instant (*prepare_with)(void*, instant) noexcept = nullptr;
    bool (*wants_preparing_with)(void*) noexcept = nullptr;
    completion_port port;
    duration sync_inline_max;

    persisted commit() const noexcept { return commit_with(engine); }  // one context at a time
    instant idle(instant now) const noexcept { return idle_with(engine, now); }  // the same context
    instant prepare(instant now) const noexcept {
        return prepare_with(engine, now);
    }                                                                        // may run beside it
    persisted watermark() const noexcept { return watermark_with(engine); }  // any
    bool waiting() const noexcept { return waiting_with(engine); }           // any
    bool wants_preparing() const noexcept { return wants_preparing_with(engine); }  // any

    template <class Engine>
    static wal_work of(Engine& engine, completion_port port, duration sync_inline_max) noexcept {
        return {
            &engine,
            [](void* e) noexcept { return static_cast<Engine*>(e)->commit_group(); },
            [](void* e) noexcept { return static_cast<Engine*>(e)->watermark(); },
            [](void* e) noexcept { return static_cast<Engine*>(e)->waiting(); },
            [](void* e, instant now) noexcept { return static_cast<Engine*>(e)->idle_step(now); },
            [](void* e, instant now) noexcept {
                return static_cast<Engine*>(e)->prepare_step(now);
            },
            [](void* e) noexcept { return static_cast<Engine*>(e)->wants_preparing(); },
            port,
            sync_inline_max};
    }
};

template <class R>
concept wal_runner =
    std::movable<R> && requires(R& r, const R& c, const wal_work& work, instant now) {
        typename R::clock_type;  // copyable; instant now() const noexcept
        { c.clock() } noexcept -> std::same_as<typename R::clock_type>;
        { r.start(work) } noexcept -> std::same_as<result<void>>;
        { r.flush() } noexcept -> std::same_as<persisted>;   // raft context: work was enqueued
        { c.flush_waits() } noexcept -> std::same_as<bool>;  // would flush() wait for the disk?
        {
            r.tick(now)
        } noexcept -> std::same_as<instant>;  // raft context: returns when it wants the next one
        { r.stop() } noexcept -> std::same_as<void>;
    };

struct os_clock {
    instant now() const noexcept { return monotonic_now(); }
};

class inline_runner {
public:
    using clock_type = os_clock;
    clock_type clock() const noexcept { return {}; }

    result<void> start(const wal_work& work) noexcept {
        work_ = work;
        return {};
    }
    persisted flush() noexcept { return work_.waiting() ? work_.commit() : work_.watermark(); }
    bool flush_waits() const noexcept { return work_.waiting(); }
    instant tick(instant now) noexcept {
        if (work_.engine == nullptr) return never;
        const instant idle = work_.idle(now);
        return earliest(idle, work_.prepare(now));
    }
    void stop() noexcept { work_ = {}; }

private:
    wal_work work_;
};
static_assert(wal_runner<inline_runner>);

namespace wal_disk {

// The thread of a runner: commits when it is told to, and between commits prepares segments and
// looks at the mark. The engine is entered by whoever holds `engine`.
class commit_thread {
public:
    commit_thread(const wal_work& work, bool commits) noexcept : work_(work), commits_(commits) {}
    commit_thread(commit_thread&&) = delete;
    ~commit_thread() { stop(); }

    result<void> start() noexcept {
        return thread_.start([](void* self) noexcept { static_cast<commit_thread*>(self)->loop(); },
                             this);
    }
    void stop() noexcept {
        {
            const std::lock_guard hold(guard_);
            stopping_ = true;
        }
        wake_.notify_one();
        thread_.join();
    }
    // What waits is to be committed here, whatever becomes of the mode until then.
    void ask() noexcept {
        asked_.store(true, std::memory_order_release);
        wake();
    }
    // A spare was taken while the thread thought that all is prepared.
    void wake_for_preparing() noexcept {
        if (prepared_.exchange(false, std::memory_order_relaxed)) wake();
    }
    // Where commits are done from now on.
    void commits_here(bool here) noexcept { commits_.store(here, std::memory_order_release); }
    bool commits_here() const noexcept { return commits_.load(std::memory_order_acquire); }
    std::mutex& engine() noexcept { return engine_; }

    // The moving average of a sync, over about eight of them. Under engine().
    void measure(duration sync) noexcept {
        if (sync.ns == 0) return;  // nothing was synced
        average_ = {average_.ns + (sync.ns - average_.ns) / 8};
        const bool slow = average_ > work_.sync_inline_max;
        const bool fast = average_ < work_.sync_inline_max / 2;
        if (adapts_ && (slow || fast)) commits_here(slow);
    }
    void adapt() noexcept { adapts_ = true; }

private:
    void wake() noexcept {
        {
            const std::lock_guard hold(guard_);
            woken_ = true;
        }
        wake_.notify_one();
    }
    void loop() noexcept {
        std::unique_lock hold(guard_);
        while (!stopping_) {
            woken_ = false;
            hold.unlock();
            const instant due = work();
            hold.lock();
            sleep_until(hold, due);
        }
    }
    instant work() noexcept {
        if (asked_.exchange(false, std::memory_order_acquire) && work_.waiting()) {
            const std::lock_guard mine(engine_);
            const persisted done = work_.commit();
            measure(done.sync);
            work_.port.post(done);
        }
        const instant now = monotonic_now();
        const instant prepared = work_.prepare(now);
        prepared_.store(prepared == never, std::memory_order_relaxed);
        if (!commits_here()) return prepared;
        const std::lock_guard mine(engine_);
        const instant idle = work_.idle(now);
        if (idle <= now) work_.port.post(work_.watermark());  // the log has failed
        return earliest(prepared, idle);
    }
    void sleep_until(std::unique_lock<std::mutex>& hold, instant due) noexcept {
        const auto ready = [this] { return woken_ || stopping_; };
        if (due == never) return wake_.wait(hold, ready);
        const duration left = due - monotonic_now();
        if (left.ns > 0) wake_.wait_for(hold, std::chrono::nanoseconds(left.ns), ready);
    }

    wal_work work_;
    std::atomic<bool> commits_, asked_{false}, prepared_{false};
    bool adapts_ = false;
    duration average_;
    std::mutex guard_, engine_;
    std::condition_variable wake_;
    bool woken_ = false, stopping_ = false;
    thread thread_;
};

}  // namespace wal_disk

class thread_runner {
public:
    using clock_type = os_clock;
    clock_type clock() const noexcept { return {}; }

    result<void> start(const wal_work& work) noexcept {
        work_ = work;
        thread_ = std::make_unique<wal_disk::commit_thread>(work, true);
        return thread_->start();
    }
    persisted flush() noexcept {
        if (work_.waiting()) thread_->ask();
        return work_.watermark();
    }
    bool flush_waits() const noexcept { return false; }
    instant tick(instant) noexcept { return never; }
    void stop() noexcept { thread_.reset(); }

private:
    wal_work work_;
    std::unique_ptr<wal_disk::commit_thread> thread_;
};
static_assert(wal_runner<thread_runner>);

class adaptive_runner {
public:
    using clock_type = os_clock;
    clock_type clock() const noexcept { return {}; }

    result<void> start(const wal_work& work) noexcept {
        work_ = work;
        thread_ = std::make_unique<wal_disk::commit_thread>(work, false);
        thread_->adapt();
        return thread_->start();
    }
    persisted flush() noexcept {
        if (!work_.waiting()) return work_.watermark();
        if (thread_->commits_here()) {
            thread_->ask();
            return work_.watermark();
        }
        const std::lock_guard mine(thread_->engine());
        const persisted done = work_.commit();
        thread_->measure(done.sync);
        if (thread_->commits_here()) thread_->ask();  // what comes after a group is its from now on
        if (work_.wants_preparing()) thread_->wake_for_preparing();
        return done;
    }
    bool flush_waits() const noexcept { return work_.waiting() && !thread_->commits_here(); }
    instant tick(instant now) noexcept {
        if (thread_ == nullptr || thread_->commits_here()) return never;
        const std::lock_guard mine(thread_->engine());
        return work_.idle(now);
    }
    void stop() noexcept { thread_.reset(); }

private:
    wal_work work_;
    std::unique_ptr<wal_disk::commit_thread> thread_;
};
static_assert(wal_runner<adaptive_runner>);

RAFTKIT_NAMESPACE_END
