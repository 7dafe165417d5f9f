#pragma once
// Membership changes as an algebra: current -> joint -> next (Raft §6, joint consensus). Every
// change takes this one path, whether it adds a learner or replaces every voter.

#include <algorithm>

#include <raftkit/core/configuration.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

// The joint configuration between `current` and `next`. A member without a given incarnation or
// address keeps the one it has. Requires: current is not joint.
inline result<configuration> join(const configuration& current, configuration next) noexcept {
    RAFTKIT_ASSERT(!current.joint);
    const auto invalid = [](const char* why) { return error{errc::invalid_change, 0, why}; };
    next.joint = false;
    std::sort(next.members.begin(), next.members.end(),
              [](const member& a, const member& b) { return a.id < b.id; });
    for (member& each : next.members) each.old_role = member_role::none;
    if (const error why = check_configuration(next)) return why;

    configuration joint;
    joint.joint = true;
    bool changed = next.members.size() != current.members.size();
    for (member each : next.members) {
        const member* now = current.find(each.id);
        if (now == nullptr && each.role == member_role::voter) {
            return invalid("change_members: add a new node as a learner first, then promote it");
        }
        if (now != nullptr) {
            each.old_role = now->role;
            if (each.incarnation == 0) each.incarnation = now->incarnation;
            if (each.address.empty()) each.address = now->address;
        }
        changed |= now == nullptr || now->role != each.role || now->address != each.address ||
                   now->incarnation != each.incarnation;
        joint.members.push_back(std::move(each));
    }
    if (!changed) return invalid("change_members: nothing changes");
    for (const member& each : current.members) {
        if (next.find(each.id) != nullptr) continue;
        member leaving = each;
        leaving.old_role = each.role;
        leaving.role = member_role::none;
        joint.members.push_back(std::move(leaving));
    }
    std::sort(joint.members.begin(), joint.members.end(),
              [](const member& a, const member& b) { return a.id < b.id; });
    if (const error why = check_configuration(joint)) return why;
    return joint;
}

// What a committed joint configuration turns into. Requires: joint.
inline configuration leave(const configuration& joint) noexcept {
    RAFTKIT_ASSERT(joint.joint);
    configuration next;
    for (member each : joint.members) {
        if (each.role == member_role::none) continue;
        each.old_role = member_role::none;
        next.members.push_back(std::move(each));
    }
    return next;
}

}  // namespace core

RAFTKIT_NAMESPACE_END
