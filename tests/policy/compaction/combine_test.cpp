// Compaction policies made of compaction policies.

#include <doctest/doctest.h>

#include <raftkit/policy/compaction/combine.hpp>
#include <raftkit/policy/compaction/keep.hpp>
#include <string_view>

using namespace raftkit;

namespace {

struct timed {
    index_t from;
    instant wake = never;
    index_t keep_from(const log_shape&) const noexcept { return from; }
    instant wake_at(const log_shape&) const noexcept { return wake; }
};
struct refused : compaction::none {
    result<void> validate() const noexcept { return error{errc::invalid_option, 0, "refused"}; }
};
constexpr log_shape shape{.first = {1}, .last = {100}, .snapshot = {80}, .oldest_kept = {40}};

}  // namespace

TEST_CASE("min_of keeps what any part wants to keep") {
    using compaction::min_of, compaction::trailing, compaction::to_oldest_kept,
        compaction::to_snapshot;
    const min_of<trailing, to_oldest_kept> long_tail{{trailing{.entries = 70}, to_oldest_kept{}}};
    const min_of<trailing, to_oldest_kept> short_tail{{trailing{.entries = 5}, to_oldest_kept{}}};
    const min_of<to_snapshot, to_oldest_kept> reversed{};
    CHECK(long_tail.keep_from(shape) == index_t{31});
    CHECK(short_tail.keep_from(shape) == index_t{41});
    CHECK(reversed.keep_from(shape) == index_t{41});
    CHECK(min_of<to_snapshot>{}.keep_from(shape) == index_t{81});
    CHECK(min_of<to_snapshot, compaction::none, to_oldest_kept>{}.keep_from(shape) == index_t{1});
}

TEST_CASE("min_of wakes when the first of its parts wants to") {
    const compaction::min_of<timed, compaction::none, timed> two{
        {timed{{5}, instant{9}}, {}, timed{{6}, instant{7}}}};
    CHECK(two.wake_at(shape) == instant{7});
    CHECK(compaction::min_of<compaction::none>{}.wake_at(shape) == never);
    CHECK(timed_compaction<decltype(two)>);
}

TEST_CASE("min_of is as valid as its parts") {
    CHECK(compaction::min_of<compaction::trailing, compaction::none>{}.validate());
    const compaction::min_of<compaction::trailing, refused> one{};
    CHECK(one.validate().why().where == std::string_view("refused"));
}
