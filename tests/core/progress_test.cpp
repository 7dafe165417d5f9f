#include <raftkit/core/progress.hpp>

#include <doctest/doctest.h>

#include <raftkit/base/prng.hpp>

using namespace raftkit;
using core::progress;

namespace {

// Entries first..last as a leader sends them; `bytes` need not be true here.
run_view entries(index_t first, u32 count, u32 bytes) {
    run_view made;
    made.first = first;
    made.count = count;
    made.bytes = bytes;
    return made;
}

}  // namespace

TEST_CASE("whatever a peer answers, match stays below next and nothing is left in the window") {
    // Known bugs 22, 25, scenario B25: answers of any age, in any order, doubled or invented.
    prng random(5);
    for (int life = 0; life < 2'000; ++life) {
        u64 last = random.between(1, 20);
        progress peer({2}, index_t{last}.next());
        for (int step = 0; step < 60; ++step) {
            const index_t matched = peer.match();
            bool forgot = false;
            switch (random.below(9)) {
                case 0: last += random.below(4); break;
                case 1:
                case 2:
                    if (peer.may_send(3, 500) && peer.next() <= index_t{last}) {
                        const u64 count = random.between(1, last - peer.next().value + 1);
                        peer.sent(entries(peer.next(), static_cast<u32>(count), 100));
                    }
                    break;
                case 3:
                case 4: peer.accept({random.below(last + 1)}); break;
                case 5: peer.refuse({random.below(last + 3)}, {random.below(last + 3)}); break;
                case 6: peer.heartbeat_passed(); break;
                case 7:
                    if (random.below(2) == 0)
                        peer.become_probing({random.below(last + 2)});
                    else
                        peer.become_snapshotting();
                    break;
                default:
                    if (random.below(10) != 0) break;
                    peer.forget(index_t{last}.next());
                    forgot = true;
            }
            CHECK(peer.next() >= index_t{1});
            CHECK(peer.next() <= index_t{last}.next());
            CHECK(peer.match() < peer.next());
            if (peer.is_probing()) CHECK(peer.cursor.index == peer.next());
            if (forgot)
                CHECK(peer.match() == index_t{});
            else
                CHECK(peer.match() >= matched);
            if (!peer.is_replicating()) {
                CHECK(peer.window().empty());
                CHECK(peer.window().bytes() == 0);
            }
            if (peer.window().empty()) CHECK(peer.window().bytes() == 0);
        }
    }
}

TEST_CASE("a refusal is believed once, and only if it is about what was asked last") {
    // Known bugs 22, 24: what was refused before the peer caught up is not a log that fell back.
    progress peer({2}, {10});
    REQUIRE(peer.is_probing());
    CHECK_FALSE(peer.refuse({7}, {3}));  // not the probe that is out
    CHECK(peer.refuse({9}, {4}));
    CHECK(peer.next() == index_t{5});
    CHECK_FALSE(peer.refuse({9}, {4}));
    CHECK(peer.accept({4}));
    REQUIRE(peer.is_replicating());
    peer.sent(entries({5}, 6, 600));
    CHECK(peer.accept({8}));
    CHECK_FALSE(peer.refuse({4}, {2}));
    CHECK_FALSE(peer.refuse({8}, {2}));
    CHECK(peer.match() == index_t{8});
    CHECK(peer.next() == index_t{11});
    CHECK(peer.refuse({10}, {1}));  // what it lost on the way, but never below its match
    CHECK(peer.is_probing());
    CHECK(peer.next() == index_t{9});
}

TEST_CASE("the window is freed by what is stored, and one message may cross its limit of bytes") {
    // Scenario B26.
    progress peer({2}, {1});
    peer.sent(entries({1}, 1, 10));
    REQUIRE(peer.accept({1}));
    for (u64 at = 2; at <= 4; ++at) {
        CHECK(peer.may_send(8, 250));
        peer.sent(entries({at}, 1, 100));
    }
    CHECK(peer.window().bytes() == 300);
    CHECK_FALSE(peer.may_send(8, 250));
    CHECK(peer.may_send(8, 301));
    CHECK_FALSE(peer.may_send(3, 1000));
    CHECK(peer.accept({3}));
    CHECK(peer.window().bytes() == 100);
    CHECK(peer.may_send(3, 250));
}
