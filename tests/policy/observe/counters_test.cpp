// What the counting observer counts, and its text.

#include <doctest/doctest.h>

#include <raftkit/policy/observe/counters.hpp>
#include <raftkit/policy/observe/tee.hpp>
#include <string>

using namespace raftkit;

namespace {

std::string text_of(const counters& counted) {
    std::string text(counted.write({}), ' ');
    counted.write(text);
    return text;
}
bool has_line(const counters& counted, const std::string& line) {
    return text_of(counted).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("counters hear every event but progress") {
    static_assert(hears<counters, role_changed> && hears<counters, committed> &&
                  hears<counters, log_persisted> && hears<counters, apply_batch> &&
                  hears<counters, snapshot_begun> && hears<counters, snapshot_published> &&
                  hears<counters, snapshot_failed> && hears<counters, snapshot_shipped> &&
                  hears<counters, snapshot_restored> && hears<counters, compacted> &&
                  hears<counters, rejected> && hears<counters, peer_changed> &&
                  hears<counters, phase_changed> && hears<counters, damage_found> &&
                  hears<counters, stopped> && !hears<counters, snapshot_progress>);
    CHECK(event_observer<counters>);
}

TEST_CASE("gauges show what the last event said") {
    counters counted{.self = {.group = 4, .self = node_id{7}}};
    tell(counted, role_changed{role_kind::leader, term_t{3}, node_id{7}});
    tell(counted, role_changed{role_kind::follower, term_t{5}, node_id{2}});
    tell(counted, committed{index_t{41}});
    tell(counted, compacted{index_t{12}});
    tell(counted, phase_changed{node_phase::replaying, node_phase::serving});
    CHECK(has_line(counted, "raftkit_term{group=\"4\",node=\"7\"} 5"));
    CHECK(has_line(counted, "raftkit_leader_id{group=\"4\",node=\"7\"} 2"));
    CHECK(has_line(counted, "raftkit_role{group=\"4\",node=\"7\"} 0"));
    CHECK(has_line(counted, "raftkit_role_changes_total{group=\"4\",node=\"7\"} 2"));
    CHECK(has_line(counted, "raftkit_commit_index{group=\"4\",node=\"7\"} 41"));
    CHECK(has_line(counted, "raftkit_first_index{group=\"4\",node=\"7\"} 12"));
    CHECK(has_line(counted, "raftkit_phase{group=\"4\",node=\"7\"} 3"));
}

TEST_CASE("durations add up to seconds with nine digits") {
    counters counted;
    tell(counted, log_persisted{.log_bytes = 10, .sync = microseconds(250)});
    tell(counted, log_persisted{.log_bytes = 99, .write = nanoseconds(5), .sync = seconds(12)});
    CHECK(has_line(counted, "raftkit_log_sync_seconds_total{group=\"1\",node=\"0\"} 12.000250000"));
    CHECK(has_line(counted, "raftkit_log_write_seconds_total{group=\"1\",node=\"0\"} 0.000000005"));
    CHECK(has_line(counted, "raftkit_log_bytes{group=\"1\",node=\"0\"} 99"));
    CHECK(has_line(counted, "raftkit_log_batches_total{group=\"1\",node=\"0\"} 2"));
    CHECK(counted.log_failures.value() == 0);
    tell(counted, log_persisted{.status = error{errc::io}});
    CHECK(counted.log_failures.value() == 1);
}

TEST_CASE("a clock that went back adds nothing to a duration") {
    counters counted;
    tell(counted, apply_batch{index_t{1}, index_t{1}, nanoseconds(-5)});
    CHECK(counted.apply_ns.value() == 0);
}

TEST_CASE("a batch counts its entries, both ends included") {
    counters counted;
    tell(counted, apply_batch{index_t{5}, index_t{5}, nanoseconds(1)});
    tell(counted, apply_batch{index_t{6}, index_t{15}, nanoseconds(2)});
    CHECK(counted.apply_batches.value() == 2);
    CHECK(counted.applied_entries.value() == 11);
    CHECK(counted.applied_index.value() == 15);
    CHECK(counted.apply_ns.value() == 3);
}

TEST_CASE("a received snapshot is no save") {
    counters counted;
    tell(counted, snapshot_begun{{index_t{9}, term_t{1}}, "entries"});
    tell(counted, snapshot_published{
                      .id = {{index_t{9}, term_t{1}}, 1}, .bytes = 100, .took = milliseconds(2)});
    CHECK(counted.saves.value() == 1);
    tell(counted, snapshot_published{.id = {{index_t{50}, term_t{2}}, 2},
                                     .origin = snapshot_origin::installed,
                                     .bytes = 300,
                                     .took = milliseconds(7)});
    CHECK(counted.saves.value() == 1);
    CHECK(counted.receipts.value() == 1);
    CHECK(counted.save_ns.value() == 2'000'000);
    CHECK(counted.snapshot_index.value() == 50);
    CHECK(counted.snapshot_bytes.value() == 300);
    tell(counted, snapshot_restored{.id = {{index_t{50}, term_t{2}}, 2}, .took = milliseconds(1)});
    CHECK(counted.applied_index.value() == 50);
    CHECK(counted.restore_ns.value() == 1'000'000);
}

TEST_CASE("what went wrong is counted apart") {
    counters counted;
    tell(counted, snapshot_failed{});
    tell(counted, rejected{.count = 5});
    tell(counted, rejected{});
    tell(counted, peer_changed{node_id{2}, false});
    tell(counted, peer_changed{node_id{2}, true});
    tell(counted, damage_found{});
    tell(counted, stopped{});
    tell(counted, snapshot_shipped{.bytes = 8});
    CHECK(counted.snapshot_failures.value() == 1);
    CHECK(counted.rejections.value() == 6);
    CHECK(counted.peers_lost.value() == 1);
    CHECK(counted.damages.value() == 1);
    CHECK(counted.stops.value() == 1);
    CHECK(counted.shipments.value() == 1);
    CHECK(counted.shipped_bytes.value() == 8);
}

TEST_CASE("every metric has a help line, a type line and a value, and a name of its own") {
    const std::string text = text_of(counters{});
    std::size_t helps = 0, types = 0, values = 0;
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
        helps += text.compare(at, 15, "# HELP raftkit_") == 0;
        types += text.compare(at, 15, "# TYPE raftkit_") == 0;
        values += text.compare(at, 8, "raftkit_") == 0;
    }
    CHECK(helps == std::size(detail::metrics));
    CHECK(types == helps);
    CHECK(values == helps);
    for (const detail::metric& one : detail::metrics) {
        const bool counts = one.name.ends_with("_total");
        CHECK(counts == (one.kind != detail::metric::gauge));
        CHECK(one.name.ends_with("_seconds_total") == (one.kind == detail::metric::seconds));
        for (const detail::metric& other : detail::metrics) {
            if (&one == &other) continue;
            CHECK(one.name != other.name);
            CHECK(one.value != other.value);
        }
    }
}

TEST_CASE("a span that is too short gets the beginning, and the whole size is told") {
    const std::string whole = text_of(counters{});
    std::string part(100, '#');
    const counters counted;
    CHECK(counted.write(std::span(part).first(60)) == whole.size());
    CHECK(part.substr(0, 60) == whole.substr(0, 60));
    CHECK(part.substr(60) == std::string(40, '#'));
}

TEST_CASE("the largest number is written whole") {
    counters counted;
    tell(counted, committed{index_t{~u64{0}}});
    CHECK(has_line(counted, "raftkit_commit_index{group=\"1\",node=\"0\"} 18446744073709551615"));
}

TEST_CASE("a copy of the counters is a reading that stays") {
    counters counted;
    tell(counted, stopped{});
    const counters then = counted;
    tell(counted, stopped{});
    CHECK(then.stops.value() == 1);
    CHECK(counted.stops.value() == 2);
}
