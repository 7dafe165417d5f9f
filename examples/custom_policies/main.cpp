// Parts of one's own, first through the kit's conformance suites, then as three nodes in a
// simulation: `custom_policies` prints a line a check and ends with 0 if everything held.

#include <cstdio>
#include <memory>
#include <vector>

#include <raftkit/testing/conform/policies.hpp>
#include <raftkit/testing/conform/snapshot_store.hpp>
#include <raftkit/testing/conform/transport.hpp>

#include "cabinet.hpp"
#include "post.hpp"
#include "rules.hpp"
#include "simulation.hpp"

namespace {

// A suite reports by name, outcome and reason; what to do with that is the program's business.
struct printer {
    const char* part;
    bool& all;
    void operator()(const char* name, bool ok, const char* why) const {
        if (ok) std::printf("ok    %s: %s\n", part, name);
        if (!ok) std::printf("FAIL  %s: %s: %s\n", part, name, why);
        all = all && ok;
    }
};

// What the suites need to know about each part: how to get one, and what lets time pass.
struct cabinet_places {
    custom::cabinet held;
    custom::cabinet fresh() { return held = custom::cabinet(); }
    custom::cabinet again() { return held; }
};
struct post_places {
    custom::post_office office;
    std::vector<std::unique_ptr<custom::post>> posts;

    custom::post& make(raftkit::node_id) {
        return *posts.emplace_back(std::make_unique<custom::post>(office));
    }
    std::string address(raftkit::node_id) { return {}; }
    void wait() {}
    void clear() { posts.clear(); }
    raftkit::u64 lane_bytes_max() { return office.lane_bytes_max; }
};

}  // namespace

int main() {
    bool all = true;
    raftkit::conform::check_snapshot_store(cabinet_places{}, printer{"cabinet", all});
    {
        post_places places;
        raftkit::conform::check_transport(places, printer{"post", all});
    }
    raftkit::conform::trigger(printer{"sooner_or_later", all},
                              [] { return custom::sooner_or_later{}; });
    raftkit::conform::compaction(printer{"wait_for_the_slowest", all},
                                 custom::wait_for_the_slowest{});
    custom::simulation(7).run(printer{"simulation", all});
    return all ? 0 : 1;
}
