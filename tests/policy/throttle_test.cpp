// How fast bulk bytes may go.

#include <doctest/doctest.h>

#include <raftkit/base/prng.hpp>
#include <raftkit/policy/throttle.hpp>

using namespace raftkit;

namespace {

constexpr u32 chunk = 256u << 10;

constexpr instant at(duration since_zero) { return instant{} + since_zero; }

// A pump that asks, waits until it is let, and asks again; its timers are `coarse`. Bytes in one
// second.
template <class Throttle>
u64 bytes_in_a_second(Throttle& throttle, bool log_busy, duration coarse) {
    const instant begin = at(seconds(100)), end = begin + seconds(1);
    instant now = begin;
    u64 moved = 0;
    while (moved < 2u << 30) {
        const instant go = throttle.admit({bulk_use::save, chunk, log_busy}, now);
        if (go > now) now = go + coarse;
        if (now >= end) break;
        moved += chunk;
        now = now + microseconds(1);
    }
    return moved;
}

}  // namespace

TEST_CASE("none lets everything go at once") {
    throttle::none open;
    for (int i = 0; i < 100; ++i) {
        CHECK(open.admit({bulk_use::save, ~u32{0}, true}, at(seconds(i))) == at(seconds(i)));
    }
}

TEST_CASE("adaptive gives an idle log's disk at least 500 MB/s") {
    throttle::adaptive pace;
    CHECK(bytes_in_a_second(pace, false, milliseconds(1)) >= 500'000'000);
}

TEST_CASE("adaptive reaches, and does not pass, its rate beside a busy log") {
    throttle::adaptive pace;
    const u64 moved = bytes_in_a_second(pace, true, {});
    const u64 rate = 200u << 20;
    const u64 caught_up = rate / 100;  // 10 ms of it
    CHECK(moved <= rate + caught_up + chunk);
    CHECK(moved >= rate / 100 * 98);
}

TEST_CASE("coarse timers do not cost the rate") {
    throttle::adaptive pace;
    CHECK(bytes_in_a_second(pace, true, milliseconds(4)) >= (200u << 20) / 100 * 98);
}

TEST_CASE("a pause earns no more than 10 ms of bytes") {
    throttle::adaptive pace{.busy_bytes_per_second = 100u << 20};
    (void)pace.admit({bulk_use::save, chunk, true}, at(seconds(1)));
    const instant now = at(seconds(60));
    u64 at_once = 0;
    while (pace.admit({bulk_use::save, 4096, true}, now) == now) at_once += 4096;
    CHECK(at_once >= 1u << 20);
    CHECK(at_once <= (1u << 20) + 64 * 1024);
}

TEST_CASE("adaptive slows down with the first busy request and is free after the last") {
    throttle::adaptive pace{.busy_bytes_per_second = 1'000'000};
    const instant now = at(seconds(5));
    CHECK(pace.admit({bulk_use::save, 1'000'000, false}, now) == now);
    CHECK(pace.admit({bulk_use::save, 1'000'000, false}, now) == now);
    CHECK(pace.admit({bulk_use::save, 500'000, true}, now) == now);
    const instant second = pace.admit({bulk_use::send, 500'000, true}, now);
    CHECK(second - now > milliseconds(480));
    CHECK(second - now <= milliseconds(500));
    const instant third = pace.admit({bulk_use::receive, 500'000, false}, second);
    CHECK(third - second <= milliseconds(500));  // what is owed is waited for
    CHECK(pace.admit({bulk_use::receive, 500'000, false}, third) == third);
}

TEST_CASE("what is admitted never goes back, even if the clock does") {
    throttle::adaptive pace{.busy_bytes_per_second = 50'000'000};
    throttle::none open;
    prng random(7);
    instant last_paced{-1}, last_open{-1};
    for (int i = 0; i < 20'000; ++i) {
        const instant now = at(nanoseconds(static_cast<i64>(random.below(2'000'000'000))));
        const bulk_request asked{bulk_use::save, static_cast<u32>(random.below(1u << 20)),
                                 random.chance(500'000)};
        const instant paced = pace.admit(asked, now), free = open.admit(asked, now);
        REQUIRE(paced >= last_paced);
        REQUIRE(free >= last_open);
        REQUIRE(paced >= now);
        REQUIRE(free >= now);
        last_paced = paced;
        last_open = free;
    }
}

TEST_CASE("the largest request at the smallest rate overflows nothing") {
    throttle::adaptive pace{.busy_bytes_per_second = 0};  // as if nobody had called validate()
    const instant first = pace.admit({bulk_use::save, ~u32{0}, true}, at(seconds(1)));
    const instant second = pace.admit({bulk_use::save, ~u32{0}, true}, at(seconds(1)));
    CHECK(first == at(seconds(1)));
    CHECK(second > first);
    CHECK(second < never);
    pace.busy_bytes_per_second = ~u64{0};
    CHECK(pace.admit({bulk_use::save, ~u32{0}, true}, second) >= second);
}

TEST_CASE("adaptive refuses a rate below a chunk a second") {
    CHECK(throttle::adaptive{}.busy_bytes_per_second == 200u << 20);
    CHECK(throttle::adaptive{}.validate());
    CHECK(throttle::adaptive{.busy_bytes_per_second = 4096}.validate());
    CHECK(throttle::adaptive{.busy_bytes_per_second = 4095}.validate().why().code ==
          errc::invalid_option);
    CHECK_FALSE(throttle::adaptive{.busy_bytes_per_second = 0}.validate());
}
