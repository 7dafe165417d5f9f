#include <doctest/doctest.h>

#include <raftkit/base/prng.hpp>
#include <raftkit/snapshot/manifest.hpp>

using namespace raftkit;

namespace {

snapshot_manifest sample() {
    snapshot_manifest made;
    made.meta.id = {{{9}, {3}}, 0x100000007};
    made.meta.members.index = {4};
    made.meta.members.members = {{{1}, member_role::voter, member_role::none, 77, "127.0.0.1:7101"},
                                 {{2}, member_role::learner, member_role::none, 0, ""}};
    made.meta.origin = snapshot_origin::installed;
    made.meta.installing = true;
    made.codec = 5;
    made.chunk_bytes = 4096;
    made.created_at_unix_ms = 1'700'000'000'000;
    made.took = milliseconds(12);
    section_meta state;
    state.name = "state";
    state.bytes = 10'000;
    state.digest = {1, 2};
    section_meta file;
    file.name = std::string(255, 'f');
    file.bytes = 7;
    file.external_id = "elsewhere";
    file.origin = section_origin::referenced;
    file.user_meta.assign(300, std::byte{9});
    made.sections = {state, file};
    made.meta.sections = 2;
    made.meta.bytes = 10'007;
    made.meta.digest = digest_of(made.sections);
    return made;
}

std::vector<std::byte> encoded(const snapshot_manifest& of) {
    std::vector<std::byte> bytes;
    encode(of, bytes);
    return bytes;
}

void seal(std::vector<std::byte>& bytes) {
    store_le(bytes.data() + 12, static_cast<u32>(bytes.size()));
    store_le(bytes.data() + 16, detail::manifest_crc(bytes));
}

}  // namespace

TEST_CASE("a manifest survives encoding, field by field") {
    const snapshot_manifest made = sample();
    const std::vector<std::byte> bytes = encoded(made);
    CHECK(bytes.size() == encoded_bytes(made));
    result<snapshot_manifest> read = decode_manifest(bytes);
    REQUIRE(read);
    CHECK(*read == made);
}

TEST_CASE("a manifest without sections is one of an empty snapshot") {
    snapshot_manifest made = sample();
    made.sections.clear();
    made.meta.sections = 0;
    made.meta.bytes = 0;
    made.meta.digest = digest_of(made.sections);
    result<snapshot_manifest> read = decode_manifest(encoded(made));
    REQUIRE(read);
    CHECK(*read == made);
}

TEST_CASE("every flipped bit of a manifest is found") {  // scenario D50
    std::vector<std::byte> bytes = encoded(sample());
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (int bit = 0; bit < 8; ++bit) {
            bytes[at] ^= std::byte(1 << bit);
            result<snapshot_manifest> read = decode_manifest(bytes);
            CHECK_FALSE(read);
            bytes[at] ^= std::byte(1 << bit);
        }
    }
}

TEST_CASE("every shortened or lengthened manifest is refused") {
    std::vector<std::byte> bytes = encoded(sample());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CHECK(decode_manifest(byte_span(bytes).first(size)).why().code == errc::corrupt);
    }
    bytes.push_back({});
    CHECK(decode_manifest(bytes).why().code == errc::corrupt);
}

TEST_CASE("a manifest of a newer version is incompatible, not corrupt") {  // scenario D83
    std::vector<std::byte> bytes = encoded(sample());
    store_le(bytes.data() + 8, u16{manifest_version + 1});
    CHECK(decode_manifest(bytes).why().code == errc::corrupt);  // damage comes first
    seal(bytes);
    CHECK(decode_manifest(bytes).why().code == errc::incompatible);
}

TEST_CASE("a newer format of snapshots is incompatible") {  // scenario D83
    snapshot_manifest made = sample();
    made.meta.format = snapshot_format + 1;
    CHECK(decode_manifest(encoded(made)).why().code == errc::incompatible);
}

TEST_CASE("a manifest whose sums disagree is corrupt although its checksum is right") {
    const auto code_after = [](auto&& change) {
        snapshot_manifest made = sample();
        change(made);
        return decode_manifest(encoded(made)).why().code;
    };
    CHECK(code_after([](snapshot_manifest&) {}) == errc::ok);
    CHECK(code_after([](snapshot_manifest& m) { ++m.meta.bytes; }) == errc::corrupt);
    CHECK(code_after([](snapshot_manifest& m) { ++m.meta.sections; }) == errc::corrupt);
    CHECK(code_after([](snapshot_manifest& m) { ++m.meta.digest[1]; }) == errc::corrupt);
    CHECK(code_after([](snapshot_manifest& m) { ++m.sections[0].digest[0]; }) == errc::corrupt);
    CHECK(code_after([](snapshot_manifest& m) { m.chunk_bytes = 0; }) == errc::corrupt);
    CHECK(code_after([](snapshot_manifest& m) { m.chunk_bytes = stored_chunk_bytes_max + 1; }) ==
          errc::corrupt);
    CHECK(code_after([](snapshot_manifest& m) { m.sections[0].bytes = ~u64{0}; }) == errc::corrupt);
    CHECK(code_after([](snapshot_manifest& m) { m.sections[0].name.assign(256, 'x'); }) ==
          errc::corrupt);
    CHECK(code_after([](snapshot_manifest& m) {
              m.sections[0].user_meta.resize((64u << 10) + 1);
          }) == errc::corrupt);
}

TEST_CASE("counts and lengths from outside reserve nothing") {
    // S000-40
    const std::vector<std::byte> good = encoded(sample());
    const std::size_t count_at = manifest_frame_bytes + 28;
    for (const u32 count : {3u, 4096u, 4097u, ~0u}) {
        std::vector<std::byte> bytes = good;
        store_le(bytes.data() + count_at, count);
        seal(bytes);
        CHECK(decode_manifest(bytes).why().code == errc::corrupt);
    }
    std::vector<std::byte> bytes = good;
    store_le(bytes.data() + count_at - 4, ~u32{0});  // the length of the meta
    seal(bytes);
    CHECK(decode_manifest(bytes).why().code == errc::corrupt);
}

TEST_CASE("random bytes behind a right checksum never crash the decoder") {
    const std::vector<std::byte> good = encoded(sample());
    prng random(7);
    u32 accepted = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::vector<std::byte> bytes = good;
        for (u64 changes = random.between(1, 4); changes > 0; --changes) {
            const std::size_t at = random.between(manifest_frame_bytes, bytes.size() - 1);
            bytes[at] = static_cast<std::byte>(random.next());
        }
        if (random.chance(200'000))
            bytes.resize(random.between(manifest_frame_bytes, bytes.size()));
        seal(bytes);
        result<snapshot_manifest> read = decode_manifest(bytes);
        if (!read) continue;
        ++accepted;
        CHECK_FALSE(check_manifest(*read));
    }
    CHECK(accepted > 0);  // names, times and members may say anything
    CHECK(accepted < 20'000);
}
