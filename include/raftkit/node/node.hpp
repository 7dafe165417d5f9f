#pragma once
// raftkit::node: one member of one Raft group, put together from the parts that the host chose. It
// has no thread and no lock of its own: poll() does all work, a drive calls it. Operations may be
// submitted by any thread; their `finish` comes in the apply context. The template is
// unconstrained, so that diagnose speaks first.

#include <utility>

#include <raftkit/concepts/diagnose.hpp>
#include <raftkit/fwd.hpp>
#include <raftkit/node/driver.hpp>
#include <raftkit/policy/defaults.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class Storage, class Transport, class StateMachine, class SnapshotStore, class Policies>
class node {
    static_assert(detail::diagnose_storage<Storage>::said);
    static_assert(detail::diagnose_transport<Transport>::said);
    static_assert(detail::diagnose_state_machine<StateMachine>::said);
    static_assert(detail::diagnose_snapshot_store<SnapshotStore>::said);
    static_assert(detail::diagnose_policies<Policies>::said);
    using parts_type = node_parts<Storage, Transport, StateMachine, SnapshotStore, Policies>;

public:
    using storage_type = Storage;
    using transport_type = Transport;
    using machine_type = StateMachine;
    using store_type = SnapshotStore;
    using policies_type = Policies;

    node(node_options options, Storage storage, Transport transport, StateMachine machine,
         SnapshotStore snapshots, Policies policies = {});
    node(node&&) = delete;  // the port points into it
    // Ends without finishing operations; a drive's stop() or close() and poll() end them.
    ~node();

    // Locks, recovers, lists; restore and replay go on in poll(). On the thread of poll().
    result<void> open();
    // Drain -> core -> effects. Returns when to call it again at the latest.
    instant poll(instant now) noexcept;
    // Begins to close: hands leadership over, lets a last snapshot be made, then ends what waits;
    // poll() until closed(). On the thread of poll().
    void close(instant deadline) noexcept;
    bool closed() const noexcept;

    // Any thread. An operation finishes once, in the apply context.
    void propose(proposal& asked) noexcept;
    void read(operation& asked) noexcept;  // linearizable: when it finishes, machine() may be read
    void read_stale(operation& asked) noexcept;  // the same without the round
    void change_members(membership_change& asked) noexcept;
    void transfer(leadership_transfer& asked) noexcept;
    void snapshot_now(snapshot_ticket& asked) noexcept;
    void wait_applied(applied_wait& asked) noexcept;
    void when_serving(operation& asked) noexcept;
    void run(operation& job) noexcept;     // its finish, on the thread of poll()
    void cancel(operation& asked) noexcept;  // a request: it ends soon, if it has not ended
    result<void> reconfigure(const node_options& next) noexcept;
    node_status status() const noexcept;

    // The thread of poll() only: no lock, no hand-off.
    instant deadline() const noexcept { return driver_.deadline(); }  // as poll() returned it, now
    void propose(byte_span command, operation& asked) noexcept;
    const StateMachine& machine() const noexcept { return parts_.machine; }  // where apply runs
    StateMachine& machine() noexcept { return parts_.machine; }
    Policies& policies() noexcept { return policies_; }
    Storage& storage() noexcept { return parts_.storage; }
    Transport& transport() noexcept { return parts_.transport; }
    mailbox& inbox() noexcept { return parts_.inbox; }
    const node_options& options() const noexcept { return parts_.options; }
    const configuration* members() const noexcept;  // newest; null before it is recovered
    const damage* found() const noexcept { return driver_.found(); }  // why open() refused
    void use_clocks(node_clocks clocks) noexcept { parts_.clocks = clocks; }  // before open()
    // For a drive: what is done for clients before poll() waits for the disk in its own thread.
    void before_wait(void (*what)(void*) noexcept, void* with) noexcept {
        driver_.before_wait(what, with);
    }
    // Before a drive sleeps: makes status() exact for the other threads.
    void publish_status() noexcept { driver_.publish(); }

private:
    void submit(operation& asked, operation::kind what) noexcept;

    // Destroyed last to first: executors join before what their jobs use is gone.
    parts_type parts_;
    driver<parts_type> driver_;
    [[no_unique_address]] Policies policies_;
};

