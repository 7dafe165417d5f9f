#include <raftkit/snapshot/transfer_chunks.hpp>

#include <doctest/doctest.h>

using namespace raftkit;

namespace {

transfer_chunks cut(std::initializer_list<u64> sizes, u32 chunk_bytes) {
    std::vector<section_meta> sections;
    for (const u64 size : sizes) {
        sections.emplace_back();
        sections.back().bytes = size;
    }
    return transfer_chunks(sections, chunk_bytes);
}

}  // namespace

TEST_CASE("chunks are numbered over all sections, empty ones have none") {
    const transfer_chunks chunks = cut({600, 0, 0, 100, 256, 0}, 256);
    REQUIRE(chunks.count() == 5);
    struct row {
        u32 section;
        u64 offset;
        u32 bytes;
    };
    const row rows[] = {{0, 0, 256}, {0, 256, 256}, {0, 512, 88}, {3, 0, 100}, {4, 0, 256}};
    for (u64 number = 0; number < 5; ++number) {
        CAPTURE(number);
        const transfer_chunk at = chunks.at(number);
        CHECK(at.section == rows[number].section);
        CHECK(at.offset == rows[number].offset);
        CHECK(at.bytes == rows[number].bytes);
        const std::optional<transfer_chunk> found = chunks.find(at.section, at.offset);
        REQUIRE(found.has_value());
        CHECK(found->number == number);
        CHECK(found->bytes == at.bytes);
    }
}

TEST_CASE("a place where no chunk begins is none, whatever a peer names") {
    const transfer_chunks chunks = cut({600, 0}, 256);
    CHECK_FALSE(chunks.find(0, 1).has_value());
    CHECK_FALSE(chunks.find(0, 768).has_value());
    CHECK_FALSE(chunks.find(1, 0).has_value());
    CHECK_FALSE(chunks.find(2, 0).has_value());
    CHECK_FALSE(chunks.find(~u32{0}, 0).has_value());
    CHECK_FALSE(chunks.find(0, ~u64{0} - 255).has_value());
}

TEST_CASE("an empty snapshot, exact multiples and chunks of one byte are counted right") {
    // scenario D55
    CHECK(cut({}, 256).count() == 0);
    CHECK(cut({0}, 256).count() == 0);
    CHECK(cut({512}, 256).count() == 2);
    CHECK(cut({512}, 256).at(1).bytes == 256);
    CHECK(cut({3, 2}, 1).count() == 5);
    CHECK(cut({3, 2}, 1).at(4).offset == 1);
    CHECK(cut({u64{1} << 56}, 1).count() == u64{1} << 56);  // arithmetic alone: nothing is reserved
}
