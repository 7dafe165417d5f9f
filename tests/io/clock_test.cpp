#include <raftkit/io/clock.hpp>

#include <ctime>
#include <set>

#include <doctest/doctest.h>

using namespace raftkit;

TEST_CASE("the monotonic clock never goes back") {
    instant before = monotonic_now();
    for (int i = 0; i < 1'000; ++i) {
        const instant now = monotonic_now();
        REQUIRE(now >= before);
        before = now;
    }
    CHECK(before.ns > 0);
}

TEST_CASE("wall time is milliseconds since 1970") {
    const i64 now = unix_ms();
    CHECK(now / 1000 - static_cast<i64>(std::time(nullptr)) <= 1);
    CHECK(static_cast<i64>(std::time(nullptr)) - now / 1000 <= 1);
    CHECK(unix_ns() / 1'000'000 - now < 1'000);
}

TEST_CASE("random numbers of the system differ and are never none") {
    std::set<u64> drawn;
    for (int i = 0; i < 100; ++i) drawn.insert(os_random());
    CHECK(drawn.size() == 100);
    CHECK(drawn.count(0) == 0);
}
