#include <raftkit/core/quorum.hpp>

#include <doctest/doctest.h>

#include <raftkit/base/prng.hpp>

#include <map>
#include <set>

using namespace raftkit;

namespace {

configuration random_members(prng& random) {
    configuration made;
    made.joint = random.chance(500'000);
    for (u64 id = 1; id <= random.between(1, 7); ++id) {
        member each;
        each.id = {id};
        each.role = static_cast<member_role>(random.below(3));
        each.old_role = made.joint ? static_cast<member_role>(random.below(3)) : member_role::none;
        made.members.push_back(each);
    }
    return made;
}

// What the word says: more than half of the voters of a half have at least the value.
bool reached_by_both(const configuration& members, const std::map<u64, u64>& values, u64 value) {
    const auto half = [&](auto votes) {
        u32 voters = 0, have = 0;
        for (const member& each : members.members) {
            if (!votes(each)) continue;
            ++voters;
            have += values.at(each.id.value) >= value;
        }
        return voters == 0 || have > voters / 2;
    };
    return half([](const member& m) { return m.role == member_role::voter; }) &&
           half([&](const member& m) { return members.joint && m.old_role == member_role::voter; });
}

}  // namespace

TEST_CASE("the agreed value is the largest that both majorities reach") {  // known bug 23
    prng random(7);
    for (int round = 0; round < 20'000; ++round) {
        const configuration members = random_members(random);
        std::map<u64, u64> values;
        for (const member& each : members.members) values[each.id.value] = random.below(6);
        const u64 agreed = core::agreed(members, [&](node_id id) { return values.at(id.value); });
        if (agreed == core::everything) {
            CHECK(reached_by_both(members, values, core::everything));
            continue;
        }
        CHECK(reached_by_both(members, values, agreed));
        CHECK_FALSE(reached_by_both(members, values, agreed + 1));
    }
}

// known bugs 7, 8
TEST_CASE("a vote is decided as soon as both majorities are, or one can not be reached any more") {
    prng random(8);
    for (int round = 0; round < 20'000; ++round) {
        const configuration members = random_members(random);
        std::map<u64, u64> granted, possible;
        std::map<u64, core::ballot> cast;
        for (const member& each : members.members) {
            const auto ballot = static_cast<core::ballot>(random.below(3));
            cast[each.id.value] = ballot;
            granted[each.id.value] = ballot == core::ballot::granted;
            possible[each.id.value] = ballot != core::ballot::refused;
        }
        const auto outcome = core::tally(members, [&](node_id id) { return cast.at(id.value); });
        const bool won = reached_by_both(members, granted, 1);
        const bool can_win = reached_by_both(members, possible, 1);
        CHECK(outcome == (won       ? core::vote_outcome::won
                          : can_win ? core::vote_outcome::pending
                                    : core::vote_outcome::lost));
    }
}

TEST_CASE("two of four voters are no majority") {
    // scenario C36, known bug 90: nor is it off by one with even numbers
    u64 four[] = {5, 5, 3, 3};
    CHECK(core::majority_of(four, 4) == 3);
}
