// The copy of a node's status that other threads read.

#include <doctest/doctest.h>

#include <raftkit/node/status.hpp>

#include <atomic>
#include <memory>
#include <thread>

using namespace raftkit;

TEST_CASE("a reader never sees half of a status") {
    const auto shared = std::make_unique<published_status>();
    std::atomic<bool> over{false};
    u64 torn = 0, seen = 0, fell = 0;
    std::thread reader([&] {
        u64 before = 0;
        while (!over) {
            const node_status now = shared->read();
            torn += now.commit.value != now.applied.value ||
                    now.commit.value != now.waits_for[31].value;
            fell += now.commit.value < before;
            before = now.commit.value;
            ++seen;
        }
    });
    node_status now;
    for (u64 i = 1; i <= 20'000; ++i) {
        now.commit = now.applied = {i};
        now.waits_for[31] = {i};
        shared->publish(now);
    }
    over = true;
    reader.join();
    CHECK(seen > 0);
    CHECK(torn == 0);
    CHECK(fell == 0);
    CHECK(shared->read().commit == index_t{20'000});
}
