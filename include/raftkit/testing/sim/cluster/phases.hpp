#pragma once
// Bodies of testing/sim/cluster.hpp: the liveness phase and the report. Included by it.

#include <raftkit/testing/sim/cluster.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

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
        each->mend();
        each->pause({});
        if (!each->up() && !each->lost() && world_.ok()) each->start();
        if (each->up()) {
            each->set_clock(0);
            each->work_fast();
            each->nudge();
        }
    }
    bury_some();
    // The bound is the nodes'; that much to do meanwhile is nobody's.
    rest_between_ = 4;
    const duration timeout = world_.plan.numbers.election_timeout_max;
    const bool strong = world_.plan.numbers.prevote && world_.plan.numbers.check_quorum;
    come_to_rest(timeout * 6);
    // Whoever is no member may disturb for ever where nothing protects the leader; a host stops it.
    for (auto& each : seats_) {
        const bool member_of_it = world_.check.members_now().find(each->id()) != nullptr;
        if (!strong && world_.ok() && each->up() && !member_of_it) {
            each->kill(death::process, sim_seat::for_good);
        }
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

// For as long as the bound allows, or until there is nothing to wait for.
inline void cluster::come_to_rest(duration bound) {
    std::vector<node_status> kept;
    for (const instant end = world_.time.now() + bound; world_.ok() && world_.time.now() < end;) {
        run_until(world_.time.now() + milliseconds(250));
        if (liveness().unrest(observed(kept)).empty()) return;
    }
}

// A minority never comes back. Who has stored nothing yet may be waited for by the others.
inline void cluster::bury_some() {
    u32 left = world_.plan.dead_at_rest;
    for (auto& each : seats_) {
        if (each->lost() && left != 0) --left;
    }
    for (auto& each : seats_) {
        if (left == 0 || !world_.ok() || world_.check.committed() == index_t{}) return;
        if (!each->up()) continue;
        --left;
        each->kill(death::power, sim_seat::for_good);
    }
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
    counted_.ended_at = world_.time.now();
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
        counted_.refused += each->lost();
    }
    return counted_;
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
