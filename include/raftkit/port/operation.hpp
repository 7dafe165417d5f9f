#pragma once
// Operations: what a caller asks of a node. The caller owns the memory from submission to `finish`;
// queueing is intrusive, so that it never allocates. `finish` is called exactly once, in the apply
// context, never inside the submitting call; it may submit the same operation again.

#include <atomic>

#include <raftkit/base/buffer.hpp>
#include <raftkit/base/error.hpp>
#include <raftkit/core/types.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct operation {
    using finish_fn = void (*)(operation&, error, byte_span reply) noexcept;
    enum class kind : u8 {
        job,
        propose,
        read,
        read_stale,
        change,
        transfer,
        snapshot,
        wait_applied,
        serving
    };

    finish_fn finish = nullptr;
    instant deadline = never;
    operation* next = nullptr;  // owned by whoever queues it
    kind what = kind::job;      // set by the node
    std::atomic<bool> cancel_asked{false};

    operation() noexcept = default;
    explicit operation(finish_fn done) noexcept : finish(done) {}
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;
};

struct proposal : operation {
    using operation::operation;
    byte_span command;  // stays valid until it finishes
    buffer large;       // instead of `command`: a command above 16 KiB that is not copied
};
struct membership_change
    : operation {  // ends when the configuration that leaves the joint one is applied
    using operation::operation;
    configuration next;
};
struct leadership_transfer : operation {
    using operation::operation;
    node_id to;  // 0: the best follower
};
struct applied_wait : operation {
    using operation::operation;
    index_t at;
};
struct snapshot_ticket : operation {
    using operation::operation;
    snapshot_id id;            // result: the durable snapshot
    bool nothing_new = false;  // result: no entry was applied since that snapshot
};

RAFTKIT_NAMESPACE_END
