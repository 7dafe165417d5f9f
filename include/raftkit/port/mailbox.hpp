#pragma once
// The only door into the raft context for other threads: completions (never refused) and
// submissions (an intrusive list). Its mutex is the one lock on that path; the raft context looks
// at a flag before it takes it. Waking follows the protocol of design §7: the consumer announces
// that it sleeps and looks again; a producer pushes, then wakes it only if it sleeps.

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include <raftkit/io/waker.hpp>
#include <raftkit/port/events.hpp>
#include <raftkit/port/operation.hpp>

RAFTKIT_NAMESPACE_BEGIN

class mailbox {
public:
    mailbox() noexcept = default;
    mailbox(mailbox&&) = delete;

    // Requires: before any other thread knows the box. Without it, post() wakes nobody (the manual
    // drive polls).
    result<void> open() noexcept { return waker_.open(); }

    // Any thread.
    void post(event what) noexcept {
        {
            const std::lock_guard hold(guard_);
            inbound_.push_back(std::move(what));
            any_.store(true, std::memory_order_seq_cst);
        }
        wake_sleeper();
    }
    // Any thread; newest first, as take_submitted() returns it.
    void submit(operation& asked) noexcept {
        operation* head = submitted_.load(std::memory_order_relaxed);
        do {
            asked.next = head;
        } while (!submitted_.compare_exchange_weak(head, &asked, std::memory_order_seq_cst,
                                                   std::memory_order_relaxed));
        wake_sleeper();
    }
    // Any thread: something changed that poll() should look at (a cancellation, a new option).
    void nudge() noexcept {
        nudged_.store(true, std::memory_order_seq_cst);
        wake_sleeper();
    }

    // Raft context. Swaps what arrived into the empty `into`; false if nothing did.
    bool drain(std::vector<event>& into) noexcept {
        RAFTKIT_ASSERT(into.empty());
        if (!any_.load(std::memory_order_acquire)) return false;
        const std::lock_guard hold(guard_);
        inbound_.swap(into);
        any_.store(false, std::memory_order_relaxed);
        return !into.empty();
    }
    operation* take_submitted() noexcept {
        if (submitted_.load(std::memory_order_relaxed) == nullptr) return nullptr;
        return submitted_.exchange(nullptr, std::memory_order_acquire);
    }
    bool take_nudge() noexcept {
        return nudged_.load(std::memory_order_relaxed) && nudged_.exchange(false);
    }

    // The drive, before it waits: true if there is nothing to do, and from then on producers wake
    // it.
    bool may_sleep() noexcept {
        sleeping_.store(true, std::memory_order_seq_cst);
        if (any_.load(std::memory_order_seq_cst) || nudged_.load(std::memory_order_seq_cst) ||
            submitted_.load(std::memory_order_seq_cst) != nullptr) {
            sleeping_.store(false, std::memory_order_relaxed);
            return false;
        }
        return true;
    }
    // `signalled`: its wake_fd() was readable; reading it otherwise would be a system call a turn.
    void woke(bool signalled) noexcept {
        sleeping_.store(false, std::memory_order_relaxed);
        if (signalled) waker_.drain();
    }
    int wake_fd() const noexcept { return waker_.fd(); }

private:
    void wake_sleeper() noexcept {
        // Sequentially consistent like the store before it and like both sides of may_sleep(): one
        // of the two sees the other. (Thread sanitizer knows no fences.)
        if (sleeping_.load(std::memory_order_seq_cst) && sleeping_.exchange(false)) waker_.wake();
    }

    std::mutex guard_;
    std::vector<event> inbound_;
    std::atomic<bool> any_{false}, sleeping_{false}, nudged_{false};
    std::atomic<operation*> submitted_{nullptr};
    waker waker_;
};

// One pointer; copyable; safe from any thread until close() of its owner has returned.
struct completion_port {
    mailbox* box = nullptr;
    template <class E>
    void post(E&& what) const noexcept {
        box->post(event(std::forward<E>(what)));
    }
};

RAFTKIT_NAMESPACE_END
