#pragma once
// The default drive: one poller thread for consensus, transport, apply and the host's own sockets;
// the work executor's thread beside it. Threads cost more than disks (design §7), so everything
// fast shares one.
//
//   a turn: wait -> ready watchers (peers', host's) -> node.poll(now) -> finishes -> on_turn_end
//
// watch, change and unwatch: on the loop thread, or before start(). run() and stop(): any thread.

#include <atomic>

#include <raftkit/io/clock.hpp>
#include <raftkit/io/poller.hpp>
#include <raftkit/io/thread.hpp>
#include <raftkit/node/node.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace drive {

template <class Node>
class loop {
    using work_on = bare<decltype((std::declval<typename Node::policies_type&>().work_on))>;
    static_assert(
        !std::is_same_v<work_on, inline_executor>,
        "raftkit: drive::loop needs a work_on of another thread: snapshots would stop the loop");

public:
    using hook = void (*)(void* with) noexcept;

    // Requires: the node outlives the drive.
    explicit loop(Node& driven) noexcept : node_(driven) {}
    loop(loop&&) = delete;
    ~loop() {
        stop({});
        join();
        node_.before_wait(nullptr, nullptr);
        // A node whose open() failed was never turned to its end: it must let go of the poller.
        if constexpr (pollable_transport<typename Node::transport_type>) {
            if (!node_.closed()) node_.transport().close();
        }
    }

    // Opens the poller, then the node. What is watched before start() may be watched from here on.
    result<void> open();
    // Runs turns until the node is closed: on a thread of its own, or on the caller's.
    result<void> start();
    void run_here() noexcept;

    result<void> watch(watcher& one, u32 events) noexcept { return poller_.add(one, events); }
    result<void> change(watcher& one, u32 events) noexcept { return poller_.change(one, events); }
    void unwatch(watcher& one) noexcept { poller_.remove(one); }
    // Once a turn, after the operations that ended in it have finished: replies are written here.
    // Also before a turn waits for the disk in this thread, which may be long.
    void on_turn_end(hook what, void* with) noexcept {
        turn_end_ = what;
        turn_end_with_ = with;
        node_.before_wait(what, with);
    }
    // Its finish runs on the loop thread.
    void run(operation& job) noexcept { node_.run(job); }
    // Begins to close; at most `patience` for hand-over and a last snapshot. Returns at once.
    void stop(duration patience) noexcept;
    void join() noexcept { thread_.join(); }
    bool ended() const noexcept { return ended_.load(std::memory_order_seq_cst); }
    // A thread that submitted something and then sees ended() calls this: no turn would take it any
    // more.
    void refuse_late() noexcept;

private:
    struct wake_watcher : watcher {
        bool signalled = false;
    };

    void turn() noexcept;

    Node& node_;
    poller poller_;
    wake_watcher wakes_;
    hook turn_end_ = nullptr;
    void* turn_end_with_ = nullptr;
    instant deadline_{};  // of the node
    std::atomic<i64> stop_patience_{-1};
    std::atomic<bool> ended_{false};
    bool open_ = false;
    thread thread_;
};

template <class Node>
result<void> loop<Node>::open() {
    if (result<void> done = poller_.open(); !done) return done.why();
    if (result<void> done = node_.inbox().open(); !done) return done.why();
    wakes_.fd = node_.inbox().wake_fd();
    wakes_.ready = [](watcher& self, u32) noexcept {
        static_cast<wake_watcher&>(self).signalled = true;  // the mailbox is looked at anyway
    };
    if (result<void> done = poller_.add(wakes_, poll_in); !done) return done.why();
    if constexpr (pollable_transport<typename Node::transport_type>) {
        if (result<void> done = node_.transport().attach(poller_); !done) return done.why();
    }
    node_.use_clocks({&monotonic_now, &unix_ns});
    if (result<void> done = node_.open(); !done) return done.why();
    open_ = true;
    return {};
}

template <class Node>
result<void> loop<Node>::start() {
    RAFTKIT_ASSERT(open_);
    return thread_.start([](void* self) noexcept { static_cast<loop*>(self)->run_here(); }, this);
}

template <class Node>
void loop<Node>::run_here() noexcept {
    RAFTKIT_ASSERT(open_);
    while (!node_.closed()) turn();
    ended_.store(true, std::memory_order_seq_cst);
    refuse_late();
}

template <class Node>
void loop<Node>::refuse_late() noexcept {
    operation* next = node_.inbox().take_submitted();
    while (next != nullptr) {
        operation& late = *std::exchange(next, next->next);
        late.finish(late, {errc::stopped, 0, "drive/loop: the node is closed"}, {});
    }
}

template <class Node>
void loop<Node>::turn() noexcept {
    instant now = monotonic_now();
    // Another thread either sees that we sleep and wakes us, or we see what it left.
    if (deadline_ > now && node_.inbox().may_sleep()) {
        node_.publish_status();
        const result<u32> waited = poller_.wait(now, deadline_);
        node_.inbox().woke(std::exchange(wakes_.signalled, false));
        if (!waited) node_.close(now);
        now = monotonic_now();
    } else {
        (void)poller_.wait(now, now);
        node_.inbox().woke(std::exchange(wakes_.signalled, false));
    }
    const i64 patience = stop_patience_.exchange(-1, std::memory_order_relaxed);
    if (patience >= 0) node_.close(now + duration{patience});
    deadline_ = node_.poll(now);
    if (turn_end_ == nullptr) return;
    turn_end_(turn_end_with_);
    // What the hook proposed came too late for this poll: it must not wait for the old deadline.
    deadline_ = earliest(deadline_, node_.deadline());
}

template <class Node>
void loop<Node>::stop(duration patience) noexcept {
    stop_patience_.store(patience.ns < 0 ? 0 : patience.ns, std::memory_order_relaxed);
    node_.inbox().nudge();
}

}  // namespace drive

RAFTKIT_NAMESPACE_END
