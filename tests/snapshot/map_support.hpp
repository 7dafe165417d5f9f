#pragma once
// Reading maps and their images back, for the tests of captures.

#include <doctest/doctest.h>

#include <raftkit/snapshot/capture/persistent_map.hpp>

#include <map>
#include <string>

namespace map_support {

using namespace raftkit;

using model = std::map<std::string, std::string>;

inline byte_span bytes_of(const std::string& text) { return as_bytes(text); }
inline std::string text_of(std::optional<byte_span> value) {
    return value ? std::string(as_text(*value)) : std::string("(none)");
}

inline model contents_of(const persistent_map& map) {
    model all;
    map.for_each([&](std::string_view key, byte_span value) {
        CHECK(all.emplace(std::string(key), std::string(as_text(value))).second);
    });
    return all;
}

inline std::vector<std::byte> stream_of(persistent_map_image image,
                                        std::size_t chunk_bytes = 4096) {
    std::vector<std::byte> all, chunk(chunk_bytes);
    for (;;) {
        const result<image_step> step = image.next(chunk);
        REQUIRE(step);
        all.insert(all.end(), chunk.begin(), chunk.begin() + step->bytes);
        if (step->end) return all;
        REQUIRE(step->bytes > 0);
    }
}

inline result<void> write_stream(persistent_map_restore& to, byte_span stream,
                                 std::size_t chunk_bytes) {
    u64 offset = 0;
    do {
        const byte_span part =
            stream.subspan(offset, std::min(chunk_bytes, stream.size() - offset));
        const bool end = offset + part.size() == stream.size();
        const result<void> written = to.write(chunk{0, offset, buffer::copy_of(part), end, end});
        if (!written) return written;
        offset += part.size();
    } while (offset < stream.size());
    return {};
}

inline model contents_of(persistent_map_image image) {
    persistent_map restored;
    persistent_map_restore writer(restored);
    REQUIRE(write_stream(writer, stream_of(std::move(image)), 1000));
    writer.commit();
    return contents_of(restored);
}

inline std::string key_of(u64 number) { return "key:" + std::to_string(number); }

}  // namespace map_support
