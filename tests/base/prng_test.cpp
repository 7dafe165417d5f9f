#include <raftkit/base/prng.hpp>

#include <array>
#include <set>

#include <doctest/doctest.h>

using namespace raftkit;

TEST_CASE("a seed reproduces its numbers on every machine") {
    prng first(42), second(42), third(43);
    std::set<u64> seen;
    for (int i = 0; i < 100; ++i) {
        const u64 value = first.next();
        REQUIRE(value == second.next());
        REQUIRE(value != third.next());
        seen.insert(value);
    }
    CHECK(seen.size() == 100);
    // splitmix64's published first output for seed 0.
    u64 seed = 0;
    CHECK(prng::scramble(seed) == 0xe220a8397b1dcdafULL);
}

TEST_CASE("below and between stay in their range and reach its ends") {
    prng random(1);
    std::array<int, 6> hits{};
    for (int i = 0; i < 6'000; ++i) ++hits[static_cast<std::size_t>(random.below(6))];
    for (const int each : hits) CHECK((each > 800 && each < 1'200));
    bool low = false, high = false;
    for (int i = 0; i < 1'000; ++i) {
        const u64 value = random.between(10, 13);
        REQUIRE((value >= 10 && value <= 13));
        low = low || value == 10;
        high = high || value == 13;
    }
    CHECK((low && high));
    CHECK(random.between(7, 7) == 7);
    (void)random.between(0, ~u64{0});
}

TEST_CASE("a chance of none never comes, a certain one always") {
    prng random(2);
    int hits = 0;
    for (int i = 0; i < 1'000; ++i) {
        REQUIRE_FALSE(random.chance(0));
        REQUIRE(random.chance(1'000'000));
        if (random.chance(500'000)) ++hits;
    }
    CHECK((hits > 400 && hits < 600));
}
