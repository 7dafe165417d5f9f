#include <doctest/doctest.h>

#include "snapshot/map_support.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <thread>

using namespace raftkit;
using namespace map_support;

TEST_CASE("an empty map has nothing, and an image of nothing") {
    persistent_map map;
    CHECK(map.empty());
    CHECK_FALSE(map.find("a"));
    CHECK_FALSE(map.erase("a"));
    map.clear();
    CHECK(map.scan(0, 10, [](std::string_view, byte_span) { CHECK(false); }) == 0);
    CHECK(stream_of(map.capture()).size() == map_stream_header_bytes);
    CHECK(contents_of(map.capture()).empty());
}

TEST_CASE("insert tells new keys from replaced values, and counts both") {
    persistent_map map;
    CHECK(map.insert("a", bytes_of("12")));
    CHECK_FALSE(map.insert("a", bytes_of("345")));
    CHECK(map.insert("", {}));
    CHECK(map.insert(std::string(3, '\0'), bytes_of("zeros")));
    CHECK(map.size() == 3);
    CHECK(map.bytes() == 4 + 0 + 8);
    CHECK(text_of(map.find("a")) == "345");
    CHECK(map.find("")->empty());
    CHECK(text_of(map.find(std::string(3, '\0'))) == "zeros");
    CHECK_FALSE(map.find(std::string(2, '\0')));
    CHECK(map.erase("a"));
    CHECK_FALSE(map.erase("a"));
    CHECK(map.size() == 2);
    CHECK(map.bytes() == 8);
}

TEST_CASE("a key or a value may come from the map itself") {
    persistent_map map;
    map.insert("a", bytes_of(std::string(100, 'x')));
    const byte_span own = *map.find("a");
    map.insert("a", own.first(50));
    CHECK(text_of(map.find("a")) == std::string(50, 'x'));
    map.insert(as_text(*map.find("a")), *map.find("a"));
    CHECK(text_of(map.find(std::string(50, 'x'))) == std::string(50, 'x'));
}

TEST_CASE("the map and its images follow a model through random changes") {
    for (u64 seed = 1; seed <= 3; ++seed) {
        prng random(seed);
        persistent_map map(seed);
        model expected;
        std::vector<std::pair<persistent_map_image, model>> images;
        u64 bytes = 0;
        for (int step = 0; step < 30'000; ++step) {
            const std::string key = key_of(random.below(4000));
            const u64 dice = random.below(1000);
            if (dice < 600) {
                const std::string value(random.below(20),
                                        static_cast<char>('a' + random.below(26)));
                CHECK(map.insert(key, bytes_of(value)) == !expected.contains(key));
                expected[key] = value;
            } else if (dice < 990) {
                CHECK(map.erase(key) == (expected.erase(key) == 1));
            } else if (dice < 998) {
                if (images.size() < 8) images.emplace_back(map.capture(), expected);
            } else if (dice < 999 && !images.empty()) {
                images.erase(images.begin() +
                             static_cast<std::ptrdiff_t>(random.below(images.size())));
            } else if (random.below(10) == 0) {
                map.clear();
                expected.clear();
            }
            if (step % 41 == 0) {  // a hint: nothing but memory may be touched
                const std::array<std::string_view, 3> hinted{key, "", "not there"};
                map.prefetch(hinted);
            }
            if (step % 97 == 0) {
                const auto found = expected.find(key);
                CHECK(text_of(map.find(key)) ==
                      (found == expected.end() ? "(none)" : found->second));
            }
        }
        bytes = 0;
        for (const auto& [key, value] : expected) bytes += key.size() + value.size();
        CHECK(map.size() == expected.size());
        CHECK(map.bytes() == bytes);
        CHECK(contents_of(map) == expected);
        for (auto& [image, then] : images) {
            CHECK(image.size() == then.size());
            CHECK(contents_of(std::move(image)) ==
                  then);  // known bug 65: what it is cannot change after capture
        }
    }
}

