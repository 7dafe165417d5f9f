#include <raftkit/core/configuration_history.hpp>

#include <doctest/doctest.h>

#include <raftkit/base/prng.hpp>

#include <map>

using namespace raftkit;

namespace {

configuration numbered(u64 index) {
    configuration made;
    made.index = {index};
    made.members.push_back({{index + 1}, member_role::voter, {}, 0, {}});
    return made;
}

}  // namespace

TEST_CASE("the configuration at every index follows a model through any sequence of changes") {
    // Known bugs 36, 37, scenarios D68, D69: entries, truncations, compactions, installs, restarts.
    prng random(37);
    for (int life = 0; life < 1'000; ++life) {
        core::configuration_history history(numbered(0));
        std::map<u64, u64> truth{{0, 0}};  // from this index on, the one of that entry
        u64 base = 0, last = 0;
        for (int step = 0; step < 50; ++step) {
            switch (random.below(7)) {
                case 0:
                case 1: last += random.below(3); break;
                case 2:
                    ++last;
                    history.append(numbered(last));
                    truth[last] = last;
                    break;
                case 3: {
                    if (last == base) break;
                    const u64 from = random.between(base + 1, last);
                    const bool changes = truth.lower_bound(from) != truth.end();
                    truth.erase(truth.lower_bound(from), truth.end());
                    last = from - 1;
                    CHECK(history.truncate({from}) == changes);
                    break;
                }
                case 4: {
                    const u64 to = random.between(base, last);
                    const u64 there = std::prev(truth.upper_bound(to))->second;
                    truth.erase(truth.begin(), truth.upper_bound(to));
                    truth[to] = there;
                    base = to;
                    history.compact({to});
                    break;
                }
                case 5:  // a snapshot is installed: its configuration is older than its index
                    if (random.below(4) != 0) break;
                    base = last + random.between(1, 5);
                    last = base;
                    truth = {{base, base - random.below(2)}};
                    history.reset(numbered(truth[base]));
                    break;
                default: {  // a restart reads the base and the entries above it
                    core::configuration_history again(numbered(truth.begin()->second));
                    for (auto each = std::next(truth.begin()); each != truth.end(); ++each)
                        again.append(numbered(each->second));
                    history = std::move(again);
                }
            }
            for (u64 at = base; at <= last; ++at) {
                const u64 expected = std::prev(truth.upper_bound(at))->second;
                REQUIRE(history.at({at}).index == index_t{expected});
            }
            CHECK(history.size() == truth.size());  // nothing is kept for nobody
            CHECK(history.latest().index == index_t{truth.rbegin()->second});
            const configuration* above = history.first_above({base});
            const auto next = truth.upper_bound(base);
            CHECK((above == nullptr) == (next == truth.end()));
            if (above != nullptr) CHECK(above->index == index_t{next->second});
        }
    }
}
