#pragma once
// How requests enter: refused at once, or begun. A refusal is an end like any other, so it also
// comes later, in the apply context. Included by driver.hpp alone.

#include <new>

#include <raftkit/node/driver.hpp>

RAFTKIT_NAMESPACE_BEGIN

// Newest first, as the mailbox has them: turned round, so that requests begin in the order of their
// submission.
template <class Parts>
bool driver<Parts>::take_submissions() noexcept {
    operation* newest_first = parts_.inbox.take_submitted();
    if (newest_first == nullptr) return false;
    operation* oldest_first = nullptr;
    while (newest_first != nullptr) {
        operation* older = newest_first->next;
        newest_first->next = std::exchange(oldest_first, newest_first);
        newest_first = older;
    }
    while (oldest_first != nullptr) {
        operation& next = *oldest_first;
        oldest_first = std::exchange(next.next, nullptr);
        begin(next);
    }
    return true;
}

// Why a request is not begun, or ok. Every code here says that nothing was or will be executed.
template <class Parts>
error driver<Parts>::refuses(const operation& asked, u64 bytes) const noexcept {
    if (parts_.closing || fatal_) return {errc::stopped, 0, "node: closing"};
    const bool waits =
        asked.what == operation::kind::serving || asked.what == operation::kind::wait_applied;
    if (!parts_.core && !waits) return {errc::not_started, 0, "node: recovering"};
    if (parts_.operations > parts_.options.operations_max)
        return {errc::busy, 0, "node: operations_max"};
    const bool appends =
        asked.what == operation::kind::propose || asked.what == operation::kind::change;
    if (asked.cancel_asked.load(std::memory_order_relaxed)) {
        return {appends ? errc::busy : errc::cancelled, 0, "node: cancelled before it was begun",
                u64(errc::cancelled)};
    }
    if (asked.deadline <= parts_.now) {
        return {appends ? errc::busy : errc::timed_out, 0, "node: too late before it was begun",
                u64(errc::timed_out)};
    }
    if constexpr (requires { parts_.storage.ready_for(bytes); }) {
        if (appends && !parts_.storage.ready_for(bytes)) {
            return {errc::busy, 0, "propose: no space for the log", u64(errc::no_space)};
        }
    }
    const bool reads =
        asked.what == operation::kind::read || asked.what == operation::kind::read_stale;
    if (reads && parts_.phase != node_phase::serving)
        return {errc::not_started, 0, "node: not serving yet"};
    return {};
}

template <class Parts>
void driver<Parts>::begin(operation& asked) noexcept {
    if (asked.what == operation::kind::job) return asked.finish(asked, {}, {});
    ++parts_.operations;
    u64 bytes = 0;
    if (asked.what == operation::kind::propose) {
        const proposal& wish = static_cast<const proposal&>(asked);
        bytes = wish.large.valid() ? wish.large.size() : wish.command.size();
    }
    if (const error why = refuses(asked, bytes)) return parts_.end(asked, why);
    switch (asked.what) {
        case operation::kind::job: return;
        case operation::kind::propose: return propose_large(static_cast<proposal&>(asked));
        case operation::kind::read: return requests_.collect_read(asked);
        case operation::kind::read_stale: return read_stale(asked);
        case operation::kind::change:
            return appended(
                asked, parts_.core->change_members(static_cast<membership_change&>(asked).next));
        case operation::kind::transfer: {
            // The core may have ended the last one in this very turn: its request is told first.
            if (requests_.transfers())
                return parts_.end(asked, {errc::busy, 0, "transfer: one is running"});
            const node_id to = static_cast<leadership_transfer&>(asked).to;
            if (result<void> begun = parts_.core->transfer_to(to); !begun)
                return parts_.end(asked, begun.why());
            return requests_.transferring(asked);
        }
        case operation::kind::snapshot:
            if (!desk_) return parts_.end(asked, {errc::not_started, 0, "snapshot_now"});
            return desk_->request(static_cast<snapshot_ticket&>(asked));
        case operation::kind::wait_applied:
            if (parts_.core &&
                static_cast<applied_wait&>(asked).at <= parts_.core->status().applied) {
                return parts_.end(asked, {});
            }
            return requests_.wait_applied(static_cast<applied_wait&>(asked));
        case operation::kind::serving:
            if (parts_.phase == node_phase::serving) return parts_.end(asked, {});
            return requests_.wait_serving(asked);
    }
}

