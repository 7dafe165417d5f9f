#pragma once
// The manual drive: a node inside somebody else's loop, or a simulation. It has no thread and never
// waits; the host calls poll() when the descriptor is readable or the returned deadline has come.
//
//   foreign loop: wait for fd() or deadline -> poll(now) -> deadline
//   simulation:   poll(virtual now), no descriptor at all

#include <raftkit/concepts/transport.hpp>
#include <raftkit/io/clock.hpp>
#include <raftkit/io/poller.hpp>
#include <raftkit/node/node.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace drive {

template <class Node>
class manual {
public:
    // Requires: the node outlives the drive.
    explicit manual(Node& driven) noexcept : node_(driven) {}
    manual(manual&&) = delete;
    ~manual() {
        // The transport is attached to this poller, and hears nothing without it.
        if constexpr (pollable_transport<typename Node::transport_type>) {
            if (attached_ && !node_.closed()) node_.transport().close();
        }
    }

    // Without a descriptor, for transports that need no poller: the host's instants are the only
    // time.
    result<void> open() { return node_.open(); }
    // With a descriptor: sockets and other threads make fd() readable. Uses the real clock for
    // slices and stamps.
    result<void> open_with_descriptor() {
        if (result<void> done = poller_.open(); !done) return done.why();
        if (result<void> done = node_.inbox().open(); !done) return done.why();
        wakes_.fd = node_.inbox().wake_fd();
        wakes_.ready = [](watcher&, u32) noexcept {};
        if (result<void> done = poller_.add(wakes_, poll_in); !done) return done.why();
        if constexpr (pollable_transport<typename Node::transport_type>) {
            attached_ = true;
            if (result<void> done = node_.transport().attach(poller_); !done) return done.why();
        }
        node_.use_clocks({&monotonic_now, &unix_ns});
        polls_ = true;
        return node_.open();
    }

    // Returns when to call it again, whether or not the descriptor became readable.
    instant poll(instant now) noexcept {
        if (polls_) {
            (void)poller_.wait(now, now);
            node_.inbox().woke(true);
        }
        const instant next = node_.poll(now);
        // From here on a submission of another thread makes the descriptor readable.
        return polls_ && next > now && !node_.inbox().may_sleep() ? now : next;
    }
    int fd() const noexcept { return poller_.fd(); }

private:
    Node& node_;
    poller poller_;
    watcher wakes_;
    bool polls_ = false, attached_ = false;
};

}  // namespace drive

RAFTKIT_NAMESPACE_END
