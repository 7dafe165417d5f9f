#include <raftkit/core/configuration_change.hpp>
#include <raftkit/core/configuration_history.hpp>
#include <raftkit/core/snapshot_meta.hpp>

#include <doctest/doctest.h>

#include <raftkit/base/prng.hpp>

using namespace raftkit;

namespace {

member make(u64 id, member_role role) {
    member made;
    made.id = {id};
    made.role = role;
    made.address = "10.0.0." + std::to_string(id) + ":7000";
    return made;
}

configuration voters(u64 count) {
    configuration made;
    for (u64 id = 1; id <= count; ++id) made.members.push_back(make(id, member_role::voter));
    return made;
}

}  // namespace

TEST_CASE("a configuration and a snapshot's meta survive their encoding") {
    snapshot_meta meta;
    meta.id = {{{77}, {5}}, 0xabcdef};
    meta.members = voters(5);
    meta.members.index = {40};
    meta.members.joint = true;
    meta.members.members[2].old_role = member_role::voter;
    meta.members.members[3].incarnation = 0x1234560001;
    meta.bytes = 1u << 30;
    meta.digest = {1, 2};
    meta.sections = 3;
    meta.installing = true;
    meta.origin = snapshot_origin::installed;
    std::vector<std::byte> bytes;
    encode(meta, bytes);
    const auto back = decode_snapshot_meta(bytes);
    REQUIRE(back);
    CHECK(*back == meta);
    CHECK(bytes.size() <= snapshot_meta_bytes_max);
}

TEST_CASE("a damaged or cut encoding is refused or read as something valid, never more") {
    snapshot_meta meta;
    meta.id = {{{77}, {5}}, 1};
    meta.members = voters(3);
    std::vector<std::byte> bytes;
    encode(meta, bytes);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
        CHECK_FALSE(decode_snapshot_meta(byte_span(bytes).first(cut)));
    }
    prng random(5);
    for (int round = 0; round < 20'000; ++round) {
        std::vector<std::byte> hurt = bytes;
        for (u64 flips = random.between(1, 4); flips > 0; --flips) {
            hurt[random.below(hurt.size())] = static_cast<std::byte>(random.below(256));
        }
        const auto read = decode_snapshot_meta(hurt);
        if (!read || read->members.members.empty()) continue;
        CHECK_FALSE(check_configuration(read->members));
    }
}

TEST_CASE("a newer version is incompatible, not corrupt") {  // scenario D83
    std::vector<std::byte> bytes;
    encode(voters(1), bytes);
    bytes[0] = std::byte{9};
    CHECK(decode_configuration(bytes).why().code == errc::incompatible);
}

TEST_CASE("a change is refused with the reason when it can't be a configuration") {
    configuration none = voters(3);
    CHECK(core::join(voters(3), voters(3)).why().code == errc::invalid_change);  // nothing changes
    none.members.clear();
    CHECK_FALSE(core::join(voters(3), none));  // no voter left
    configuration zero = voters(3);
    zero.members[0].id = {};
    CHECK_FALSE(core::join(voters(3), zero));  // known bug 15
    configuration direct = voters(4);
    CHECK_FALSE(core::join(voters(3), direct));  // a new voter must be a learner first
    configuration twice = voters(3);
    twice.members.push_back(make(2, member_role::learner));
    CHECK_FALSE(core::join(voters(3), twice));
}

TEST_CASE("a joint configuration has both halves and leaves into the asked one") {
    configuration next = voters(2);
    next.members.push_back(make(9, member_role::learner));
    next.members[1].role = member_role::learner;  // 2 is demoted, 3 removed, 9 added
    const auto joint = core::join(voters(3), next);
    REQUIRE(joint);
    CHECK(joint->joint);
    CHECK(joint->votes({1}));
    CHECK(joint->votes({2}));  // still in the outgoing half (known bug 7)
    CHECK(joint->votes({3}));
    CHECK_FALSE(joint->votes({9}));
    const configuration left = core::leave(*joint);
    REQUIRE(left.members.size() == 3);
    CHECK(left.find({2})->role == member_role::learner);
    CHECK(left.find({3}) == nullptr);
    CHECK_FALSE(check_configuration(left));
}

TEST_CASE(
    "the configuration at an index is the newest at or below it, through truncation and "
    "compaction") {
    // known bugs 36, 37; scenarios D68, D69
    core::configuration_history history(voters(1));
    for (u64 index : {u64{10}, u64{20}, u64{30}}) {
        configuration next = voters(index / 10 + 1);
        next.index = {index};
        history.append(next);
    }
    CHECK(history.at({9}).members.size() == 1);
    CHECK(history.at({10}).members.size() == 2);
    CHECK(history.at({29}).members.size() == 3);
    CHECK(history.truncate({30}));
    CHECK(history.latest().index == index_t{20});
    CHECK_FALSE(history.truncate({25}));
    history.compact({15});
    CHECK(history.at({15}).index == index_t{10});
    CHECK(history.truncate({20}));  // a truncated change falls back to the base's own
    CHECK(history.latest().index == index_t{10});
}
