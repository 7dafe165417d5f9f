// Triggers that look at the clock.

#include <doctest/doctest.h>

#include <raftkit/policy/trigger/log.hpp>
#include <raftkit/policy/trigger/time.hpp>
#include <string_view>

using namespace raftkit;

namespace {

constexpr instant at(duration since_zero) { return instant{} + since_zero; }
// A node that serves since `serving` and whose newest snapshot is of `saved` (0: of an earlier
// life).
growth aged(duration serving, duration saved = {}) {
    growth since{.entries = 1};
    since.snapshot = {index_t{10}, term_t{1}};
    since.serving_since = at(serving);
    since.snapshot_at = at(saved);
    return since;
}

}  // namespace

TEST_CASE("the first save of a start comes within (0, period]") {  // S003-06
    i64 least = minutes(60).ns, most = 0;
    for (u64 seed = 0; seed < 2000; ++seed) {
        const trigger::interval timer{.seed = seed};
        const duration first = timer.fires_at(aged(seconds(7))) - at(seconds(7));
        REQUIRE(first.ns > 0);
        REQUIRE(first <= minutes(60));
        least = std::min(least, first.ns);
        most = std::max(most, first.ns);
    }
    CHECK(least < minutes(1).ns);  // and anywhere in it
    CHECK(most > minutes(59).ns);
}

TEST_CASE("the first save never comes at the very start, however short the period") {
    for (u64 seed = 0; seed < 100; ++seed) {
        const trigger::interval timer{.period = {1}, .seed = seed};
        REQUIRE(timer.fires_at(aged(seconds(7))) == at(seconds(7)) + nanoseconds(1));
    }
}

TEST_CASE("a later save comes at period, plus at most the jitter") {  // S004-03
    i64 least = minutes(600).ns, most = 0;
    for (u64 seed = 0; seed < 2000; ++seed) {
        const trigger::interval timer{.period = minutes(100), .jitter_percent = 25, .seed = seed};
        const duration age = timer.fires_at(aged(seconds(7), seconds(9))) - at(seconds(9));
        REQUIRE(age >= minutes(100));
        REQUIRE(age <= minutes(125));
        least = std::min(least, age.ns);
        most = std::max(most, age.ns);
    }
    CHECK(least < minutes(101).ns);
    CHECK(most > minutes(124).ns);
}

TEST_CASE("without jitter the period is exact") {  // S000-34
    trigger::interval timer{.period = seconds(10), .jitter_percent = 0};
    const growth since = aged(seconds(1), seconds(5));
    CHECK_FALSE(timer.due(since, instant{seconds(15).ns - 1}));
    CHECK(timer.due(since, at(seconds(15))).cause == std::string_view("interval"));
    CHECK(timer.wake_at(since) == never);
}

TEST_CASE("the same seed draws the same delay, another draws another, and so does every cycle") {
    const trigger::interval one{.seed = 1}, same{.seed = 1}, other{.seed = 2};
    const growth first = aged(seconds(1), seconds(5)), second = aged(seconds(1), seconds(6));
    CHECK(one.fires_at(first) == same.fires_at(first));
    CHECK(one.fires_at(first) != other.fires_at(first));
    CHECK(one.fires_at(first) - at(seconds(5)) != one.fires_at(second) - at(seconds(6)));
}

TEST_CASE("an interval stays due until there is a newer snapshot") {
    trigger::interval timer{.period = seconds(10), .jitter_percent = 0};
    const growth since = aged(seconds(1), seconds(5));
    CHECK(timer.due(since, at(seconds(15))));
    CHECK(timer.due(since, at(seconds(16))));
    CHECK_FALSE(timer.due(aged(seconds(1), seconds(16)), at(seconds(16))));
}

TEST_CASE("an interval wakes once: what a question has seen is not named again") {
    trigger::interval timer{.period = seconds(10), .jitter_percent = 0};
    const growth since = aged(seconds(1), seconds(5));
    CHECK(timer.wake_at(since) == at(seconds(15)));
    CHECK_FALSE(timer.due(since, at(seconds(14))));
    CHECK(timer.wake_at(since) == at(seconds(15)));
    CHECK(timer.due(since, at(seconds(15))));
    CHECK(timer.wake_at(since) == never);
    CHECK(timer.wake_at(aged(seconds(1), seconds(16))) ==
          at(seconds(26)));  // and again after a save
}

TEST_CASE("a clock that goes back makes nothing due") {
    trigger::interval timer{.period = seconds(10), .jitter_percent = 0};
    const growth since = aged(seconds(100), seconds(200));
    CHECK_FALSE(timer.due(since, instant{}));
    CHECK_FALSE(timer.due(since, instant{-1}));
    CHECK(timer.wake_at(since) == at(seconds(210)));
}

