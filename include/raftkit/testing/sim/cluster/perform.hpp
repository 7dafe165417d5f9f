#pragma once
// Bodies of testing/sim/cluster.hpp: how each action of a plan is carried out. Nothing is drawn
// here. Included by it.

#include <raftkit/testing/sim/cluster.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

inline void cluster::under_faults() {
    const instant end = instant{} + faults_last(world_.plan);
    for (const fault_action& each : faults_.actions) {
        if (each.at > end) break;
        run_until(each.at);
        if (!world_.ok()) return;
        if (world_.log.in_words()) world_.say({}, "nemesis: " + words(each.what));
        ++counted_.performed[each.what.index()];
        std::visit([this](const auto& what) { perform(what); }, each.what);
    }
    run_until(end);
}

inline node_id cluster::id_of(aim whom) {
    if (whom.leader) {
        for (auto& each : seats_) {
            if (each->up() && each->node().status().role == role_kind::leader) return each->id();
        }
    }
    return all_[whom.place % all_.size()];
}
// Null if it is down.
inline sim_seat* cluster::seat_of(aim whom) {
    sim_seat& found = seat(id_of(whom));
    return found.up() ? &found : nullptr;
}

inline void cluster::perform(const fault::kill& what) {
    sim_seat* down = seat_of(what.whom);
    if (down == nullptr) return;
    ++counted_.crashes;
    down->kill(what.power ? death::power : death::process, what.down_for);
}
inline void cluster::perform(const fault::kill_in_call& what) {
    sim_seat* down = seat_of(what.whom);
    if (down == nullptr) return;
    ++counted_.crashes;
    down->kill_at(what.nth, what.inside ? crash_moment::inside : crash_moment::before,
                  what.power ? death::power : death::process, what.down_for);
}
inline void cluster::perform(const fault::blackout& what) {
    i64 nth = 0;
    for (auto& each : seats_) {
        if (!each->up()) continue;
        ++counted_.crashes;
        each->kill(death::power, what.down_for + what.apart * nth++);
    }
}
inline void cluster::perform(const fault::restart& what) {
    sim_seat& other = seat(id_of(what.whom));
    other.renumber(what.numbers);
    if (!other.up()) return;
    ++counted_.crashes;
    other.kill(death::process, sim_seat::for_good);
    other.start();
}
inline void cluster::perform(const fault::pause& what) {
    if (sim_seat* still = seat_of(what.whom)) still->pause(what.how_long);
}
inline void cluster::perform(const fault::clock& what) {
    if (sim_seat* wrong = seat_of(what.whom)) wrong->set_clock(what.ppm);
}

inline void cluster::perform(const fault::split& what) {
    std::vector<node_id> inside;
    for (std::size_t place = 0; place < all_.size(); ++place) {
        if ((what.inside >> place & 1) != 0) inside.push_back(all_[place]);
    }
    world_.net.partition(all_, inside);
}
inline void cluster::perform(const fault::isolate& what) {
    world_.net.partition(all_, {id_of(what.whom)});
}
inline void cluster::perform(const fault::cut& what) {
    const node_id from = id_of(what.from), to = id_of(what.to);
    if (from != to) world_.net.cut(from, to);
}
inline void cluster::perform(const fault::slow& what) {
    const node_id from = id_of(what.from), to = id_of(what.to);
    if (from != to) world_.net.slow(from, to, what.by);
}

inline void cluster::perform(const fault::transfer& what) {
    sim_seat* at = seat_of(what.from);
    if (at == nullptr) return;
    ++counted_.transfers;
    const node_id to = what.anyone ? node_id{} : all_[what.to % all_.size()];
    ask<leadership_transfer>(&sim_node::transfer, *at,
                             [to](leadership_transfer& made) { made.to = to; });
}
inline void cluster::perform(const fault::snapshot& what) {
    if (sim_seat* at = seat_of(what.whom)) {
        ask<snapshot_ticket>(&sim_node::snapshot_now, *at, [](auto&) {});
    }
}
inline void cluster::perform(const fault::disk& what) {
    sim_seat& at = seat(id_of(what.whom));
    if (at.lost()) return;
    if (!destroys(what.what)) return at.disturb(what.what, what.down_for);
    at.damage(what.what);
}
inline void cluster::perform(const fault::change& what) {
    sim_seat* at = seat_of(what.asked);
    if (at == nullptr) return;
    const std::optional<configuration> next = changed(what, *at);
    if (!next) return;
    ++counted_.changes;
    ask<membership_change>(&sim_node::change_members, *at,
                           [&next](membership_change& made) { made.next = *next; });
}
// A stranger is added as a learner, a learner becomes a voter or goes, a voter a learner or goes.
inline std::optional<configuration> cluster::changed(const fault::change& asked, sim_seat& at) {
    const configuration* now = at.node().members();
    if (now == nullptr) return {};
    configuration next = *now;
    std::erase_if(next.members, [](const member& each) { return each.role == member_role::none; });
    for (member& each : next.members) each.old_role = member_role::none;
    next.joint = false;
    const node_id who = all_[asked.who % all_.size()];
    const auto place = std::find_if(next.members.begin(), next.members.end(),
                                    [who](const member& each) { return each.id == who; });
    if (place == next.members.end()) {
        if (seat(who).incarnation() == 0) return {};
        next.members.push_back({who, member_role::learner, {}, seat(who).incarnation(), {}});
    } else if (place->role == member_role::learner && asked.promote) {
        place->role = member_role::voter;
        RAFTKIT_MARK(sim_learner_promoted);
    } else if (place->role == member_role::voter && asked.demote) {
        place->role = member_role::learner;
    } else {
        next.members.erase(place);
    }
    return next;
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