// What was appended waits for its entry; what was not is certainly not done.
template <class Parts>
void driver<Parts>::appended(operation& asked, const result<log_id>& where) noexcept {
    if (where) return pending_.add(*where, asked);
    error why = where.why();
    if (why.code == errc::not_leader && why.detail == 0) why.detail = leader().value;
    parts_.end(asked, why);
}

template <class Parts>
void driver<Parts>::propose_large(proposal& asked) noexcept {
    if (asked.large.valid()) {
        return appended(asked,
                        parts_.core->propose(entry_kind::command, std::move(asked.large), stamp()));
    }
    appended(asked, parts_.core->propose(entry_kind::command, asked.command, stamp()));
}

template <class Parts>
void driver<Parts>::propose(byte_span command, operation& asked) noexcept {
    asked.what = operation::kind::propose;
    ++parts_.operations;
    if (const error why = refuses(asked, command.size())) return parts_.end(asked, why);
    appended(asked, parts_.core->propose(entry_kind::command, command, stamp()));
}

template <class Parts>
i64 driver<Parts>::stamp() const noexcept {
    return parts_.options.stamp_time && parts_.clocks.unix_ns != nullptr ? parts_.clocks.unix_ns()
                                                                         : 0;
}

template <class Parts>
void driver<Parts>::read_stale(operation& asked) noexcept {
    --parts_.operations;
    asked.next = nullptr;
    parts_.queue.read(asked, {});
}

// All reads of one poll share one round.
template <class Parts>
void driver<Parts>::flush_reads() noexcept {
    if (!requests_.has_collected()) return;
    refresh_time();
    const result<void> begun =
        parts_.core->read(requests_.next_round(), parts_.options.lease_reads);
    operation* chain = requests_.take_collected();
    if (begun) return requests_.asked(chain);
    error why = begun.why();
    if (why.code == errc::not_leader && why.detail == 0) why.detail = leader().value;
    while (chain != nullptr) {
        operation& next = *chain;
        chain = std::exchange(next.next, nullptr);
        parts_.end(next, why);
    }
}

// Cancellations and new options announce themselves by a nudge.
template <class Parts>
void driver<Parts>::take_nudge() noexcept {
    if (!parts_.inbox.take_nudge()) return;
    pending_.cancel_asked(parts_.ender());
    requests_.cancel_asked(parts_.ender());
    parts_.queue.sweep_reads(parts_.now);
    if (desk_) desk_->cancel_asked();
    const std::unique_ptr<node_options> next(
        next_options_.exchange(nullptr, std::memory_order_acquire));
    if (next == nullptr) return;
    // What cannot change was compared by reconfigure(); what is not a number stays as it was.
    identity who = parts_.options.who;
    parts_.options = std::move(*next);
    parts_.options.who = who;
    if (parts_.core) (void)parts_.core->reconfigure(parts_.options.for_core());
    if (desk_) desk_->reconfigure();
    limit_batches();
}

// Any thread.
template <class Parts>
result<void> driver<Parts>::reconfigure(const node_options& next) noexcept {
    if (result<void> valid = next.validate(); !valid) return valid.why();
    const auto fixed = [](const char* row) { return error{errc::invalid_option, 0, row}; };
    const node_options& now = first_options_;
    if (next.who.self != now.who.self || next.who.cluster != now.who.cluster ||
        next.who.group != now.who.group) {
        return fixed("who: cannot be changed");
    }
    if (next.cluster_name != now.cluster_name) return fixed("cluster_name: cannot be changed");
    if (next.snapshot_chunk_bytes != now.snapshot_chunk_bytes) {
        return fixed("snapshot_chunk_bytes: cannot be changed");
    }
    auto* copy = new (std::nothrow) node_options(next);
    if (copy == nullptr) return error{errc::busy, 0, "reconfigure: out of memory"};
    delete next_options_.exchange(copy, std::memory_order_acq_rel);
    parts_.inbox.nudge();
    return {};
}

RAFTKIT_NAMESPACE_END
