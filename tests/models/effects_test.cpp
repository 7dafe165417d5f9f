// recovery.md §3: disks that complete late and nodes that crash in between, with every hold-back of
// the core, and without one of them.

#include "raft_model.hpp"
#include "verdicts.hpp"

#include <doctest/doctest.h>

using namespace models;
using raft::hold_off;
using raft::model;
using raft::setup;

namespace {

constexpr const char* two_leaders = "a term has one leader";
constexpr const char* two_lives = "a node leads a term in one life";
constexpr const char* lost = "a leader has every committed entry";

setup three(hold_off off) {
    setup made;
    made.waits_max = 2;
    made.off = off;
    return made;
}
setup lonely(hold_off off) {
    setup made = three(off);
    made.voters = 1;
    made.terms = 3;
    made.entries = made.crashes = 2;
    return made;
}

// Five nodes. Node 0 led term 1; its entry is on its disk and on node 1's. Node 2 leads term 2 by
// the votes of 3 and 4, and has an entry of its own.
raft::state two_leaders_of_five() {
    raft::state first{};
    for (raft::u8 node = 0; node < 5; ++node) {
        raft::image& disk = first.nodes[node].disk;
        disk.term = node < 2 ? 1 : 2;
        disk.vote = node < 2 ? 1 : 3;
        if (node < 3) disk.log[0] = disk.term;
        first.nodes[node].memory = disk;
        if (node == 1) first.granted[1][node] = 1;
        if (node > 2) first.granted[2][node] = 3;
    }
    first.nodes[2].as = raft::role::leader;
    first.nodes[1].verified = 1;
    first.leader[1] = 1;
    first.leader[2] = 3;
    first.asked[1][0] = first.asked[2][2] = 1;
    first.leader_log[1][0] = 1;
    first.leader_log[2][0] = 2;
    first.acked[1][1] = 1;
    return first;
}

}  // namespace

TEST_CASE("with every hold-back a crash between any two effects breaks nothing") {
    must_hold(model(three(hold_off::none)), 600'000);
    must_hold(model(lonely(hold_off::none)), 1'000);
}

TEST_CASE("a second crash or a third term breaks nothing") {
    if (scale() == 1) return;  // minutes
    setup wide = three(hold_off::none);
    wide.crashes = 2;
    must_hold_up_to(model(wide), 5'000'000);
    wide.crashes = 1;
    wide.terms = 3;
    must_hold_up_to(model(wide), 5'000'000);
}

TEST_CASE("the effects of a joint configuration in any order break nothing") {
    setup joint = three(hold_off::none);
    joint.voters = 4;
    joint.old_half = 0b0111;
    joint.new_half = 0b1110;
    joint.waits_max = 1;
    joint.candidates = 0b0101;
    must_hold_up_to(model(joint), 300'000);
}

TEST_CASE("a vote that is told before it is written is given twice") {
    must_break(model(three(hold_off::vote_reply)), two_leaders);
}

TEST_CASE("a request before the own term is written lets a node lead a term in two lives") {
    must_break(model(three(hold_off::vote_request)), two_lives);
}

TEST_CASE("an own vote that counts before it is written is forgotten") {
    must_break(model(lonely(hold_off::own_vote)), two_lives);
}

TEST_CASE("an acknowledgement of what is not written loses what is committed") {
    must_break(model(three(hold_off::append_reply)), lost);
}

TEST_CASE("an own match that counts before it is written loses what is committed") {
    must_break(model(three(hold_off::own_match)), lost);
    must_break(model(lonely(hold_off::own_match)), lost);
}

TEST_CASE("an entry that its leader truncates may be committed all the same") {
    setup five;
    five.voters = 5;
    five.terms = 3;
    five.entries = 2;
    five.crashes = 0;
    five.says_undone = true;
    five.candidates = 0b00010;
    must_break(model(five, two_leaders_of_five()), "what is undone is never done");
}
