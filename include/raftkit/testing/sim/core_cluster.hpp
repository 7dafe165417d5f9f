#pragma once
// A cluster of bare cores under one seed: clients and a nemesis at work for a while (safety phase),
// then the faults stop, a minority may stay dead for ever, and everybody else must come to rest in
// bounded time (liveness phase).
//
//      core_cluster(draw_swarm(seed)).run()  ->  run_outcome{ok, why, fingerprint, counters}

#include <algorithm>
#include <array>
#include <memory>

#include <raftkit/testing/check/liveness.hpp>
#include <raftkit/testing/sim/core_member.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

struct run_outcome {
    bool ok = true;
    std::string why, tail;
    u64 fingerprint = 0;
    u64 writes = 0, reads = 0, committed = 0, terms = 0, crashes = 0, changes = 0, transfers = 0,
        installs = 0, rotted = 0;
    instant ended_at;  // simulated
    // By the kind of the action; of clusters of real nodes.
    std::array<u64, 32> performed{};
    u64 refused = 0;  // starts, for damage that was done to a disk
};

inline configuration voters_upto(u32 count) {
    configuration made;
    for (u64 id = 1; id <= count; ++id)
        made.members.push_back({{id}, member_role::voter, {}, 0, {}});
    return made;
}

class core_cluster {
public:
    explicit core_cluster(const swarm& plan, bool in_words = false)
        : world_(plan, voters_upto(plan.voters), in_words), dice_(plan.seed ^ 0xd1ce) {
        const configuration bootstrap = voters_upto(plan.voters);
        for (u64 id = 1; id <= plan.voters + plan.spares; ++id) {
            const configuration* from = id <= plan.voters ? &bootstrap : nullptr;
            all_.push_back({id});
            members_.push_back(std::make_unique<core_member>(
                world_, node_id{id}, from, this, [](void* self, node_id who) {
                    return static_cast<core_cluster*>(self)->find(who);
                }));
        }
    }

    std::size_t tail_lines = 150;

    run_outcome run() {
        for (auto& each : members_) each->start();
        clients();
        nemesis();
        run_until(instant{} + world_.plan.run_for);
        if (world_.ok()) heal();
        return report();
    }

private:
    core_member* find(node_id who) noexcept {
        return who && who.value <= members_.size() ? members_[who.value - 1].get() : nullptr;
    }
    void run_until(instant until) {
        while (world_.ok() && world_.time.next_at() <= until) {
            world_.time.step();
            if (world_.net.sent > messages_max) world_.fail({}, "a storm of messages");
        }
        if (world_.ok()) world_.time.run_until(until);
    }
    // A node that is up; with a bias to whoever says that it leads.
    core_member* somebody() {
        std::vector<core_member*> up, leaders;
        for (auto& each : members_) {
            if (!each->up()) continue;
            up.push_back(each.get());
            if (each->status().role == role_kind::leader) leaders.push_back(each.get());
        }
        if (up.empty()) return nullptr;
        if (!leaders.empty() && dice_.below(4) != 0) return leaders[dice_.below(leaders.size())];
        return up[dice_.below(up.size())];
    }
    // Repeats for as long as faults last, or for ever if `always`.
    template <class Act>
    void every(duration mean, bool always, Act act) {
        if (mean.ns == 0) return;
        const duration wait{static_cast<i64>(1 + dice_.below(static_cast<u64>(mean.ns) * 2))};
        world_.time.after(wait, 0, [this, mean, always, act]() mutable {
            if (!always && !world_.faults) return;
            if (!quiet_) act();
            every(mean, always, act);
        });
    }

    void clients();
    void nemesis();
    void restart_later(core_member& down);
    void power_cut();
    void break_links();
    void change_members(core_member& at);
    void heal();
    std::vector<observed_node> observed() const;
    run_outcome report();

    static constexpr u64 messages_max = 3'000'000;

    world world_;
    prng dice_;
    std::vector<node_id> all_;
    std::vector<std::unique_ptr<core_member>> members_;
    bool quiet_ = false;
    run_outcome counted_;
};

inline void core_cluster::clients() {
    every(world_.plan.write_every, true, [this] {
        core_member* at = somebody();
        const u32 padding = world_.plan.value_bytes_max == 0
                                ? 0
                                : static_cast<u32>(dice_.below(world_.plan.value_bytes_max));
        for (u64 burst = dice_.below(8) == 0 ? dice_.below(20) : 1; burst > 0; --burst) {
            if (at == nullptr || !at->up()) continue;
            // One after the other: compilers differ in the order of arguments.
            const u32 key = static_cast<u32>(dice_.below(5));
            const u64 value = dice_.below(100);
            at->write(key, value, padding);
        }
    });
    every(world_.plan.read_every, true, [this] {
        if (core_member* at = somebody()) at->read();
    });
}

