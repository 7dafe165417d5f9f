// The catalog against a plain table of entries: every entry is found in the frame that holds it
// now.

#include <doctest/doctest.h>

#include <map>

#include <raftkit/base/prng.hpp>
#include <raftkit/storage/wal/catalog.hpp>

using namespace raftkit;
using namespace raftkit::wal_disk;

TEST_CASE("an entry is found by walking from its point, whatever was superseded") {
    // known bug 79
    for (u64 seed = 1; seed <= 20; ++seed) {
        prng random(seed);
        catalog places;
        places.begin_segments(1);
        places.add_segment(1, {1000, 1});
        std::map<u64, std::pair<u64, u64>> truth;  // index -> segment, offset
        u64 last = 0, base = 0, segment = 1, offset = 4096;
        for (int turn = 0; turn < 300; ++turn) {
            const u64 first = random.chance(200'000) && last > base + 1
                                  ? random.between(base + 1, last)
                                  : last + 1;
            const u64 count = random.between(1, 5);
            if (offset > 1'000'000) {
                offset = 4096;
                ++segment;
                places.add_segment(segment, {1000, segment});
            }
            truth.erase(truth.lower_bound(first), truth.end());
            for (u64 i = 0; i < count; ++i) truth[first + i] = {segment, offset};
            last = first + count - 1;
            places.frame({first}, {last}, segment, offset);
            offset += random.between(1, 60) * 512;
            if (random.chance(30'000)) {
                base = random.between(base, last);
                places.forget_through({base});
            }
            CHECK(places.last() == index_t{last});
            for (u64 index = base + 1; index <= last; ++index) {
                const log_point* point = places.find({index});
                REQUIRE(point != nullptr);
                const auto [in, at] = truth[index];
                CHECK(point->segment == in);
                CHECK(point->offset <= at);
                CHECK(point->first <= index_t{index});
                CHECK(places.last_of(*point) >= index_t{index});
            }
            CHECK(places.find({last + 1}) == nullptr);
            const u64 lowest = base < last ? truth[base + 1].first : segment;
            CHECK(places.lowest_live(segment) <= lowest);
            places.forget_through({base});
            CHECK(places.lowest_live(segment) == lowest);
        }
    }
}

TEST_CASE("points are sparse") {
    catalog places;
    places.begin_segments(1);
    places.add_segment(1, {64u << 20, 1});
    u64 points = 0;
    index_t before;
    for (u64 index = 1; index <= 10'000; ++index) {
        places.frame({index}, {index}, 1, 4096 + index * 512);
        const index_t now = places.find({index})->first;
        if (now != before) ++points;
        before = now;
    }
    CHECK(points < 90);
}

TEST_CASE("kept segments are counted by their bytes") {
    catalog places;
    places.begin_segments(4);
    places.add_segment(4, {100, 1});
    places.add_segment(5, {250, 2});
    CHECK(places.bytes() == 350);
    CHECK(places.drop_lowest_segment().bytes == 100);
    CHECK(places.bytes() == 250);
    CHECK(places.lowest_segment() == 5);
    CHECK(places.segment(5).nonce == 2);
}
