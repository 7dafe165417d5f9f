#pragma once
// A few voters of Raft as plain bytes. Replies live for ever and are kept as what they say (who
// granted whom, who acknowledged how much to which leader): the worst case for stale messages. A
// leader's log of a term only grows, so an append is any first part of it.

#include "explorer.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace models::raft {

using u8 = std::uint8_t;

constexpr u8 voters_max = 5;
constexpr u8 terms_max = 3;
constexpr u8 entries_max = 2;
constexpr u8 nobody = 0;         // of votes: node + 1 otherwise
constexpr u8 no_more_votes = 9;  // a vote that is spent on nobody

using entries = std::array<u8, entries_max>;  // terms; 0 behind the last

inline u8 length(const entries& of) {
    u8 count = 0;
    while (count < entries_max && of[count] != 0) ++count;
    return count;
}
inline u8 term_at(const entries& of, u8 index) { return index == 0 ? u8{0} : of[index - 1u]; }
inline u8 last_term(const entries& of) { return term_at(of, length(of)); }
// How far the first `upto` entries are the same.
inline u8 common(const entries& a, const entries& b, u8 upto) {
    u8 same = 0;
    while (same < upto && a[same] != 0 && a[same] == b[same]) ++same;
    return same;
}

struct image {  // what a disk keeps
    u8 term = 0, vote = nobody;
    entries log{};
    bool operator==(const image&) const = default;
};

enum class role : u8 { follower, candidate, leader };

struct fence {
    u8 up = 0, known = 0;                 // L is known
    u8 acked = 0, acked_term = 0;         // L
    u8 at_damage = 0;                     // H
    u8 to = 0, to_term = 0, to_last = 0;  // introduced to this leader (+1), whose last was then
    u8 whole_at = 0;  // the leader's last of a message behind the introduction, +1
};

struct voter {
    image memory, disk;
    std::array<image, 2> waiting;  // on their way to the disk, in order
    u8 waits = 0;
    role as = role::follower;
    u8 commit = 0, verified = 0;  // verified: equal to the log of its term's leader
    fence behind;
    u8 damaged = 0;                             // a new incarnation
    u8 blocked = 0, heard = 0, heard_term = 0;  // hard state lost
};

struct state {
    std::array<voter, voters_max> nodes;
    std::array<u8, terms_max + 1> leader;  // ever; node + 1
    std::array<entries, terms_max + 1> leader_log;
    std::array<std::array<u8, voters_max>, terms_max + 1> granted, asked, asked_term, acked;
    std::array<std::array<u8, voters_max>, terms_max + 1> acked_before;  // by the old incarnation
    std::array<u8, terms_max + 1> introduced;  // mask: whose new incarnation this leader knows
    entries committed;
    std::array<u8, entries_max> committed_in;
    entries undone;  // terms of entries that their leader said were not done
    u8 crashes, damages;
    u8 wrong;
};

}  // namespace models::raft
