#pragma once
// What the nodes of one simulated run share: time, network, dice, the checkers and the trace.

#include <string>

#include <raftkit/testing/check/real_time.hpp>
#include <raftkit/testing/sim/network.hpp>
#include <raftkit/testing/sim/swarm.hpp>
#include <raftkit/testing/sim/trace.hpp>
#include <raftkit/testing/trace/witness.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

struct world {
    world(const swarm& drawn_plan, configuration bootstrap, bool in_words)
        : plan(drawn_plan),
          time(drawn_plan.seed * 4 + 1),
          net(time, drawn_plan.seed * 4 + 2),
          log(in_words),
          check(std::move(bootstrap)),
          dice(drawn_plan.seed * 4 + 3) {
        net.faults = plan.wire;
        check.limit_inflight(plan.numbers);
        running_now = {plan.seed, &log};
    }
    ~world() { running_now = {}; }
    world(world&&) = delete;

    bool ok() const noexcept { return failure.empty() && check.ok() && clients.ok(); }
    std::string what() const {
        if (!failure.empty()) return failure;
        return check.ok() ? clients.violation() : check.violation();
    }
    void fail(node_id who, const std::string& why) {
        if (failure.empty()) failure = "node " + std::to_string(who.value) + ": " + why;
    }
    void say(node_id who, const std::string& words) {
        log.say(time.now(), "n" + std::to_string(who.value) + " " + words);
    }

    swarm plan;
    scheduler time;
    network net;
    trace log;
    witness check;
    real_time clients;
    prng dice;
    bool faults = true;  // false: the liveness phase
    std::string failure;
};

}  // namespace testing

RAFTKIT_NAMESPACE_END
