#pragma once
// Requests that wait for something else than their own entry: reads for a confirmed round, waits
// for an index, for serving, for the end of a change or a transfer. Lists are intrusive or keep
// their capacity. Raft context only.
//
//   reads of one poll -> one round of the core -> read_ready -> the machine queue
//
// What ends here by deadline, cancellation or close had no effect: timed_out, cancelled, stopped. A
// membership change is a proposal until its joint entry is applied; afterwards it can only be late,
// so its end is unknown.

#include <utility>
#include <vector>

#include <raftkit/base/ring.hpp>
#include <raftkit/node/pending.hpp>
#include <raftkit/port/operation.hpp>

RAFTKIT_NAMESPACE_BEGIN

class requests {
public:
    // ---- reads ----
    void collect_read(operation& asked) noexcept {
        asked.next = std::exchange(collected_, &asked);
        deadline_ = earliest(deadline_, asked.deadline);
    }
    bool has_collected() const noexcept { return collected_ != nullptr; }
    operation* take_collected() noexcept { return std::exchange(collected_, nullptr); }
    request_id next_round() const noexcept { return {asked_.end()}; }
    void asked(operation* chain) { asked_.push_back(chain); }
    // Null if all who asked are gone.
    operation* confirmed(request_id round) noexcept {
        if (!asked_.contains(round.value)) return nullptr;
        operation* chain = std::exchange(asked_[round.value], nullptr);
        while (!asked_.empty() && asked_.front() == nullptr) asked_.pop_front();
        return chain;
    }

    // ---- waits ----
    void wait_applied(applied_wait& asked) { wait(applied_waits_, asked); }
    void wait_serving(operation& asked) { wait(serving_waits_, asked); }
    // The joint entry at `joint` is applied: the change ends with the configuration that leaves it.
    void wait_left(operation& asked, index_t joint) {
        leaving_.push_back({&asked, joint});
        deadline_ = earliest(deadline_, asked.deadline);
    }
    void transferring(operation& asked) noexcept {
        transfer_ = &asked;
        deadline_ = earliest(deadline_, asked.deadline);
    }
    bool transfers() const noexcept { return transfer_ != nullptr; }
    operation* take_transfer() noexcept { return std::exchange(transfer_, nullptr); }

    template <class End>
    void applied(index_t upto, End&& end) {
        if (applied_waits_.empty()) return;
        std::erase_if(applied_waits_, [&](operation* each) {
            if (static_cast<applied_wait*>(each)->at > upto) return false;
            end(*each, error{});
            return true;
        });
    }
    template <class End>
    void serving(End&& end) {
        for (operation* each : serving_waits_) end(*each, error{});
        serving_waits_.clear();
    }
    // `now`: the newest configuration that is applied, and not joint.
    template <class End>
    void left(index_t now, End&& end) {
        std::erase_if(leaving_, [&](const leaving_change& each) {
            if (now <= each.joint) return false;
            end(*each.who, error{});
            return true;
        });
    }
    bool changing() const noexcept { return !leaving_.empty(); }

    instant deadline() const noexcept { return deadline_; }
    template <class End>
    void expire(instant now, End&& end) {
        if (now < deadline_) return;
        sweep(
            [now](const operation& who) {
                return who.deadline <= now ? errc::timed_out : errc::ok;
            },
            end);
    }
    template <class End>
    void cancel_asked(End&& end) {
        sweep(
            [](const operation& who) {
                return who.cancel_asked.load(std::memory_order_relaxed) ? errc::cancelled
                                                                        : errc::ok;
            },
            end);
    }
    template <class End>
    void end_all(errc why, End&& end) {
        sweep([why](const operation&) { return why; }, end);
    }

private:
    struct leaving_change {
        operation* who;
        index_t joint;
    };

    void wait(std::vector<operation*>& list, operation& asked) {
        list.push_back(&asked);
        deadline_ = earliest(deadline_, asked.deadline);
    }
    template <class Which, class End>
    void sweep(Which&& which, End&& end);

    operation* collected_ = nullptr;
    ring<operation*> asked_{1};  // chains by round; null: answered, or all gone
    std::vector<operation*> applied_waits_, serving_waits_;
    std::vector<leaving_change> leaving_;
    operation* transfer_ = nullptr;
    instant deadline_ = never;
};

template <class Which, class End>
void requests::sweep(Which&& which, End&& end) {
    instant next = never;
    const auto ends = [&](operation& who, bool may_be_done) {
        const errc why = which(who);
        if (why == errc::ok) {
            next = earliest(next, who.deadline);
            return false;
        }
        end(who, may_be_done ? unknown_outcome(why, "change_members: committed, not yet left")
                             : error{why, 0, "request"});
        return true;
    };
    const auto prune = [&](operation*& chain) {
        operation** link = &chain;
        while (*link != nullptr) {
            operation* who = *link;
            operation* after = who->next;
            if (ends(*who, false)) {
                *link = after;
            } else {
                link = &who->next;
            }
        }
    };
    prune(collected_);
    for (u64 round = asked_.first(); round != asked_.end(); ++round) prune(asked_[round]);
    std::erase_if(applied_waits_, [&](operation* who) { return ends(*who, false); });
    std::erase_if(serving_waits_, [&](operation* who) { return ends(*who, false); });
    std::erase_if(leaving_, [&](const leaving_change& each) { return ends(*each.who, true); });
    if (transfer_ != nullptr && ends(*transfer_, false)) transfer_ = nullptr;
    deadline_ = next;
}

RAFTKIT_NAMESPACE_END