TEST_CASE("shards stay short however many keys there are, so that a first write stays short") {
    persistent_map map;
    for (u64 i = 0; i < 100'000; ++i) map.insert(key_of(i), {});
    const persistent_map::shape full = map.measure();
    CHECK(full.largest <= detail::map_shard_slots_max);
    CHECK(full.shards >= 100'000 / detail::map_shard_slots_max);
    CHECK(full.shards <= 100'000 / 8);
    for (u64 i = 0; i < 100'000; ++i) map.erase(key_of(i));
    CHECK(map.measure().shards == 0);
}

TEST_CASE("the place of a hash is found from any guess") {
    prng random(7);
    for (int round = 0; round < 2000; ++round) {
        const u32 level = static_cast<u32>(random.below(detail::map_levels + 1));
        const u32 bits = detail::map_hash_bits - detail::map_fork_bits * level;
        const u64 range = u64{1} << bits,
                  begin = random.below(detail::map_hash_end / range) * range;
        // Evenly spread, or all at one end, where the guess is as wrong as it can be.
        const u64 within = random.below(4) == 0 ? std::min<u64>(range, 16) : range;
        detail::map_shard shard;
        for (u64 left = random.below(40); left > 0; --left)
            shard.slots.push_back({begin + random.below(within), nullptr});
        std::sort(shard.slots.begin(), shard.slots.end(),
                  [](const auto& a, const auto& b) { return a.hash < b.hash; });
        for (int probe = 0; probe < 20; ++probe) {
            const bool known = !shard.slots.empty() && probe % 2 == 0;
            const u64 hash = known ? shard.slots[random.below(shard.slots.size())].hash
                                   : begin + random.below(range);
            std::size_t expected = 0;
            while (expected < shard.slots.size() && shard.slots[expected].hash < hash) ++expected;
            CHECK(shard.place(hash, level) == expected);
        }
    }
}

TEST_CASE("a hint for many keys at once touches what is there and skips what is not") {
    persistent_map map;
    std::vector<std::string> keys;
    for (u64 i = 0; i < 5'000; ++i) keys.push_back(key_of(i));
    std::vector<std::string_view> hinted(keys.begin(), keys.end());
    map.prefetch({});
    map.prefetch(hinted);
    for (u64 i = 0; i < 5'000; i += 2) map.insert(keys[i], {});
    map.prefetch(hinted);
    CHECK(map.size() == 2'500);
    CHECK(map.contains(keys[4'998]));
}

TEST_CASE("a split keeps every shard at or below its limit") {
    detail::map_node* root = new detail::map_shard;
    prng random(1);
    std::set<u64> hashes;
    while (hashes.size() < detail::map_shard_slots_max + 1)
        hashes.insert(random.below(detail::map_hash_end));
    for (const u64 hash : hashes) {
        detail::as_shard(*root).slots.push_back(
            {hash, detail::map_record::make(std::to_string(hash), {})});
    }
    detail::split_shard(root, 0);
    std::vector<u64> seen;
    for (u64 at = 0; at < detail::map_hash_end;) {
        const detail::map_range range = detail::shard_of(root, at);
        CHECK(range.end == at + detail::map_hash_end / 16);
        if (range.shard != nullptr) {
            CHECK(range.shard->slots.size() < 64);
            for (const auto& slot : range.shard->slots) {
                CHECK((slot.hash >= at && slot.hash < range.end));
                seen.push_back(slot.hash);
            }
        }
        at = range.end;
    }
    CHECK(seen == std::vector<u64>(hashes.begin(), hashes.end()));
    detail::map_dead_nodes dead;
    dead.release(root);
}

TEST_CASE("entries are shared between the map and its images, not copied") {
    persistent_map map;
    for (u64 i = 0; i < 50'000; ++i) map.insert(key_of(i), bytes_of("v"));
    const persistent_map_image image = map.capture();
    map.insert(key_of(7), bytes_of("w"));
    std::set<const std::byte*> values;
    map.for_each([&](std::string_view, byte_span value) { values.insert(value.data()); });
    CHECK(values.size() == 50'000);
    persistent_map_image again = map.capture();
    map.erase(key_of(8));
    u64 kept = 0;
    map.for_each(
        [&](std::string_view, byte_span value) { kept += values.contains(value.data()) ? 1 : 0; });
    CHECK(kept == 49'999);  // records are shared, not copied
    CHECK(again.size() == 50'000);
}

TEST_CASE("keys whose hashes all collide are slow, not wrong") {
    // The second word undoes what the first one did: every such key ends in the same state.
    constexpr u64 first = 0x9e3779b97f4a7c15ULL, second = 0xd6e8feb86659fd93ULL, seed = 5;
    persistent_map map(seed);
    model expected;
    for (u64 word = 0; word < 600; ++word) {
        std::string key(16, '\0');
        const u64 start = detail::map_fold(seed ^ first, second ^ 16);
        const u64 undo = detail::map_fold(start ^ word, first) + second;
        std::memcpy(key.data(), &word, 8);
        std::memcpy(key.data() + 8, &undo, 8);
        if (word > 0)
            REQUIRE(detail::map_hash(key, seed) == detail::map_hash(expected.begin()->first, seed));
        expected[key] = std::to_string(word);
        CHECK(map.insert(key, bytes_of(expected[key])));
    }
    CHECK(contents_of(map) == expected);
    CHECK(contents_of(map.capture()) == expected);
    u64 visited = 0;
    CHECK(map.scan(0, 10, [&](std::string_view, byte_span) { ++visited; }) == 0);
    CHECK(visited == 600);  // one hash is never torn apart
    for (const auto& [key, value] : expected) {
        CHECK(text_of(map.find(key)) == value);
        CHECK(map.erase(key));
    }
    CHECK(map.empty());
    CHECK(detail::map_hash(expected.begin()->first, 6) !=
          detail::map_hash(expected.rbegin()->first, 6));
}

TEST_CASE(
    "a scan visits once every key that is there the whole time, whatever else comes and goes") {
    for (u64 seed = 1; seed <= 4; ++seed) {
        prng random(seed);
        persistent_map map;
        for (u64 i = 0; i < 3000; ++i) map.insert("stays:" + std::to_string(i), {});
        std::map<std::string, int> visits;
        u64 cursor = 0, calls = 0;
        do {
            cursor = map.scan(cursor, 50,
                              [&](std::string_view key, byte_span) { ++visits[std::string(key)]; });
            for (int change = 0; change < 300; ++change) {  // grows and shrinks under the scan
                const std::string key = "comes:" + std::to_string(random.below(20'000));
                if (random.chance(calls % 20 < 10 ? 800'000 : 100'000)) {
                    map.insert(key, {});
                } else {
                    map.erase(key);
                }
            }
            REQUIRE(cursor < (u64{1} << 53));  // exact in a double
        } while (cursor != 0 && ++calls < 10'000);
        CHECK(cursor == 0);
        for (u64 i = 0; i < 3000; ++i) CHECK(visits["stays:" + std::to_string(i)] == 1);
    }
}

TEST_CASE("a cursor that nobody gave ends the scan or goes on, and crashes nothing") {
    persistent_map map;
    for (u64 i = 0; i < 1000; ++i) map.insert(key_of(i), {});
    for (const u64 cursor : {detail::map_hash_end, detail::map_hash_end - 1, ~u64{0}, u64{12345}}) {
        u64 visited = 0;
        (void)map.scan(cursor, 10, [&](std::string_view, byte_span) { ++visited; });
        CHECK(visited <= 10);
    }
}

TEST_CASE("the digest is that of the contents, not of their history") {
    persistent_map forwards(1), backwards(2);
    for (u64 i = 0; i < 2000; ++i) forwards.insert(key_of(i), bytes_of(std::to_string(i)));
    for (u64 i = 3000; i-- > 0;) backwards.insert(key_of(i), bytes_of("other"));
    CHECK(forwards.digest() != backwards.digest());
    for (u64 i = 2000; i < 3000; ++i) backwards.erase(key_of(i));
    for (u64 i = 0; i < 2000; ++i) backwards.insert(key_of(i), bytes_of(std::to_string(i)));
    CHECK(forwards.digest() == backwards.digest());
    backwards.insert(key_of(5), bytes_of("6"));
    CHECK(forwards.digest() != backwards.digest());
    persistent_map left, right;
    left.insert("ab", bytes_of("c"));
    right.insert("a", bytes_of("bc"));
    CHECK(left.digest() != right.digest());
}

TEST_CASE("what clear() drops is freed by later calls") {
    persistent_map map;
    for (u64 i = 0; i < 20'000; ++i) map.insert(key_of(i), {});
    map.clear();
    CHECK(map.free_some(1));
    for (u64 i = 0; i < 20'000; ++i) map.erase("nothing");
    CHECK_FALSE(map.free_some(1));
    map.insert("a", {});
    CHECK(map.size() == 1);
}

// For the thread sanitizer.
TEST_CASE("images are read and dropped on another thread while the map changes") {
    persistent_map map;
    for (u64 i = 0; i < 2000; ++i) map.insert(key_of(i), bytes_of(std::to_string(i)));
    for (int round = 0; round < 20; ++round) {
        persistent_map_image first = map.capture(), second = map.capture();
        const digest128 then = map.digest();
        digest128 seen{};
        std::thread reader([&, image = std::move(first), dropped = std::move(second)]() mutable {
            { const persistent_map_image gone = std::move(dropped); }
            std::vector<std::byte> all, chunk(700);
            persistent_map restored;
            persistent_map_restore writer(restored);
            for (u64 offset = 0;;) {
                const result<image_step> step = image.next(chunk);
                (void)writer.write({0, offset, buffer::copy_of(byte_span(chunk).first(step->bytes)),
                                    step->end, step->end});
                offset += step->bytes;
                if (step->end) break;
            }
            writer.commit();
            seen = restored.digest();
            const persistent_map_image gone = std::move(image);
        });
        for (u64 i = 0; i < 1000; ++i) {
            map.insert(key_of(i * 7 % 2500),
                       bytes_of(std::to_string(i + 1000 * static_cast<u64>(round))));
            if (i % 3 == 0) map.erase(key_of(i));
        }
        reader.join();
        CHECK(seen == then);
    }
}