#define RAFTKIT_NODE_MEMBER                                                            \
    template <class Storage, class Transport, class StateMachine, class SnapshotStore, \
              class Policies>
#define RAFTKIT_NODE node<Storage, Transport, StateMachine, SnapshotStore, Policies>

RAFTKIT_NODE_MEMBER
RAFTKIT_NODE::node(node_options options, Storage storage, Transport transport, StateMachine machine,
                   SnapshotStore snapshots, Policies policies)
    : parts_(std::move(options), std::move(storage), std::move(transport), std::move(machine),
             std::move(snapshots), policies_),
      driver_(parts_),
      policies_(std::move(policies)) {}

RAFTKIT_NODE_MEMBER
RAFTKIT_NODE::~node() {
    driver_.shut_down();
    // What is still in the mailbox may hold bytes of storage or transport.
    std::vector<event> unheard;
    (void)parts_.inbox.drain(unheard);
}

RAFTKIT_NODE_MEMBER
result<void> RAFTKIT_NODE::open() {
    return driver_.open();
}

RAFTKIT_NODE_MEMBER
instant RAFTKIT_NODE::poll(instant now) noexcept {
    return driver_.poll(now);
}

RAFTKIT_NODE_MEMBER
void RAFTKIT_NODE::close(instant deadline) noexcept {
    driver_.close(deadline);
}

RAFTKIT_NODE_MEMBER
bool RAFTKIT_NODE::closed() const noexcept {
    return driver_.stopped();
}

RAFTKIT_NODE_MEMBER
void RAFTKIT_NODE::submit(operation& asked, operation::kind what) noexcept {
    asked.what = what;
    parts_.inbox.submit(asked);
}

RAFTKIT_NODE_MEMBER
void RAFTKIT_NODE::propose(proposal& asked) noexcept {
    submit(asked, operation::kind::propose);
}

RAFTKIT_NODE_MEMBER
void RAFTKIT_NODE::read(operation& asked) noexcept {
    submit(asked, operation::kind::read);
}

RAFTKIT_NODE_MEMBER
void RAFTKIT_NODE::read_stale(operation& asked) noexcept {
    submit(asked, operation::kind::read_stale);
}

RAFTKIT_NODE_MEMBER
void RAFTKIT_NODE::change_members(membership_change& asked) noexcept {
    submit(asked, operation::kind::change);
}

RAFTKIT_NODE_MEMBER
void RAFTKIT_NODE::transfer(leadership_transfer& asked) noexcept {
    submit(asked, operation::kind::transfer);
}

RAFTKIT_NODE_MEMBER
void RAFTKIT_NODE::snapshot_now(snapshot_ticket& asked) noexcept {
    submit(asked, operation::kind::snapshot);
}

RAFTKIT_NODE_MEMBER
void RAFTKIT_NODE::wait_applied(applied_wait& asked) noexcept {
    submit(asked, operation::kind::wait_applied);
}

RAFTKIT_NODE_MEMBER
void RAFTKIT_NODE::when_serving(operation& asked) noexcept {
    submit(asked, operation::kind::serving);
}

RAFTKIT_NODE_MEMBER
void RAFTKIT_NODE::run(operation& job) noexcept {
    submit(job, operation::kind::job);
}

RAFTKIT_NODE_MEMBER
void RAFTKIT_NODE::cancel(operation& asked) noexcept {
    asked.cancel_asked.store(true, std::memory_order_relaxed);
    parts_.inbox.nudge();
}

RAFTKIT_NODE_MEMBER
result<void> RAFTKIT_NODE::reconfigure(const node_options& next) noexcept {
    return driver_.reconfigure(next);
}

RAFTKIT_NODE_MEMBER
node_status RAFTKIT_NODE::status() const noexcept {
    return driver_.status();
}

RAFTKIT_NODE_MEMBER
void RAFTKIT_NODE::propose(byte_span command, operation& asked) noexcept {
    driver_.propose(command, asked);
}

RAFTKIT_NODE_MEMBER
const configuration* RAFTKIT_NODE::members() const noexcept {
    return parts_.core ? &parts_.core->members() : nullptr;
}

#undef RAFTKIT_NODE
#undef RAFTKIT_NODE_MEMBER

RAFTKIT_NAMESPACE_END
