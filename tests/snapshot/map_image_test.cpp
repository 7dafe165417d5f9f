#include <doctest/doctest.h>

#include "snapshot/map_support.hpp"

using namespace raftkit;
using namespace map_support;

TEST_CASE("an image has the same bytes however it is cut") {  // scenario D55
    persistent_map map;
    for (u64 i = 0; i < 500; ++i) map.insert(key_of(i), bytes_of(std::string(i % 70, 'v')));
    const std::vector<std::byte> whole = stream_of(map.capture(), 1u << 20);
    CHECK(whole.size() == map.capture().stream_bytes());
    for (const std::size_t chunk_bytes : {1ul, 7ul, 8ul, 4096ul, whole.size(), whole.size() / 4}) {
        CHECK(stream_of(map.capture(), chunk_bytes) == whole);
        persistent_map restored;
        persistent_map_restore writer(restored);
        REQUIRE(write_stream(writer, whole, chunk_bytes));
        writer.commit();
        CHECK(restored.digest() == map.digest());
        CHECK(restored.bytes() == map.bytes());
    }
}

TEST_CASE("a restore leaves the live map alone until commit, and takes its old contents along") {
    // known bug 47
    persistent_map live, source;
    live.insert("old", bytes_of("1"));
    source.insert("new", bytes_of("2"));
    {
        persistent_map_restore writer(live);
        REQUIRE(write_stream(writer, stream_of(source.capture()), 5));
        CHECK(contents_of(live) == model{{"old", "1"}});
    }
    CHECK(contents_of(live) == model{{"old", "1"}});
    persistent_map_restore writer(live);
    REQUIRE(write_stream(writer, stream_of(source.capture()), 5));
    writer.commit();
    CHECK(contents_of(live) == model{{"new", "2"}});
}

TEST_CASE("an image that is cut, doubled or false is refused") {
    persistent_map map;
    for (u64 i = 0; i < 20; ++i) map.insert(key_of(i), bytes_of("value"));
    const std::vector<std::byte> whole = stream_of(map.capture());
    const auto restore = [](byte_span stream) {
        persistent_map into;
        persistent_map_restore writer(into);
        return write_stream(writer, stream, 16).why().code;
    };
    CHECK(restore(whole) == errc::ok);
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK(restore(byte_span(whole).first(size)) == errc::corrupt);
    std::vector<std::byte> changed = whole;
    changed.insert(changed.end(), whole.begin() + 16, whole.end());
    store_le(changed.data() + 8, u64{40});
    CHECK(restore(changed) == errc::corrupt);  // every key twice
    changed = whole;
    store_le(changed.data() + 8, u64{19});
    CHECK(restore(changed) == errc::corrupt);
    changed = whole;
    store_le(changed.data() + 4, u32{2});
    CHECK(restore(changed) == errc::incompatible);
    changed = whole;
    store_le(changed.data() + 16, ~u32{0});  // lengths beyond all bounds reserve nothing
    store_le(changed.data() + 20, ~u32{0});
    CHECK(restore(changed) == errc::corrupt);
    store_le(changed.data() + 16, u32{1} << 29);
    CHECK(restore(changed) == errc::corrupt);
}

TEST_CASE("chunks out of order, and after the end, are refused") {
    persistent_map map;
    map.insert("a", bytes_of("b"));
    const std::vector<std::byte> whole = stream_of(map.capture());
    persistent_map_restore writer(map);
    CHECK(writer.write(chunk{0, 1, buffer::copy_of(whole), true, true}).why().code ==
          errc::corrupt);
    CHECK(writer.write(chunk{1, 0, buffer::copy_of(whole), true, true}).why().code ==
          errc::corrupt);
    REQUIRE(writer.write(chunk{0, 0, buffer::copy_of(whole), true, true}));
    CHECK(writer.write(chunk{0, whole.size(), {}, true, true}).why().code == errc::corrupt);
}
