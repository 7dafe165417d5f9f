// recovery.md §1: the rules of the write-ahead log over every crash and every single fault within
// the bounds, and the variants of the table, which must fail.

#include "verdicts.hpp"
#include "wal_model.hpp"

#include <doctest/doctest.h>

using namespace models;
using wal::bounds;
using wal::rule_off;

namespace {

constexpr const char* refused = "a crash alone is never refused";
constexpr const char* lost = "a crash alone loses nothing that was acknowledged";
constexpr const char* silent = "one fault is never silent outside of the residual";

constexpr bounds crashes{.operations = 4, .crashes = 2, .faults = 0, .groups = 1};
constexpr bounds crash_and_fault{.operations = 3, .crashes = 1, .faults = 1, .groups = 1};
constexpr bounds fault_between_crashes{.operations = 3, .crashes = 2, .faults = 1, .groups = 0};

}  // namespace

TEST_CASE("two crashes, also inside open, lose nothing and are never refused") {
    must_hold(wal::model(crashes, rule_off::none), 900'000);
}

TEST_CASE("a third crash, or a fifth operation, changes nothing") {
    if (scale() == 1) return;  // minutes
    must_hold_up_to(wal::model({4, 3, 0, 1}, rule_off::none), 20'000'000);
    must_hold_up_to(wal::model({5, 2, 0, 2}, rule_off::none), 20'000'000);
}

TEST_CASE("one fault after a crash is never silent outside of the residual") {
    must_hold(wal::model(crash_and_fault, rule_off::none), 800'000);
    if (scale() > 1) must_hold_up_to(wal::model({5, 1, 1, 1}, rule_off::none), 20'000'000);
}

TEST_CASE("one fault before, between or after two crashes is never silent") {
    must_hold(wal::model(fault_between_crashes, rule_off::none), 900'000);
    if (scale() > 1) must_hold_up_to(wal::model({4, 2, 1, 1}, rule_off::none), 20'000'000);
}

TEST_CASE("frames that share a sector of the device are torn with each other") {
    must_break(wal::model(crashes, rule_off::frames_alone_in_sectors), lost);
}

TEST_CASE("an open that syncs nothing reports what the next power cut takes") {
    must_break(wal::model(crashes, rule_off::sync_in_open), refused);
}

TEST_CASE("marks in the chain of frames are missed when they were not synced") {
    must_break(wal::model(crashes, rule_off::marks_unnumbered), refused);
}

TEST_CASE("a header with the hard state of an earlier time forgets a vote") {
    must_break(wal::model(crashes, rule_off::header_written_at_rotation), lost);
}

TEST_CASE("a segment that is named before its header is synced has no header") {
    must_break(wal::model(crashes, rule_off::header_synced_before_name), refused);
}

TEST_CASE("a seal without a synced directory names a segment that is gone") {
    must_break(wal::model(crashes, rule_off::directory_synced_at_rotation), refused);
}

TEST_CASE("an open that seals before the directory is synced names a segment that is gone") {
    must_break(wal::model(crashes, rule_off::names_durable_before_seal), refused);
}

TEST_CASE("segments that go before the record of the base leave a gap") {
    must_break(wal::model(crashes, rule_off::base_recorded_before_retiring), refused);
}

TEST_CASE("a rotation's crash without a seal afterwards hides that the newest segment is gone") {
    must_break(wal::model(fault_between_crashes, rule_off::seal_rewritten), silent);
}

TEST_CASE("a torn frame whose header does not count can't prove the one before it") {
    must_break(wal::model(crash_and_fault, rule_off::header_has_own_checksum), silent);
}

TEST_CASE("without a nonce a client's bytes prove what never was") {
    must_break(wal::model(crashes, rule_off::nonce), refused);
}

TEST_CASE("a sealed segment that may be the newest hides that the next is gone") {
    must_break(wal::model(crash_and_fault, rule_off::sealed_needs_successor), silent);
}

TEST_CASE("every bad frame taken for a torn one loses what later headers prove") {
    must_break(wal::model(crash_and_fault, rule_off::durable_before_judges), silent);
}

// The two rules that the model does not need; the kit keeps them as a second line.
TEST_CASE(
    "numbers and chain suffice where the cut is not zeroed or the place not in the checksum") {
    must_hold(wal::model(crashes, rule_off::cut_zeroed), 900'000);
    must_hold(wal::model(crash_and_fault, rule_off::cut_zeroed), 800'000);
    must_hold(wal::model(crash_and_fault, rule_off::place_in_checksum), 800'000);
}
