// recovery.md §2: every crash of a node that saves, compacts and installs, judged by the kit's own
// start plan; and the orders of the table that must fail.

#include "two_stores_model.hpp"
#include "verdicts.hpp"

#include <doctest/doctest.h>

using namespace models;
using stores::model;
using stores::order;
using stores::setup;

namespace {

constexpr const char* refused = "a crash alone is never refused";
constexpr const char* lost = "what was acknowledged is there";
constexpr const char* unnoticed = "a log that lost its end is noticed";

setup with(order how) {
    setup made;
    made.with = how;
    return made;
}
setup with_durable_machine(order how) {
    setup made = with(how);
    made.durable_machine = true;
    return made;
}
setup with_machine_ahead(order how) {
    setup made = with(how);
    made.applies_ahead = true;
    return made;
}
setup with_fault(order how) {
    setup made = with(how);
    made.faults = 1;
    return made;
}

}  // namespace

TEST_CASE("two crashes of a node with log and snapshots lose nothing and are never refused") {
    must_hold(model(with(order::right)), 1'000'000);
    must_hold(model(with_durable_machine(order::right)), 1'000'000);
    must_hold(model(with_machine_ahead(order::right)), 1'000'000);
}

TEST_CASE("more crashes, saves and installs change nothing") {
    if (scale() == 1) return;  // minutes
    setup wide;
    wide.crashes = 3;
    wide.saves = wide.installs = 2;
    must_hold_up_to(model(wide), 20'000'000);
    wide.durable_machine = true;
    must_hold_up_to(model(wide), 20'000'000);
}

TEST_CASE("a restore or an acknowledgement may come before the log's reset") {
    must_hold(model(with(order::restore_before_reset)), 1'000'000);
    must_hold(model(with(order::ack_before_reset)), 1'000'000);
}

TEST_CASE("a log that lost its end is noticed by its snapshot") {
    must_hold(model(with_fault(order::right)), 1'000'000);
}

TEST_CASE("a compaction before its snapshot is published leaves no beginning") {
    must_break(model(with(order::compact_before_publish)), refused);
}

TEST_CASE("an install published before the leader's term is durable looks like a lost hard state") {
    must_break(model(with(order::publish_before_term_durable)), refused);
}

TEST_CASE("a log reset before the snapshot is published begins nowhere") {
    must_break(model(with(order::reset_before_publish)), refused);
}

TEST_CASE("an install acknowledged before it is published is lost") {
    must_break(model(with(order::ack_before_publish)), lost);
}

TEST_CASE("a commit hint above what is stable looks like a lost log") {
    must_break(model(with(order::hint_unclamped)), refused);
}

TEST_CASE("a snapshot of what is not stable is ahead of its log") {
    must_break(model(with_machine_ahead(order::capture_unstable)), refused);
}

TEST_CASE("a marker that stays excuses a log that lost its end") {
    must_break(model(with_fault(order::marker_stays)), unnoticed);
}

// Not in the table: an install that needs no reset must wait for the log's own entries, too.
TEST_CASE("a marker that goes before the log reached the snapshot leaves it ahead") {
    must_break(model(with(order::marker_goes_early)), refused);
}
