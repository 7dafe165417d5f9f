// How much log stays.

#include <doctest/doctest.h>

#include <raftkit/policy/compaction/keep.hpp>

using namespace raftkit;

namespace {

constexpr u64 u64_max = ~u64{0};

constexpr log_shape log_to(u64 last, u32 bytes_per_entry = 0) {
    return {.first = {1}, .last = {last}, .bytes_per_entry = bytes_per_entry};
}

}  // namespace

TEST_CASE("trailing keeps that many entries behind last") {  // scenario D73
    // S004-21
    const compaction::trailing ten{.entries = 10, .bytes = compaction::trailing::unlimited};
    CHECK(ten.keep_from(log_to(100)) == index_t{91});  // 91 to 100
    CHECK(ten.keep_from(log_to(11)) == index_t{2});
}

TEST_CASE("trailing does not count back beyond the first index") {
    const compaction::trailing ten{.entries = 10, .bytes = compaction::trailing::unlimited};
    CHECK(ten.keep_from(log_to(10)) == index_t{1});
    CHECK(ten.keep_from(log_to(3)) == index_t{1});
    CHECK(ten.keep_from(log_to(0)) == index_t{1});
}

TEST_CASE("trailing of none keeps nothing, of all keeps everything") {
    const compaction::trailing none{.entries = 0}, all{.entries = u64_max, .bytes = u64_max};
    CHECK(none.keep_from(log_to(100)) == index_t{101});
    CHECK(all.keep_from(log_to(100, 128)) == index_t{1});
    CHECK(all.keep_from(log_to(u64_max - 1, 128)) == index_t{1});
}

TEST_CASE("trailing keeps what both limits allow") {
    const compaction::trailing both{.entries = 10, .bytes = 500};
    CHECK(both.keep_from(log_to(100, 100)) == index_t{96});  // 5 entries fit
    CHECK(both.keep_from(log_to(100, 50)) == index_t{91});
    CHECK(both.keep_from(log_to(100, 1)) == index_t{91});
    CHECK(both.keep_from(log_to(100, 501)) == index_t{101});  // not one fits
}

TEST_CASE("the largest u64 of bytes means by entries alone, however large they are") {
    const compaction::trailing ten{.entries = 10, .bytes = compaction::trailing::unlimited};
    CHECK(ten.keep_from(log_to(100, ~u32{0})) == index_t{91});
}

TEST_CASE("entries of unknown size are limited by their count alone") {
    const compaction::trailing both{.entries = 10, .bytes = 1};
    CHECK(both.keep_from(log_to(100, 0)) == index_t{91});
}

TEST_CASE("the defaults of trailing are those of the options table") {
    CHECK(compaction::trailing{}.entries == 10'000);
    CHECK(compaction::trailing{}.bytes == 64u << 20);
    CHECK(compaction::trailing{}.validate());
}

TEST_CASE("to_snapshot keeps what the newest snapshot does not cover") {
    const log_shape log{
        .last = {100}, .snapshot = {80}, .previous_snapshot = {60}, .oldest_kept = {40}};
    CHECK(compaction::to_snapshot{}.keep_from(log) == index_t{81});
    CHECK(compaction::to_snapshot{}.keep_from({.last = {100}}) == index_t{1});
}

TEST_CASE("to_previous_snapshot keeps one save more") {
    const log_shape log{
        .last = {100}, .snapshot = {80}, .previous_snapshot = {60}, .oldest_kept = {40}};
    CHECK(compaction::to_previous_snapshot{}.keep_from(log) == index_t{61});
    CHECK(compaction::to_previous_snapshot{}.keep_from({.last = {100}, .snapshot = {80}}) ==
          index_t{1});
}

TEST_CASE("to_oldest_kept keeps what every kept snapshot may replay") {  // S000-67
    const log_shape log{
        .last = {100}, .snapshot = {80}, .previous_snapshot = {60}, .oldest_kept = {40}};
    CHECK(compaction::to_oldest_kept{}.keep_from(log) == index_t{41});
}

TEST_CASE("none keeps the whole log") {  // S000-28
    CHECK(compaction::none{}.keep_from({.first = {1}, .last = {100}, .snapshot = {80}}) ==
          index_t{1});
    CHECK(compaction::none{}.keep_from({.first = {37}, .last = {100}}) == index_t{37});
}
