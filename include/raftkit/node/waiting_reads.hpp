#pragma once
// Confirmed reads that wait until the machine has applied their index (design §11). They end when
// it has, by their deadline, by cancellation, or when nothing more will be applied; one that waits
// for nothing, a stale one, never stands behind one that does. Apply context only.

#include <utility>

#include <raftkit/base/ring.hpp>
#include <raftkit/port/operation.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct waiting_read {
    operation* chain;  // all that share a round
    index_t at;        // 0: stale
};

class waiting_reads {
public:
    static instant deadline_of(const waiting_read& asked) noexcept {
        instant due = never;
        for (const operation* one = asked.chain; one != nullptr; one = one->next)
            due = earliest(due, one->deadline);
        return due;
    }

    // Earliest deadline; may be too early.
    instant due() const noexcept { return due_; }
    // `status`: how a stale one ends.
    void add(const waiting_read& asked, error status) {
        if (!asked.at) return finish_chain(asked.chain, status);
        due_ = earliest(due_, deadline_of(asked));
        waiting_.push_back(asked);
    }
    // In the order in which they were confirmed; their indexes do not fall.
    void serve(index_t applied) noexcept {
        while (!waiting_.empty() && waiting_.front().at <= applied) finish_first({});
        if (waiting_.empty()) due_ = never;
    }
    void end_all(error how) noexcept {
        while (!waiting_.empty()) finish_first(how);
        due_ = never;
    }
    // What is too late or cancelled leaves its chain; the others go on waiting.
    void sweep(instant now) noexcept {
        due_ = never;
        for (u64 at = waiting_.first(); at != waiting_.end(); ++at) {
            operation* each = std::exchange(waiting_[at].chain, nullptr);
            operation** kept = &waiting_[at].chain;
            while (each != nullptr) {
                operation* next = std::exchange(each->next, nullptr);
                const bool late = each->deadline <= now;
                if (late || each->cancel_asked.load(std::memory_order_relaxed)) {
                    each->finish(*each, {late ? errc::timed_out : errc::cancelled, 0, "read"}, {});
                } else {
                    due_ = earliest(due_, each->deadline);
                    *kept = each;
                    kept = &each->next;
                }
                each = next;
            }
        }
    }

private:
    static void finish_chain(operation* who, error how) noexcept {
        while (who != nullptr) {
            operation* next = std::exchange(who->next, nullptr);
            who->finish(*who, how, {});
            who = next;
        }
    }
    void finish_first(error how) noexcept {
        operation* who = waiting_.front().chain;
        waiting_.pop_front();
        finish_chain(who, how);
    }

    ring<waiting_read> waiting_;
    instant due_ = never;
};

RAFTKIT_NAMESPACE_END
