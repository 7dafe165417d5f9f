#pragma once
// What must hold of a core at any moment (check) and between two moments (check_delta). Tests and
// the simulator call it after every step; it returns the broken fact's name, or null.

#include <raftkit/core/consensus.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

struct invariants {
    static const char* check(const consensus& of) noexcept {
        const index_t base = of.log_.base().index, last = of.log_.last_index();
        const index_t stable = of.stable_.stable();
        if (stable > last) return "stable <= last";
        if (of.commit_ > last && !of.stable_.reset_open()) return "commit <= last";
        if (of.log_.last().term > of.hard_.term) return "last term <= term";
        if (of.hard_.commit_hint > stable && !of.stable_.reset_open())
            return "commit_hint <= stable";
        if (!of.stable_.reset_open() && !of.opening_restore_) {
            if (base > of.applied_) return "base <= applied";
            // An installed snapshot stands for its entries until those that were kept are durable.
            const index_t carried = of.newest_ ? of.newest_->id.at.index : index_t{};
            if (of.applied_ > std::min(of.commit_, std::max(stable, carried)))
                return "applied <= min(commit, stable)";
        }
        if (of.applied_ > of.handed_) return "applied <= handed out";
        if (of.newest_ && base > of.newest_->id.at.index) return "base <= newest durable snapshot";
        if (!of.newest_ && base) return "a base needs a snapshot";
        if (of.members_.latest().index > last) return "configuration in force is in the log";
        if (of.members_.latest().index <= base && of.members_.size() != 1)
            return "one configuration at the base";
        const auto* office = of.leading();
        if (office == nullptr) return nullptr;
        if (of.fence_.up()) return "a fenced node does not lead";
        if (office->barrier > last) return "a leader has its barrier";
        for (const progress& each : office->peers) {
            if (each.match() >= each.next()) return "match < next";
            if (each.match() > last) return "match <= last";
        }
        return nullptr;
    }

    struct memory {
        term_t term;
        node_id voted_for;
        index_t commit, applied, base;
    };
    static memory remember(const consensus& of) noexcept {
        return {of.hard_.term, of.hard_.voted_for, of.commit_, of.applied_, of.log_.base().index};
    }
    // In one life of a node.
    static const char* check_delta(const memory& before, const consensus& after) noexcept {
        if (after.hard_.term < before.term) return "term never falls";
        if (after.hard_.term == before.term && before.voted_for &&
            after.hard_.voted_for != before.voted_for) {
            return "one vote a term";
        }
        if (after.commit_ < before.commit) return "commit never falls";
        if (after.applied_ < before.applied) return "applied never falls";
        if (after.log_.base().index < before.base) return "base never falls";
        return nullptr;
    }
};

}  // namespace core

RAFTKIT_NAMESPACE_END
