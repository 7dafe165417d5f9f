#pragma once
// A network that loses, repeats, delays and reorders, with cuts and slow links in one direction,
// partitions and a switch that heals it all. It knows nothing of Raft: what it carries are parcels
// between node ids.

#include <utility>
#include <vector>

#include <raftkit/base/flat_map.hpp>
#include <raftkit/testing/sim/parcel.hpp>
#include <raftkit/testing/sim/scheduler.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

struct link_faults {  // chances are per million
    u32 loss = 0, repeat = 0, linger = 0;
    duration delay_min = microseconds(50), delay_max = milliseconds(2);
    duration linger_max =
        milliseconds(500);  // of a message that overtakes nobody: the late, stale ones
};

// Who gets the mail of a node. The parcel is the receiver's to move from; what it points to lives
// as long as it does.
struct mail_slot {
    void* who = nullptr;
    void (*deliver)(void* who, parcel&& mail) = nullptr;
    u64 incarnation = 0;
};

class network {
public:
    network(scheduler& time, u64 seed) noexcept : time_(&time), dice_(seed) {}

    link_faults faults;
    // Counters for bounds and for tests of the simulator itself.
    u64 sent = 0, lost = 0, repeated = 0, delivered = 0;

    void attach(node_id at, mail_slot slot) { slots_[at] = slot; }
    void detach(node_id at) noexcept { slots_.erase(at); }

    void cut(node_id from, node_id to) { cuts_[{from, to}] = true; }
    void join(node_id from, node_id to) noexcept { cuts_.erase({from, to}); }
    bool connected(node_id from, node_id to) const noexcept { return !cuts_.contains({from, to}); }
    // What this link carries from now on takes so much longer.
    void slow(node_id from, node_id to, duration by) { slow_[{from, to}] = by; }
    // Every link whole and as fast as `faults` says.
    void join_all() noexcept {
        cuts_.clear();
        slow_.clear();
    }
    // Cuts both directions between every node inside and every node outside; other links are
    // joined.
    void partition(const std::vector<node_id>& all, const std::vector<node_id>& inside) {
        cuts_.clear();
        const auto in = [&inside](node_id who) {
            return std::find(inside.begin(), inside.end(), who) != inside.end();
        };
        for (node_id a : all) {
            for (node_id b : all) {
                if (in(a) != in(b)) cut(a, b);
            }
        }
    }
    // Everybody hears two neighbours only, in the order of the list.
    void ring(const std::vector<node_id>& all) {
        cuts_.clear();
        const std::size_t count = all.size();
        for (std::size_t a = 0; a < count; ++a) {
            for (std::size_t b = 0; b < count; ++b) {
                const bool near = (a + 1) % count == b || (b + 1) % count == a;
                if (a != b && !near) cut(all[a], all[b]);
            }
        }
    }
    // Two halves that hear each other only through `middle`, which hears everybody.
    void bridge(const std::vector<node_id>& all, node_id middle) {
        cuts_.clear();
        for (std::size_t a = 0; a < all.size(); ++a) {
            for (std::size_t b = 0; b < all.size(); ++b) {
                const bool across = a % 2 != b % 2;
                if (across && all[a] != middle && all[b] != middle) cut(all[a], all[b]);
            }
        }
    }
    // The network of the liveness phase: no loss, no cuts, short delays.
    void heal() {
        join_all();
        faults = link_faults{};
    }

    // Requires: mail.peer is the receiver; it arrives with peer = from and the sender's
    // incarnation.
    template <class Envelope>
    void send(node_id from, const Envelope& mail) {
        const mail_slot* sender = slots_.find(from);
        const u64 incarnation = sender != nullptr ? sender->incarnation : mail.incarnation;
        ++sent;
        if (!connected(from, mail.peer) || dice_.chance(faults.loss)) {
            ++lost;
            return;
        }
        if (dice_.chance(faults.repeat)) {
            ++repeated;
            carry(from, incarnation, mail.peer, parcel(mail));
        }
        carry(from, incarnation, mail.peer, parcel(mail));
    }

private:
    void carry(node_id from, u64 incarnation, node_id to, parcel&& mail) {
        const auto span = static_cast<u64>((faults.delay_max - faults.delay_min).ns);
        duration delay{faults.delay_min.ns + static_cast<i64>(dice_.below(span + 1))};
        if (dice_.chance(faults.linger)) {
            delay =
                delay +
                duration{static_cast<i64>(dice_.below(static_cast<u64>(faults.linger_max.ns) + 1))};
        }
        if (const duration* more = slow_.find({from, to})) delay = delay + *more;
        mail.address(from, incarnation);
        time_->after(delay, 0, [this, from, to, mail = std::move(mail)]() mutable {
            const mail_slot* slot = slots_.find(to);
            // A cut takes what is under way with it, as a reset connection does.
            if (slot == nullptr || !connected(from, to)) {
                ++lost;
                return;
            }
            ++delivered;
            slot->deliver(slot->who, std::move(mail));
        });
    }

    scheduler* time_;
    prng dice_;
    flat_map<node_id, mail_slot> slots_;
    flat_map<std::pair<node_id, node_id>, bool> cuts_;
    flat_map<std::pair<node_id, node_id>, duration> slow_;
};

}  // namespace testing

RAFTKIT_NAMESPACE_END