inline void core_cluster::nemesis() {
    const swarm& plan = world_.plan;
    every(plan.crash_every, false, [this] {
        core_member* down = somebody();
        if (down == nullptr) return;
        ++counted_.crashes;
        down->crash();
        restart_later(*down);
    });
    every(plan.power_every, false, [this] { power_cut(); });
    every(plan.partition_every, false, [this] { break_links(); });
    every(plan.cut_every, false, [this] {
        const node_id from = all_[dice_.below(all_.size())], to = all_[dice_.below(all_.size())];
        if (from != to) world_.net.cut(from, to);
    });
    every(plan.heal_every, false, [this] { world_.net.partition({}, {}); });
    every(plan.pause_every, false, [this] {
        if (core_member* at = somebody()) at->pause(drawn(dice_, milliseconds(100), seconds(5)));
    });
    every(plan.transfer_every, false, [this] {
        core_member* at = somebody();
        if (at == nullptr) return;
        ++counted_.transfers;
        at->transfer(dice_.below(3) == 0 ? node_id{} : all_[dice_.below(all_.size())]);
    });
    every(plan.change_every, false, [this] {
        if (core_member* at = somebody()) change_members(*at);
    });
}

inline void core_cluster::restart_later(core_member& down) {
    const duration wait = drawn(dice_, milliseconds(1), world_.plan.down_for * 2);
    world_.time.after(wait, 0, [&down] {
        if (!down.up()) down.start();
    });
}

inline void core_cluster::power_cut() {
    for (auto& each : members_) {
        if (!each->up()) continue;
        ++counted_.crashes;
        each->crash();
        restart_later(*each);
    }
}

inline void core_cluster::break_links() {
    std::vector<node_id> inside;
    switch (dice_.below(5)) {
        case 0:  // one alone
            inside.push_back(all_[dice_.below(all_.size())]);
            break;
        case 1:  // any halves
            for (node_id each : all_) {
                if (dice_.below(2) == 0) inside.push_back(each);
            }
            break;
        case 2: return world_.net.ring(all_);
        case 3: return world_.net.bridge(all_, all_[dice_.below(all_.size())]);
        default:  // the leader alone
            for (auto& each : members_) {
                if (each->up() && each->status().role == role_kind::leader)
                    inside.push_back(each->id());
            }
    }
    world_.net.partition(all_, inside);
}

inline void core_cluster::change_members(core_member& at) {
    configuration next = at.members();
    for (member& each : next.members) each.old_role = member_role::none;
    std::erase_if(next.members, [](const member& each) { return each.role == member_role::none; });
    next.joint = false;
    for (u64 edits = 1 + dice_.below(2); edits > 0; --edits) {
        const node_id who = all_[dice_.below(all_.size())];
        const auto place = std::find_if(next.members.begin(), next.members.end(),
                                        [who](const member& each) { return each.id == who; });
        if (place == next.members.end()) {
            next.members.push_back({who, member_role::learner, {}, find(who)->incarnation(), {}});
        } else if (place->role == member_role::learner && dice_.below(4) != 0) {
            place->role = member_role::voter;
        } else if (place->role == member_role::voter && dice_.below(2) == 0) {
            place->role = member_role::learner;
        } else {
            next.members.erase(place);
        }
    }
    ++counted_.changes;
    at.change(next);
}

inline std::vector<observed_node> core_cluster::observed() const {
    std::vector<observed_node> nodes;
    for (const auto& each : members_) {
        if (each->up())
            nodes.push_back({each->id(), &each->status(), &each->members(), each->applied()});
    }
    return nodes;
}

inline void core_cluster::heal() {
    world_.faults = false;
    world_.net.heal();
    world_.plan.disk_max = microseconds(500);
    world_.plan.apply_max = microseconds(20);
    for (auto& each : members_) {
        each->pause({});
        if (!each->up()) each->start();
    }
    if (world_.log.in_words()) world_.say({}, "heals");
    const duration timeout = world_.plan.numbers.election_timeout_max;
    const bool strong = world_.plan.numbers.prevote && world_.plan.numbers.check_quorum;
    run_until(world_.time.now() + timeout * 6);
    // Whoever is no member may disturb for ever where nothing protects the leader; a host stops it.
    for (auto& each : members_) {
        const bool member_of_it = world_.check.members_now().find(each->id()) != nullptr;
        if (!strong && world_.ok() && each->up() && !member_of_it) each->crash();
    }
    run_until(world_.time.now() + timeout * 2);
    liveness rest;
    rest.settle(observed());
    quiet_ = true;  // no new requests: now everything must be answered and equal
    run_until(world_.time.now() + timeout * 3);
    if (!world_.ok()) return;
    const std::string why = rest.unrest(observed());
    if (!why.empty()) world_.fail({}, "I-11 " + why);
}

inline run_outcome core_cluster::report() {
    counted_.ok = world_.ok();
    counted_.ended_at = world_.time.now();
    counted_.why = world_.what();
    counted_.fingerprint = world_.log.fingerprint();
    counted_.tail = world_.log.tail(tail_lines);
    counted_.writes = world_.clients.writes;
    counted_.reads = world_.clients.reads;
    counted_.committed = world_.check.committed().value;
    counted_.terms = world_.check.terms_led();
    for (const auto& each : members_) counted_.installs += each->installs();
    return counted_;
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
