#include <raftkit/base/instant.hpp>

#include <doctest/doctest.h>

using namespace raftkit;

TEST_CASE("never stays never under every addition and subtraction of a duration") {
    CHECK(never + seconds(1) == never);
    CHECK(never - seconds(1) == never);
    CHECK(instant{never.ns - 5} + duration{6} == never);
    CHECK(instant{never.ns - 5} + duration{5} == never);
    CHECK(instant{never.ns - 5} + duration{4} < never);
}

TEST_CASE("instants and durations add up") {
    const instant start{1'000};
    CHECK(start + duration{-400} == instant{600});
    CHECK((start + milliseconds(2)) - start == microseconds(2'000));
    CHECK(seconds(3) / 2 == milliseconds(1'500));
    CHECK(minutes(2) == seconds(60) * 2);
    CHECK(start - duration{1} < start);
    CHECK(earliest(start, never) == start);
    CHECK(earliest(never, start) == start);
}
