#pragma once
// The liveness checker (I-11): once faults have stopped and enough nodes can talk, a cluster must
// come to rest in bounded time: one leader, one configuration, everything committed and applied,
// and no further elections or storms of messages. It is asked at the end of the bound; what it
// answers is why the cluster is not at rest yet.

#include <string>
#include <utility>
#include <vector>

#include <raftkit/core/configuration.hpp>
#include <raftkit/core/status.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

struct observed_node {
    node_id id;
    const core::status* status = nullptr;
    const configuration* members = nullptr;  // newest in its log
    index_t machine_applied;
};

class liveness {
public:
    // Half of the bound is over: from here on the term must hold still.
    void settle(const std::vector<observed_node>& nodes) {
        term_ = {};
        for (const observed_node& each : nodes) {
            if (term_ < each.status->term) term_ = each.status->term;
        }
        half_ = true;
    }

    // Empty if the cluster is at rest. `nodes`: those that are up and connected.
    std::string unrest(const std::vector<observed_node>& nodes) const {
        const observed_node* leader = nullptr;
        for (const observed_node& each : nodes) {
            if (each.status->role != role_kind::leader) continue;
            const bool newer = leader == nullptr || leader->status->term < each.status->term;
            if (newer) leader = &each;
        }
        if (leader == nullptr) return "nobody leads";
        const core::status& top = *leader->status;
        if (!top.serving_reads) return named(*leader) + " leads but does not serve reads";
        if (top.commit != top.last) return named(*leader) + " leads but does not commit its log";
        if (top.joint) return "the configuration stays joint";
        if (top.transfer_target) return "a transfer does not end";
        if (top.uncommitted_bytes != 0 && leader->machine_applied == top.last) {
            return "bytes stay counted as uncommitted";  // known bug 26
        }
        if (half_ && top.term.value > term_.value + 1) return "elections go on";
        for (const observed_node& each : nodes) {
            if (leader->members->find(each.id) == nullptr) continue;
            if (std::string why = behind(each, *leader); !why.empty()) return why;
        }
        return {};
    }

private:
    static std::string named(const observed_node& of) {
        return "node " + std::to_string(of.id.value);
    }

    static std::string behind(const observed_node& follower, const observed_node& leader) {
        const core::status& is = *follower.status;
        const core::status& top = *leader.status;
        const auto lags = [&](const char* what, u64 has, u64 wants) {
            return named(follower) + ": " + what + " " + std::to_string(has) + ", the leader has " +
                   std::to_string(wants);
        };
        if (is.term != top.term) return lags("term", is.term.value, top.term.value);
        if (is.last != top.last) return lags("last", is.last.value, top.last.value);
        if (is.commit != top.commit) return lags("commit", is.commit.value, top.commit.value);
        if (follower.machine_applied != top.commit) {
            return lags("applied", follower.machine_applied.value, top.commit.value);
        }
        if (follower.id != leader.id && is.leader != leader.id) {
            return named(follower) + " follows " + std::to_string(is.leader.value);
        }
        return {};
    }

    term_t term_;
    bool half_ = false;
};

}  // namespace testing

RAFTKIT_NAMESPACE_END
