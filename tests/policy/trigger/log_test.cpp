// Triggers that look at how much log has grown.

#include <doctest/doctest.h>

#include <raftkit/policy/trigger/log.hpp>
#include <string_view>

using namespace raftkit;

namespace {

constexpr u64 u64_max = ~u64{0};

constexpr growth grown(u64 entries, u64 bytes = 0, u64 snapshot_bytes = 0) {
    return {.entries = entries, .bytes = bytes, .snapshot_bytes = snapshot_bytes};
}

}  // namespace

TEST_CASE("entries is due at its count and above, not below") {  // S000-33, S004-05
    trigger::entries each{.count = 8192};
    CHECK_FALSE(each.due(grown(8191), {}));
    CHECK(each.due(grown(8192), {}).cause == std::string_view("entries"));
    CHECK(each.due(grown(u64_max), {}));
}

TEST_CASE("entries of one is due at every boundary with something new") {  // scenario D41
    trigger::entries each{.count = 1};
    CHECK_FALSE(each.due(grown(0), {}));
    CHECK(each.due(grown(1), {}));
}

TEST_CASE("entries looks at nothing but entries") {
    trigger::entries each{.count = 10};
    growth since = grown(10);
    since.snapshot_at = instant{} + seconds(100);
    since.snapshot_bytes = u64_max;
    CHECK(each.due(since, instant{}));            // no spacing, no ratio
    CHECK(each.due(since, instant{-1'000'000}));  // nor a clock that went back
    since.entries = 9;
    since.bytes = u64_max;
    since.closing = true;
    CHECK_FALSE(each.due(since, never));
}

TEST_CASE("entries by hand or of zero is never due") {
    trigger::entries by_hand{.count = trigger::by_hand}, zero{.count = 0};
    CHECK_FALSE(by_hand.due(grown(u64_max), never));
    CHECK_FALSE(zero.due(grown(0), never));
    CHECK_FALSE(zero.due(grown(u64_max), never));
    CHECK(by_hand.validate());
    CHECK(zero.validate().why().code == errc::invalid_option);
}

TEST_CASE("bytes is due at its count and above, not below") {  // scenario D41, S001-07
    trigger::bytes log{.count = 1000};
    CHECK_FALSE(log.due(grown(u64_max, 999), {}));
    CHECK(log.due(grown(0, 1000), {}).cause == std::string_view("bytes"));
    CHECK(log.due(grown(0, u64_max), {}));
}

TEST_CASE("bytes by hand or of zero is never due") {
    trigger::bytes by_hand{.count = trigger::by_hand}, zero{.count = 0};
    CHECK_FALSE(by_hand.due(grown(u64_max, u64_max), never));
    CHECK_FALSE(zero.due(grown(u64_max, u64_max), never));
    CHECK(by_hand.validate());
    CHECK(zero.validate().why().code == errc::invalid_option);
}

TEST_CASE("relative_bytes compares the log with the snapshot times the ratio") {
    trigger::relative_bytes log{.ratio = 4, .bytes_min = 100};
    CHECK_FALSE(log.due(grown(0, 3999, 1000), {}));
    CHECK(log.due(grown(0, 4000, 1000), {}).cause == std::string_view("relative_bytes"));
}

TEST_CASE("relative_bytes wants bytes_min also beside a small snapshot or none") {
    trigger::relative_bytes log{.ratio = 4, .bytes_min = 100};
    CHECK_FALSE(log.due(grown(0, 99, 1), {}));
    CHECK(log.due(grown(0, 100, 1), {}));
    CHECK_FALSE(log.due(grown(0, 99), {}));
    CHECK(log.due(grown(0, 100), {}));
}

TEST_CASE("a ratio times a huge snapshot does not wrap around") {
    trigger::relative_bytes log{.ratio = 4, .bytes_min = 0};
    CHECK(log.threshold(u64_max / 4 + 1) == u64_max);
    CHECK(log.threshold(u64_max / 4) == u64_max / 4 * 4);
    CHECK_FALSE(log.due(grown(0, u64_max - 1, u64_max / 2), {}));
}

TEST_CASE("relative_bytes without ratio is a count, and without either is refused") {
    trigger::relative_bytes log{.ratio = 0, .bytes_min = 100};
    CHECK(log.threshold(u64_max) == 100);
    CHECK(log.validate());
    log.bytes_min = 0;
    CHECK(log.validate().why().code == errc::invalid_option);
}

TEST_CASE("the defaults of the log triggers are those of the options table") {
    CHECK(trigger::entries{}.count == 100'000);  // S004-07
    CHECK(trigger::relative_bytes{}.ratio == 4);
    CHECK(trigger::relative_bytes{}.bytes_min == 64u << 20);
    CHECK(trigger::entries{}.validate());
    CHECK(trigger::bytes{}.validate());
    CHECK(trigger::relative_bytes{}.validate());
}
