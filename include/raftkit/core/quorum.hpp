#pragma once
// Quorums over both halves of a configuration: what a majority has, and how a vote stands. An empty
// half agrees with everything. Raft §5.4.2 and §6; both majorities are needed while joint (known
// bugs 7 and 8).

#include <algorithm>
#include <array>

#include <raftkit/core/types.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

inline constexpr u64 everything = ~u64{0};

constexpr u64 middle_of(u64 a, u64 b, u64 c) noexcept {
    return std::max(std::min(a, b), std::min(std::max(a, b), c));
}

// The largest value that a majority of `values` reaches. Sorts its copy; three voters by
// comparisons alone.
inline u64 majority_of(u64* values, u32 count) noexcept {
    switch (count) {
        case 0: return everything;
        case 1: return values[0];
        case 2: return std::min(values[0], values[1]);
        case 3: return middle_of(values[0], values[1], values[2]);
        default: break;
    }
    std::sort(values, values + count);
    return values[(count - 1) / 2];
}

constexpr bool votes_incoming(const member& of) noexcept { return of.role == member_role::voter; }
constexpr bool votes_outgoing(const member& of, bool joint) noexcept {
    return joint && of.old_role == member_role::voter;
}

// The voters of both halves as positions in the leader's table of peers: what a leader counts with
// on every reply, without a search.
struct voter_table {
    static constexpr u8 self = 0xff;
    std::array<u8, peers_max> incoming{}, outgoing{};
    u32 incoming_count = 0, outgoing_count = 0;

    // `value_of(position) -> u64`; `own` is ours.
    template <class ValueOf>
    u64 agreed(u64 own, ValueOf&& value_of) const noexcept {
        const u64 first = half(incoming, incoming_count, own, value_of);
        if (outgoing_count == 0) return first;
        return std::min(first, half(outgoing, outgoing_count, own, value_of));
    }

private:
    template <class ValueOf>
    static u64 half(const std::array<u8, peers_max>& voters, u32 count, u64 own,
                    ValueOf&& value_of) noexcept {
        const auto value = [&](u32 k) { return voters[k] == self ? own : value_of(voters[k]); };
        if (count == 3) return middle_of(value(0), value(1), value(2));  // as most clusters have
        u64 values[peers_max];
        for (u32 k = 0; k < count; ++k) values[k] = value(k);
        return majority_of(values, count);
    }
};

// The largest value that both majorities reach; `value_of(node_id) -> u64`. O(members log members).
template <class ValueOf>
u64 agreed(const configuration& members, ValueOf&& value_of) noexcept {
    std::array<u64, peers_max> incoming{}, outgoing{};
    u32 in = 0, out = 0;
    for (const member& each : members.members) {
        if (votes_incoming(each)) incoming[in++] = value_of(each.id);
        if (votes_outgoing(each, members.joint)) outgoing[out++] = value_of(each.id);
    }
    return std::min(majority_of(incoming.data(), in), majority_of(outgoing.data(), out));
}

enum class vote_outcome : u8 { pending, won, lost };
enum class ballot : u8 { unknown, granted, refused };

// `ballot_of(node_id) -> ballot`. Decided as soon as both majorities are, or one can no longer be
// reached.
template <class BallotOf>
vote_outcome tally(const configuration& members, BallotOf&& ballot_of) noexcept {
    struct half {
        u32 voters = 0, granted = 0, refused = 0;
        void count(ballot cast) noexcept {
            ++voters;
            granted += cast == ballot::granted;
            refused += cast == ballot::refused;
        }
        bool won() const noexcept { return granted > voters / 2 || voters == 0; }
        bool lost() const noexcept { return voters > 0 && voters - refused <= voters / 2; }
    };
    half incoming, outgoing;
    for (const member& each : members.members) {
        if (votes_incoming(each)) incoming.count(ballot_of(each.id));
        if (votes_outgoing(each, members.joint)) outgoing.count(ballot_of(each.id));
    }
    if (incoming.won() && outgoing.won()) return vote_outcome::won;
    if (incoming.lost() || outgoing.lost()) return vote_outcome::lost;
    return vote_outcome::pending;
}

}  // namespace core

RAFTKIT_NAMESPACE_END
