#include <doctest/doctest.h>

#include <raftkit/snapshot/pins.hpp>

#include <vector>

using namespace raftkit;

namespace {

constexpr snapshot_id at(u64 index, u64 nonce = 1) { return {{{index}, {2}}, nonce}; }
constexpr instant second(i64 s) { return instant{} + seconds(s); }

std::vector<u64> lapsed(snapshot_pins& pins, instant now) {
    std::vector<u64> peers;
    pins.lapse(now, [&](node_id peer, snapshot_id) { peers.push_back(peer.value); });
    return peers;
}

}  // namespace

TEST_CASE("a snapshot is pinned from its first reader to its last") {  // known bug 64
    snapshot_pins pins(seconds(30));
    CHECK_FALSE(pins.pinned(at(5)));
    pins.opened(at(5));
    pins.opened(at(5));
    pins.closed(at(5));
    CHECK(pins.pinned(at(5)));
    CHECK(pins.readers(at(5)) == 1);
    pins.closed(at(5));
    CHECK_FALSE(pins.pinned(at(5)));
}

TEST_CASE("the same position with another nonce is another snapshot") {
    snapshot_pins pins(seconds(30));
    pins.opened(at(5, 1));
    CHECK_FALSE(pins.pinned(at(5, 2)));
}

TEST_CASE("a lease ends when nothing moved for its time, and says whose it was") {
    snapshot_pins pins(seconds(30));
    pins.lease({2}, at(5), second(0));
    pins.lease({3}, at(7), second(10));
    CHECK(pins.deadline() == second(30));
    CHECK(lapsed(pins, second(30) - nanoseconds(1)).empty());
    CHECK(lapsed(pins, second(30)) == std::vector<u64>{2});
    CHECK_FALSE(pins.pinned(at(5)));
    CHECK(pins.pinned(at(7)));
    CHECK(pins.deadline() == second(40));
}

TEST_CASE("progress prolongs a lease, and time never goes back") {
    snapshot_pins pins(seconds(30));
    pins.lease({2}, at(5), second(0));
    pins.progressed({2}, second(20));
    pins.progressed({2}, second(10));
    CHECK(pins.deadline() == second(50));
    CHECK(lapsed(pins, second(49)).empty());
}

TEST_CASE("a new lease of a peer replaces its old one") {  // known bug 63
    snapshot_pins pins(seconds(30));
    pins.lease({2}, at(5), second(0));
    pins.lease({2}, at(9), second(1));
    CHECK_FALSE(pins.pinned(at(5)));
    REQUIRE(pins.leased_by({2}) != nullptr);
    CHECK(*pins.leased_by({2}) == at(9));
    pins.released({2});
    CHECK_FALSE(pins.pinned(at(9)));
    CHECK(pins.deadline() == never);
}

TEST_CASE("news of a transfer that ended revives nothing") {
    snapshot_pins pins(seconds(30));
    pins.lease({2}, at(5), second(0));
    pins.released({2});
    pins.progressed({2}, second(1));
    pins.released({2});
    CHECK_FALSE(pins.pinned(at(5)));
}

TEST_CASE("the log stays behind the lowest snapshot on its way") {  // known bug 54
    snapshot_pins pins(seconds(30));
    CHECK(pins.lowest_leased() == index_t{});
    pins.lease({2}, at(9), second(0));
    pins.lease({3}, at(5), second(0));
    pins.opened(at(1));  // a reader of our own needs no log
    CHECK(pins.lowest_leased() == index_t{5});
    pins.released({3});
    CHECK(pins.lowest_leased() == index_t{9});
}
