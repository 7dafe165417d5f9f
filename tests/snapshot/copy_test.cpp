#include <doctest/doctest.h>

#include <raftkit/snapshot/capture/copy.hpp>

#include <string>
#include <vector>

using namespace raftkit;

namespace {

template <class Bytes>
Bytes through(const Bytes& from, std::size_t chunk_bytes) {
    copy_image<Bytes> image(from);
    Bytes live;
    copy_restore<Bytes> writer(live);
    std::vector<std::byte> chunk_of(chunk_bytes);
    for (u64 offset = 0;;) {
        const result<image_step> step = image.next(chunk_of);
        REQUIRE(step);
        REQUIRE(writer.write({0, offset, buffer::copy_of(byte_span(chunk_of).first(step->bytes)),
                              step->end_of_section, step->end}));
        offset += step->bytes;
        if (step->end) break;
    }
    CHECK(live.empty());  // until commit
    writer.commit();
    return live;
}

}  // namespace

TEST_CASE("a copied state goes through chunks of any size") {  // scenario D55
    const std::string state = "a state of forty bytes, more or less....";
    for (const std::size_t chunk_bytes : {1u, 7u, 20u, 40u, 41u, 4096u})
        CHECK(through(state, chunk_bytes) == state);
    CHECK(through(std::string(), 10).empty());
    const std::vector<std::byte> bytes(300, std::byte{9});
    CHECK(through(bytes, 100) == bytes);
}

TEST_CASE("a copied image does not change with the state") {
    std::string state = "then";
    copy_image<std::string> image(state);
    state = "now!";
    std::array<std::byte, 16> into{};
    const result<image_step> step = image.next(into);
    REQUIRE(step);
    CHECK(as_text(byte_span(into).first(step->bytes)) == "then");
}

TEST_CASE("a copy that is restored takes chunks in order only") {
    std::string live = "old";
    copy_restore<std::string> writer(live);
    REQUIRE(writer.write({0, 0, buffer::copy_of(as_bytes("abc")), false, false}));
    CHECK(writer.write({0, 0, buffer::copy_of(as_bytes("abc")), false, false}).why().code ==
          errc::corrupt);
    CHECK(writer.write({0, 4, buffer::copy_of(as_bytes("abc")), false, false}).why().code ==
          errc::corrupt);
    CHECK(writer.write({1, 3, buffer::copy_of(as_bytes("abc")), false, false}).why().code ==
          errc::corrupt);
    REQUIRE(writer.write({0, 3, {}, true, true}));
    CHECK(writer.write({0, 3, {}, true, true}).why().code == errc::corrupt);
    CHECK(live == "old");
    writer.commit();
    CHECK(live == "abc");
}
