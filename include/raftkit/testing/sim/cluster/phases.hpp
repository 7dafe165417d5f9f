#pragma once
// Bodies of testing/sim/cluster.hpp: the nemesis, the liveness phase and the report. Included by
// it.

#include <raftkit/testing/sim/cluster.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

inline void cluster::nemesis() {
    const swarm& plan = world_.plan;
    every(plan.crash_every, false, [this] {
        if (sim_seat* down = somebody())
            end_life(*down, dice_.below(2) == 0 ? death::process : death::power);
    });
    // Somewhere inside of a write, a sync or a rename of the next calls.
    every(plan.crash_every, false, [this] {
        sim_seat* down = somebody();
        if (down == nullptr || down->disk().crashed()) return;
        const crash_moment moment =
            dice_.below(2) == 0 ? crash_moment::inside : crash_moment::before;
        down->disk().crash_at(1 + dice_.below(60), moment);
    });
    every(plan.power_every, false, [this] {
        for (auto& each : seats_) {
            if (each->up()) end_life(*each, death::power);
        }
    });
    // Whoever is down comes back.
    every(plan.down_for, false, [this] {
        for (auto& each : seats_) {
            if (!each->up() && dice_.below(2) == 0 && world_.ok()) each->start();
        }
    });
    every(plan.partition_every, false, [this] { break_links(); });
    every(plan.cut_every, false, [this] {
        const node_id from = all_[dice_.below(all_.size())], to = all_[dice_.below(all_.size())];
        if (from != to) world_.net.cut(from, to);
    });
    every(plan.heal_every, false, [this] { world_.net.partition({}, {}); });
    every(plan.pause_every, false, [this] {
        if (sim_seat* at = somebody()) at->pause(drawn(dice_, milliseconds(100), seconds(5)));
    });
    every(plan.transfer_every, false, [this] {
        sim_seat* at = somebody();
        if (at == nullptr) return;
        ++counted_.transfers;
        ask<leadership_transfer>(&sim_node::transfer, *at, [this](leadership_transfer& made) {
            made.to = dice_.below(3) == 0 ? node_id{} : all_[dice_.below(all_.size())];
        });
    });
    every(plan.change_every, false, [this] {
        if (sim_seat* at = somebody()) change_members(*at);
    });
    every(seconds(2), false, [this] {
        if (sim_seat* at = somebody())
            ask<snapshot_ticket>(&sim_node::snapshot_now, *at, [](auto&) {});
    });
}

inline void cluster::end_life(sim_seat& down, death how) {
    ++counted_.crashes;
    down.kill(how);
}

inline void cluster::break_links() {
    std::vector<node_id> inside;
    switch (dice_.below(5)) {
        case 0: inside.push_back(all_[dice_.below(all_.size())]); break;
        case 1:
            for (node_id each : all_) {
                if (dice_.below(2) == 0) inside.push_back(each);
            }
            break;
        case 2: return world_.net.ring(all_);
        case 3: return world_.net.bridge(all_, all_[dice_.below(all_.size())]);
        default:
            for (auto& each : seats_) {
                if (each->up() && each->node().status().role == role_kind::leader)
                    inside.push_back(each->id());
            }
    }
    world_.net.partition(all_, inside);
}

inline void cluster::change_members(sim_seat& at) {
    const configuration* now = at.node().members();
    if (now == nullptr) return;
    configuration next = *now;
    std::erase_if(next.members, [](const member& each) { return each.role == member_role::none; });
    for (member& each : next.members) each.old_role = member_role::none;
    next.joint = false;
    const node_id who = all_[dice_.below(all_.size())];
    const auto place = std::find_if(next.members.begin(), next.members.end(),
                                    [who](const member& each) { return each.id == who; });
    if (place == next.members.end()) {
        if (seat(who).incarnation() == 0) return;
        next.members.push_back({who, member_role::learner, {}, seat(who).incarnation(), {}});
    } else if (place->role == member_role::learner && dice_.below(4) != 0) {
        place->role = member_role::voter;
    } else if (place->role == member_role::voter && dice_.below(2) == 0) {
        place->role = member_role::learner;
    } else {
        next.members.erase(place);
    }
    ++counted_.changes;
    ask<membership_change>(&sim_node::change_members, at,
                           [&next](membership_change& made) { made.next = next; });
}

inline std::vector<observed_node> cluster::observed(std::vector<node_status>& into) {
    std::vector<observed_node> nodes;
    into.clear();
    into.reserve(seats_.size());
    for (auto& each : seats_) {
        if (!each->up() || each->node().members() == nullptr) continue;
        into.push_back(each->node().status());
        // The machine does not see barriers: what its core calls applied is what the checker has
        // confirmed.
        nodes.push_back({each->id(), &into.back(), each->node().members(), into.back().applied});
    }
    return nodes;
}

inline void cluster::heal() {
    world_.faults = false;
    world_.net.heal();
    if (world_.log.in_words()) world_.say({}, "heals");
    for (auto& each : seats_) {
        each->disk().crash_at(0);
        each->pause({});
        if (!each->up() && world_.ok()) each->start();
        if (each->up()) {
            each->work_fast();
            each->nudge();
        }
    }
    const duration timeout = world_.plan.numbers.election_timeout_max;
    const bool strong = world_.plan.numbers.prevote && world_.plan.numbers.check_quorum;
    run_until(world_.time.now() + timeout * 6);
    // Whoever is no member may disturb for ever where nothing protects the leader; a host stops it.
    for (auto& each : seats_) {
        const bool member_of_it = world_.check.members_now().find(each->id()) != nullptr;
        if (!strong && world_.ok() && each->up() && !member_of_it) each->kill(death::process);
    }
    run_until(world_.time.now() + timeout * 2);
    liveness rest;
    std::vector<node_status> kept;
    rest.settle(observed(kept));
    quiet_ = true;
    run_until(world_.time.now() + timeout * 3);
    if (!world_.ok()) return;
    const std::string why = rest.unrest(observed(kept));
    if (!why.empty()) return world_.fail({}, "I-11 " + why);
    check_answered(writes_);
    check_answered(reads_);
}

// At rest nobody waits any more, unless the node that was asked has died since, or was removed and
// can't know it.
template <class Asked>
void cluster::check_answered(const std::vector<std::unique_ptr<Asked>>& all) {
    for (const auto& each : all) {
        sim_seat& asked = seat(each->at);
        if (each->over || !asked.up() || asked.life() != each->life) continue;
        const configuration* own = asked.node().members();
        const bool removed = world_.check.members_now().find(each->at) == nullptr;
        const bool knows = own != nullptr && !own->joint && own->find(each->at) == nullptr &&
                           asked.node().status().applied >= own->index;
        if (removed && !knows) continue;
        return world_.fail(each->at, "I-11 a client is never answered");
    }
}

inline run_outcome cluster::report() {
    // I-8: what was said to be certainly not executed never was.
    for (const auto& each : writes_) {
        const bool lied =
            refused_.contains(hash_of(each->bytes)) && world_.check.executed(each->bytes);
        if (lied) world_.fail(each->at, "I-8 a refused write was executed");
    }
    counted_.ok = world_.ok();
    counted_.why = world_.what();
    counted_.fingerprint = world_.log.fingerprint();
    counted_.tail = world_.log.tail(tail_lines);
    counted_.writes = world_.clients.writes;
    counted_.reads = world_.clients.reads;
    counted_.committed = world_.check.committed().value;
    counted_.terms = world_.check.terms_led();
    for (const auto& each : seats_) {
        counted_.installs += each->installs();
        counted_.rotted += each->rotted();
    }
    return counted_;
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
