// Which snapshots stay.

#include <doctest/doctest.h>

#include <raftkit/policy/retention.hpp>

using namespace raftkit;

TEST_CASE("newest keeps that many, counted from the newest") {
    const retention::newest two{};
    CHECK(two.count == 2);
    CHECK(two.keeps({.rank = 0}, {}));
    CHECK(two.keeps({.rank = 1}, {}));
    CHECK_FALSE(two.keeps({.rank = 2}, {}));
    CHECK_FALSE(two.keeps({.rank = ~u32{0}}, {}));
}

TEST_CASE("newest looks neither at size nor age nor origin") {
    const retention::newest one{.count = 1};
    const kept_snapshot odd{
        .bytes = ~u64{0}, .rank = 0, .published_at = never, .origin = snapshot_origin::imported};
    CHECK(one.keeps(odd, instant{-1}));
    CHECK(one.keeps(odd, never));
}

TEST_CASE("keeping no snapshot is refused") {
    CHECK(retention::newest{.count = 1}.validate());
    CHECK(retention::newest{.count = 0}.validate().why().code == errc::invalid_option);
}

TEST_CASE("everything keeps everything") {
    CHECK(retention::everything{}.keeps({.rank = ~u32{0}}, never));
}
