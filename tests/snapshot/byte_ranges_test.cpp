#include <doctest/doctest.h>

#include <raftkit/base/prng.hpp>
#include <raftkit/snapshot/store/byte_ranges.hpp>

#include <vector>

using namespace raftkit;

TEST_CASE("ranges that touch become one") {
    byte_ranges held;
    held.add(10, 20);
    held.add(30, 40);
    CHECK(held.ranges().size() == 2);
    CHECK_FALSE(held.covers(10, 40));
    held.add(20, 30);
    CHECK(held.ranges().size() == 1);
    CHECK(held.covers(10, 40));
    CHECK_FALSE(held.covers(9, 11));
    CHECK_FALSE(held.covers(39, 41));
    CHECK(held.total() == 30);
    held.add(0, 0);
    CHECK(held.covers(5, 5));
    CHECK(held.total() == 30);
}

TEST_CASE("ranges in any order agree with a row of bits") {  // scenario D56
    for (u64 seed = 1; seed <= 20; ++seed) {
        prng random(seed);
        byte_ranges held;
        std::vector<bool> bits(200);
        for (int step = 0; step < 60; ++step) {
            const u64 begin = random.below(200),
                      end = begin + random.below(std::min<u64>(20, 201 - begin));
            held.add(begin, end);
            for (u64 at = begin; at < end; ++at) bits[at] = true;
            u64 total = 0, runs = 0;
            for (u64 at = 0; at < bits.size(); ++at) {
                total += bits[at] ? 1 : 0;
                runs += bits[at] && (at == 0 || !bits[at - 1]) ? 1 : 0;
                CHECK(held.covers(at, at + 1) == bits[at]);
            }
            CHECK(held.total() == total);
            CHECK(held.ranges().size() == runs);
        }
    }
}