TEST_CASE("the longest period is never, and does not overflow") {
    trigger::interval timer{.period = {never.ns}, .jitter_percent = 100, .seed = 3};
    CHECK(timer.fires_at(aged(seconds(1), seconds(5))) == never);
    CHECK(timer.fires_at(aged(seconds(1))) > at(seconds(1)));
    CHECK_FALSE(timer.due(aged(seconds(1), seconds(5)), instant{never.ns - 1}));
}

TEST_CASE("interval refuses periods below 5 ms and jitter above the period") {
    CHECK(trigger::interval{}.validate());
    CHECK(trigger::interval{.period = milliseconds(5), .jitter_percent = 100}.validate());
    CHECK(trigger::interval{.period = {milliseconds(5).ns - 1}}.validate().why().code ==
          errc::invalid_option);
    CHECK_FALSE(trigger::interval{.period = seconds(-1)}.validate());
    CHECK_FALSE(trigger::interval{.jitter_percent = 101}.validate());
    CHECK(trigger::interval{}.period == minutes(60));  // S000-25
    CHECK(trigger::interval{}.jitter_percent == 25);
}

TEST_CASE("min_spacing holds back what comes too early and lets it go later") {
    trigger::min_spacing<trigger::entries> apart{.part = {.count = 1}, .apart = seconds(30)};
    const growth since = aged(seconds(1), seconds(100));
    CHECK_FALSE(apart.due(since, instant{seconds(130).ns - 1}));
    CHECK(apart.due(since, at(seconds(130))).cause == std::string_view("entries"));
}

TEST_CASE("min_spacing wakes the node for what it holds back, and only then") {
    trigger::min_spacing<trigger::entries> apart{.part = {.count = 1}, .apart = seconds(30)};
    growth since = aged(seconds(1), seconds(100));
    CHECK(apart.wake_at(since) == never);
    CHECK_FALSE(apart.due(since, at(seconds(101))));
    CHECK(apart.wake_at(since) == at(seconds(130)));
    CHECK(apart.due(since, at(seconds(130))));
    CHECK(apart.wake_at(since) == never);

    since.entries = 0;
    CHECK_FALSE(apart.due(since, at(seconds(101))));
    CHECK(apart.wake_at(since) == never);
}

TEST_CASE("min_spacing passes on when its part wants to be woken") {
    trigger::min_spacing<trigger::interval> apart{
        .part = {.period = seconds(10), .jitter_percent = 0}, .apart = seconds(30)};
    const growth since = aged(seconds(1), seconds(100));
    CHECK(apart.wake_at(since) == at(seconds(110)));
    CHECK_FALSE(apart.due(since, at(seconds(110))));
    CHECK(apart.wake_at(since) == at(seconds(130)));
    CHECK(apart.due(since, at(seconds(130))));
    CHECK(apart.wake_at(since) == never);
}

TEST_CASE("min_spacing does not delay the first snapshot of all") {
    trigger::min_spacing<trigger::entries> apart{.part = {.count = 1}, .apart = seconds(30)};
    growth since = aged(seconds(0));
    since.snapshot = {};
    CHECK(apart.due(since, at(seconds(1))));
}

TEST_CASE("min_spacing lets a closing node save at once") {
    trigger::min_spacing<trigger::entries> apart{.part = {.count = 1}, .apart = seconds(30)};
    growth since = aged(seconds(1), seconds(100));
    since.closing = true;
    CHECK(apart.due(since, at(seconds(101))));
}

TEST_CASE("min_spacing holds while the clock stands before the last save") {
    trigger::min_spacing<trigger::entries> apart{.part = {.count = 1}, .apart = seconds(30)};
    CHECK_FALSE(apart.due(aged(seconds(1), seconds(100)), at(seconds(5))));
    apart.apart = {never.ns};
    CHECK_FALSE(apart.due(aged(seconds(1), seconds(100)), instant{never.ns - 1}));
}

TEST_CASE("min_spacing checks itself and its part") {
    CHECK(trigger::min_spacing<trigger::entries>{}.validate());
    CHECK(trigger::min_spacing<trigger::entries>{}.apart == seconds(30));
    CHECK(trigger::min_spacing<trigger::entries>{.apart = {0}}.validate());
    CHECK_FALSE(trigger::min_spacing<trigger::entries>{.apart = {-1}}.validate());
    CHECK_FALSE(trigger::min_spacing<trigger::entries>{.part = {.count = 0}}.validate());
}
