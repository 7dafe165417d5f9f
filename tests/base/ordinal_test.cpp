#include <raftkit/base/ordinal.hpp>

#include <type_traits>

#include <doctest/doctest.h>

using namespace raftkit;

namespace {
using apple = ordinal<struct apple_tag>;
using pear = ordinal<struct pear_tag>;

template <class A, class B>
concept comparable = requires(A a, B b) { a == b; };

static_assert(comparable<apple, apple>);
static_assert(!comparable<apple, pear>, "two kinds of number must not mix");
static_assert(!std::is_convertible_v<apple, pear>);
static_assert(!std::is_convertible_v<apple, u64>);
static_assert(sizeof(apple) == sizeof(u64) && std::is_trivially_copyable_v<apple>);
}  // namespace

TEST_CASE("zero is none, and the predecessor of the first is none") {
    CHECK_FALSE(apple{});
    CHECK(apple{1});
    CHECK(apple{1}.previous() == apple{0});
    CHECK(apple{0}.previous() == apple{0});
    CHECK(apple{41}.next() == apple{42});
    CHECK(apple{42}.previous() == apple{41});
}

TEST_CASE("ordinals are ordered by value") {
    CHECK(apple{1} < apple{2});
    CHECK(apple{~u64{0}} > apple{1});
}
