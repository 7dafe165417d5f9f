// node.identity: whole or not at all, and nobody else's.

#include <doctest/doctest.h>

#include <raftkit/storage/identity.hpp>
#include <raftkit/testing/sim/disk.hpp>

using namespace raftkit;
using raftkit::testing::power_cut_odds;
using raftkit::testing::sim_disk;
using raftkit::testing::sim_files;

namespace {

node_identity some_identity(u64 mark) {
    return {{1, 2, {3}, incarnation_from(mark << 20)}, {true, {{{4}, mark}, {{5}, mark + 1}}}};
}
bool same(const node_identity& a, const node_identity& b) {
    return a.self.cluster == b.self.cluster && a.self.group == b.self.group &&
           a.self.self == b.self.self && a.self.incarnation == b.self.incarnation &&
           a.peers == b.peers;
}

}  // namespace

TEST_CASE("an identity comes back as it was written; any changed or missing byte is damage") {
    // scenario I120
    const node_identity written = some_identity(9);
    std::vector<std::byte> bytes = encode_identity(written);
    const auto found = decode_identity(bytes);
    REQUIRE(found);
    CHECK(same(*found, written));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        bytes[at] ^= std::byte{1};
        CHECK_FALSE(decode_identity(bytes));
        bytes[at] ^= std::byte{1};
        CHECK(decode_identity(byte_span(bytes).first(at)).why().code == errc::corrupt);
    }
}

TEST_CASE("a count that does not fit is damage, not an allocation") {
    std::vector<std::byte> bytes = encode_identity(some_identity(9));
    store_le(bytes.data() + 56, u64{1} << 60);
    store_le(bytes.data() + 8, mask_crc(crc32c(byte_span(bytes).subspan(12))));
    CHECK(decode_identity(bytes).why().code == errc::corrupt);
}

TEST_CASE("a newer identity is incompatible") {
    std::vector<std::byte> bytes = encode_identity(some_identity(9));
    store_le(bytes.data() + 12, identity_version + 1);
    store_le(bytes.data() + 8, mask_crc(crc32c(byte_span(bytes).subspan(12))));
    CHECK(decode_identity(bytes).why().code == errc::incompatible);
}

TEST_CASE("a crash at any call of a write leaves the old identity or the new one") {
    for (u64 nth = 1; nth < 20; ++nth) {
        for (const bool power : {false, true}) {
            sim_disk disk(nth);
            identity_store<sim_files> store(disk.files(), "/data", 0640);
            {
                REQUIRE(store.lock());
                REQUIRE(store.make_name_durable());
            }
            REQUIRE(store.write(some_identity(1)));
            disk.crash_at(
                nth, nth % 2 == 0 ? testing::crash_moment::inside : testing::crash_moment::before);
            const bool done = bool(store.write(some_identity(2)));
            CHECK(done != disk.crashed());
            if (power) {
                disk.power_cut(power_cut_odds{300'000, 300'000});
            } else {
                disk.process_crash();
            }
            const auto found = store.read();
            REQUIRE(found);
            REQUIRE(found->has_value());
            const bool fresh = same(**found, some_identity(2));
            CHECK((fresh || same(**found, some_identity(1))));
            if (done) CHECK(fresh);
        }
    }
}

TEST_CASE("a missing identity is nothing, an unreadable one is an error") {
    sim_disk disk(1);
    identity_store<sim_files> store(disk.files(), "/data", 0640);
    REQUIRE(store.lock());
    const auto none = store.read();
    REQUIRE(none);
    CHECK_FALSE(none->has_value());
    REQUIRE(store.write(some_identity(1)));
    disk.fail(testing::disk_call::read, 1, 5);
    CHECK(store.read().why().code == errc::io);
}

TEST_CASE("the stored identity must be the one that was asked for") {
    const identity stored{1, 2, {3}, 4};
    const auto verdict = [&](identity asked) {
        return identity_store<sim_files>::mistake(stored, asked).code;
    };
    CHECK(verdict({1, 2, {3}, 0}) == errc::ok);
    CHECK(verdict({0, 2, {3}, 0}) == errc::ok);
    CHECK(verdict({9, 2, {3}, 0}) == errc::foreign);
    CHECK(verdict({1, 9, {3}, 0}) == errc::foreign);
    CHECK(verdict({1, 2, {9}, 0}) == errc::foreign);
}

TEST_CASE("an incarnation is never 0, and its low 16 bits are free to count") {
    CHECK(incarnation_from(0) > 0);
    CHECK((incarnation_from(0x123456789abcdef0) & 0xffff) == 0);
    CHECK(incarnation_from(0x123456789abcdef0) == 0x123456789abc0000);
}

TEST_CASE("the parent of a directory") {
    using store = identity_store<sim_files>;
    CHECK(store::parent_of("/a/b") == "/a");
    CHECK(store::parent_of("/a/b/") == "/a");
    CHECK(store::parent_of("/a") == "/");
    CHECK(store::parent_of("a") == ".");
    CHECK(store::parent_of("a/b") == "a");
}
