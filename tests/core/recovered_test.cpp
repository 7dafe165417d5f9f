#include <raftkit/core/recovered.hpp>

#include <doctest/doctest.h>

using namespace raftkit;
using core::reconcile;
using core::start_action;

namespace {

struct seen {
    core::recovered made;
    seen& hard(u64 term, u64 commit_hint = 0) {
        made.hard.term = {term};
        made.hard.commit_hint = {commit_hint};
        return *this;
    }
    seen& log(u64 base, u64 base_term, std::vector<log_id> starts, u64 last) {
        made.base.at = {{base}, {base_term}};
        made.term_runs = starts;
        made.last = {{last}, starts.empty() ? term_t{base_term} : starts.back().term};
        return *this;
    }
    seen& snapshot(u64 index, u64 term, bool installing = false) {
        snapshot_meta meta;
        meta.id.at = {{index}, {term}};
        meta.installing = installing;
        made.snapshot = meta;
        return *this;
    }
    core::start_plan plan() const { return reconcile(made); }
};

void expect(const seen& what, start_action action, u8 row) {
    const core::start_plan plan = what.plan();
    CHECK(plan.action == action);
    CHECK(plan.row == row);
    CHECK((plan.action == start_action::damaged) == (plan.why[0] != '\0'));
}

}  // namespace

// The rows of the start plan, design §10 and recovery.md §2.
TEST_CASE(
    "row 1: a log or a snapshot of a later term than the hard state's is damage") {  // S002-09,
                                                                                     // S002-13
    expect(seen().hard(2).log(0, 0, {{{1}, {3}}}, 5), start_action::damaged, 1);
    expect(seen().hard(2).log(0, 0, {{{1}, {2}}}, 5).snapshot(3, 3), start_action::damaged, 1);
    expect(seen().hard(3).log(0, 0, {{{1}, {3}}}, 5), start_action::replay, 3);
}

TEST_CASE("row 2: a log that ends before what was committed is damage") {  // S002-13
    expect(seen().hard(2, 6).log(0, 0, {{{1}, {2}}}, 5), start_action::damaged, 2);
    expect(seen().hard(2, 5).log(0, 0, {{{1}, {2}}}, 5), start_action::replay, 3);
    expect(seen().hard(2, 6).log(0, 0, {{{1}, {2}}}, 5).snapshot(6, 2, true),
           start_action::reset_to_snapshot, 7);
    expect(seen().hard(2, 6).log(0, 0, {{{1}, {2}}}, 5).snapshot(6, 2, false),
           start_action::damaged, 2);
}

TEST_CASE("row 3: without snapshot and base the log is replayed from 1") {  // S002-06
    expect(seen(), start_action::replay, 3);
    expect(seen().hard(1).log(0, 0, {{{1}, {1}}}, 9), start_action::replay, 3);
}

TEST_CASE("row 4: no snapshot reaches the log; one entry is gap enough") {  // S002-07, S002-08,
                                                                            // scenario D52
    // known bug 55: a snapshot is of use only if the log begins at most one behind it
    expect(seen().hard(2).log(5, 2, {}, 5), start_action::damaged, 4);
    expect(seen().hard(2).log(5, 2, {{{6}, {2}}}, 9).snapshot(4, 2), start_action::damaged, 4);
    expect(seen().hard(2).log(5, 2, {{{6}, {2}}}, 9).snapshot(5, 2), start_action::keep_log, 5);
}

TEST_CASE("row 5: a snapshot that the log contains keeps the log") {  // scenario D52, known bug 71
    expect(seen().hard(3).log(5, 2, {{{6}, {3}}}, 9).snapshot(7, 3), start_action::keep_log, 5);
    expect(seen().hard(3).log(5, 2, {{{6}, {3}}}, 9).snapshot(9, 3), start_action::keep_log, 5);
}

TEST_CASE("row 6: a newer term in the log at the snapshot's index is damage") {
    expect(seen().hard(4).log(0, 0, {{{1}, {4}}}, 9).snapshot(7, 3), start_action::damaged, 6);
}

TEST_CASE(
    "row 7: an unfinished install resets the log, whether it is too short or of an older term") {
    // scenario D53, S002-11, known bug 35
    expect(seen().hard(4).log(0, 0, {{{1}, {1}}}, 5).snapshot(7, 3, true),
           start_action::reset_to_snapshot, 7);
    expect(seen().hard(4).log(0, 0, {{{1}, {1}}}, 9).snapshot(7, 3, true),
           start_action::reset_to_snapshot, 7);
}

TEST_CASE("row 8: the same without the marker is a log that lost its suffix") {  // scenario D53
    expect(seen().hard(4).log(0, 0, {{{1}, {3}}}, 5).snapshot(7, 3), start_action::damaged, 8);
}
