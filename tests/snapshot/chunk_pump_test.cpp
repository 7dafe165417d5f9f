#include "support/snapshot_jobs.hpp"

#include <doctest/doctest.h>

#include <raftkit/snapshot/chunk_pump.hpp>

using namespace raftkit;
using snapshot_jobs::text_image;
using snapshot_jobs::text_of;

namespace {

struct pumped {
    std::vector<std::string> sections;
    std::vector<std::size_t> sizes;
    u32 section_ends = 0, ends = 0;
    u64 bytes = 0;
};

// Pulls everything and checks that section and offset are the next ones, every time.
template <class Image>
pumped pump_all(Image image, u32 chunk_bytes) {
    chunk_pump<Image> pump(chunk_bytes);
    pumped seen;
    while (!pump.ended()) {
        CHECK(pump.at_section() == (seen.section_ends == seen.sections.size()));
        if (pump.at_section()) seen.sections.emplace_back();
        result<chunk> got = pump.pull(image);
        REQUIRE(bool(got));
        CHECK(got->section + 1 == seen.sections.size());
        CHECK(got->offset == seen.sections.back().size());
        seen.sections.back() += as_text(got->bytes.bytes());
        seen.sizes.push_back(got->bytes.size());
        seen.section_ends += got->end_of_section ? 1 : 0;
        seen.ends += got->end ? 1 : 0;
    }
    seen.bytes = pump.bytes();
    CHECK(pump.sections() == seen.sections.size());
    return seen;
}

struct described : text_image {
    raftkit::section_meta section() const {
        raftkit::section_meta made;
        made.name = "users";
        return made;
    }
};

// Says what it is told to say.
struct liar {
    image_step says;
    result<image_step> next(std::span<std::byte>) { return says; }
};

}  // namespace

TEST_CASE("chunks are full although the image gives a few bytes at a time") {
    // known bug 61
    text_image image{{text_of(1000)}, 7};
    const pumped seen = pump_all(std::move(image), 256);
    CHECK(seen.sizes == std::vector<std::size_t>{256, 256, 256, 232});
    CHECK(seen.sections == std::vector<std::string>{text_of(1000)});
    CHECK(seen.bytes == 1000);
    CHECK(seen.ends == 1);
}

TEST_CASE("every section begins a chunk of its own and counts from offset 0") {
    const std::vector<std::string> sections{text_of(300), text_of(5, 'b'), text_of(256, 'c')};
    const pumped seen = pump_all(text_image{sections}, 256);
    CHECK(seen.sections == sections);
    CHECK(seen.sizes == std::vector<std::size_t>{256, 44, 5, 256});
    CHECK(seen.section_ends == 3);
    CHECK(seen.ends == 1);
}

TEST_CASE(
    "a section of an exact multiple of the chunk is whole, whenever its image learns of the end") {
    // scenario D55
    CHECK(pump_all(text_image{{text_of(512)}}, 256).sizes == std::vector<std::size_t>{256, 256});
    text_image late{{text_of(512)}};
    late.end_comes_late = true;
    const pumped seen = pump_all(std::move(late), 256);
    CHECK(seen.sizes == std::vector<std::size_t>{256, 256, 0});
    CHECK(seen.sections == std::vector<std::string>{text_of(512)});
    CHECK(seen.section_ends == 1);
}

TEST_CASE("an empty state is one empty chunk that ends everything") {
    // scenario D55
    const pumped seen = pump_all(text_image{{""}}, 256);
    CHECK(seen.sizes == std::vector<std::size_t>{0});
    CHECK(seen.section_ends == 1);
    CHECK(seen.ends == 1);
}

TEST_CASE("a chunk may be a single byte") {
    // scenario D55
    const pumped seen = pump_all(text_image{{text_of(40), text_of(3)}}, 1);
    CHECK(seen.sizes.size() == 43);
    CHECK(seen.sections == std::vector<std::string>{text_of(40), text_of(3)});
}

TEST_CASE("sections are named by the image, or numbered") {
    chunk_pump<described> named(16);
    described image;
    image.sections = {"x"};
    CHECK(named.describe(image).name == "users");

    chunk_pump<text_image> numbered(16);
    text_image plain{{"a", "b"}};
    CHECK(numbered.describe(plain).name == "state");
    REQUIRE(bool(numbered.pull(plain)));
    CHECK(numbered.describe(plain).name == "state-1");
}

TEST_CASE("an image that claims more than there was room for, or gets nowhere, is an error") {
    chunk_pump<liar> pump(16);
    liar image{{17, false, false}};
    CHECK(pump.pull(image).why().code == errc::corrupt);
    image.says = {0, false, false};
    CHECK(pump.pull(image).why().code == errc::corrupt);
    image.says = {16, false, true};
    CHECK(bool(pump.pull(image)));
    CHECK(pump.ended());
}

TEST_CASE("an image with more sections than a manifest can hold is refused") {
    chunk_pump<liar> pump(16);
    liar image{{1, true, false}};
    for (u32 count = 0; count < manifest_sections_max; ++count) REQUIRE(bool(pump.pull(image)));
    CHECK(pump.pull(image).why().code == errc::too_large);
}

TEST_CASE("an error of the image reaches the caller as it is") {
    text_image image{{text_of(100)}};
    image.fail_at = 32;
    image.fills_at_most = 16;
    chunk_pump<text_image> pump(64);
    CHECK(pump.pull(image).why().code == errc::io);
}
