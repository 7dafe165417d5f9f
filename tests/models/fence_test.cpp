// recovery.md §4: voters that lost what they had promised. The fence is the kit's own class; the
// rules beside it must fail. Beyond the table: a second crash behind the fence, two damaged voters,
// and joint configurations.

#include "raft_model.hpp"
#include "verdicts.hpp"

#include <doctest/doctest.h>

using namespace models;
using raft::fenced_vote;
using raft::harm;
using raft::lift;
using raft::lost_term;
using raft::model;
using raft::setup;

namespace {

constexpr const char* lost = "a leader has every committed entry";
constexpr const char* two_leaders = "a term has one leader";
constexpr const char* two_lives = "a node leads a term in one life";

// Node 0 loses the end of its log; the others are alike.
setup suffix_lost() {
    setup made;
    made.crashes = 0;
    made.damages = 1;
    made.may_break = 1;
    return made;
}
setup fenced(lift by) {
    setup made = suffix_lost();
    made.lifts = by;
    return made;
}
setup votes(fenced_vote how, bool known) {
    setup made = suffix_lost();
    made.votes = how;
    made.acked_known = known;
    return made;
}
setup hard_state_lost(lost_term how, raft::u8 voters, harm kind = harm::hard_state) {
    setup made;
    made.crashes = 0;
    made.damages = 1;
    made.may_break = 2;
    made.voters = voters;
    made.kind = kind;
    made.learns = how;
    if (voters == 5) made.candidates = 0b101;
    return made;
}
setup joint(setup made) {
    made.voters = 4;
    made.old_half = 0b0111;
    made.new_half = 0b1110;
    made.may_break = 0b0010;  // in both halves
    return made;
}

// Node 1 leads term 1 by everybody's vote; node 0 acknowledged its entries, node 2 has none.
raft::state acknowledged(raft::u8 entries) {
    raft::state first{};
    for (raft::u8 node = 0; node < 3; ++node) {
        raft::image& disk = first.nodes[node].disk;
        disk.term = 1;
        disk.vote = 2;
        for (raft::u8 at = 0; at < entries && node < 2; ++at) disk.log[at] = 1;
        first.nodes[node].memory = disk;
        if (node != 1) first.granted[1][node] = 2;
    }
    first.nodes[1].as = raft::role::leader;
    first.nodes[0].verified = entries;
    first.leader[1] = 2;
    first.asked[1][1] = 1;
    first.leader_log[1] = first.nodes[1].disk.log;
    first.acked[1][0] = entries;
    return first;
}

}  // namespace

TEST_CASE("the kit's fence keeps what a voter with a short log had acknowledged") {
    for (const bool known : {true, false}) {
        setup two_terms = votes(fenced_vote::kit, known);
        must_hold(model(two_terms), 20'000);
        setup wide = two_terms;
        wide.terms = 3;
        wide.entries = 2;
        must_hold_up_to(model(wide), 400'000);
        must_hold_up_to(model(wide, acknowledged(2)), 400'000);
    }
}

TEST_CASE("a second crash behind the fence keeps it") {
    setup crashed = suffix_lost();
    crashed.crashes = 1;
    must_hold(model(crashed), 50'000);
    crashed.terms = 3;
    must_hold_up_to(model(crashed), 400'000);
}

TEST_CASE("a fence that a second crash forgets is none") {
    setup forgetful = suffix_lost();
    forgetful.crashes = 1;
    forgetful.fence_durable = false;
    must_break(model(forgetful), lost);
}

TEST_CASE("a damaged voter of a joint configuration keeps what it had acknowledged") {
    must_hold_up_to(model(joint(suffix_lost())), 400'000);
    must_break(model(joint(votes(fenced_vote::by_short_log, true))), lost);
}

TEST_CASE("votes by the short log elect who lacks a committed entry") {
    must_break(model(votes(fenced_vote::by_short_log, true)), lost);
}

TEST_CASE("a fence that falls at the first append falls too early") {
    must_break(model(fenced(lift::first_append)), lost);
}

TEST_CASE("a fence that falls at a leader's commit index falls too early") {
    must_break(model(fenced(lift::leader_commit)), lost);
}

TEST_CASE("a new leader does not know what is committed, whatever it forgets of old acks") {
    setup counted = fenced(lift::leader_commit);
    counted.terms = 3;
    counted.drops_old_acks = true;
    must_break(model(counted), lost);
}

TEST_CASE("a fence falls when the log is the leader's whole one, or has all of L") {
    must_hold(model(fenced(lift::whole_log)), 20'000);
    must_hold(model(fenced(lift::own_log)), 20'000);
}

TEST_CASE("a voter without its term must not trust what is left") {
    must_break(model(hard_state_lost(lost_term::trusted, 3)), two_lives);
    must_break(model(hard_state_lost(lost_term::trusted, 5)), two_leaders);
}

TEST_CASE("one leader's word, or that of too few, does not bring back a lost vote") {
    must_break(model(hard_state_lost(lost_term::leader_contact, 3)), two_leaders);
    must_break(model(hard_state_lost(lost_term::few_others, 3)), two_lives);
    must_break(model(hard_state_lost(lost_term::few_others, 5)), two_leaders);
}

TEST_CASE("a majority of the others is enough for three voters and not for five") {
    must_hold(model(hard_state_lost(lost_term::majority_of_others, 3)), 100'000);
    must_break(model(hard_state_lost(lost_term::majority_of_others, 5)), two_leaders);
}

TEST_CASE("all others together bring back what a voter without its hard state may not do") {
    must_hold(model(hard_state_lost(lost_term::all_others, 3)), 100'000);
    must_hold(model(hard_state_lost(lost_term::all_others, 3, harm::everything)), 100'000);
    must_hold_up_to(model(hard_state_lost(lost_term::all_others, 5)), 400'000);
    must_hold_up_to(model(hard_state_lost(lost_term::all_others, 5, harm::everything)), 400'000);
    must_hold_up_to(model(joint(hard_state_lost(lost_term::all_others, 4))), 300'000);
}

TEST_CASE("a voter that lost everything loses an entry if too few bring it back") {
    must_break(model(hard_state_lost(lost_term::few_others, 3, harm::everything)), lost);
}
