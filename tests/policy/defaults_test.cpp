// What a node does unless it is told otherwise.

#include <doctest/doctest.h>

#include <raftkit/base/prng.hpp>
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>
#include <raftkit/policy/compaction/combine.hpp>
#include <raftkit/policy/defaults.hpp>
#include <raftkit/policy/observe/counters.hpp>
#include <raftkit/policy/observe/tee.hpp>
#include <string_view>

using namespace raftkit;

namespace {

// A program that overrides two policies and keeps the rest.
struct kv_policies : default_policies {
    trigger::relative_bytes trigger{.ratio = 2, .bytes_min = 256u << 20};
    compaction::trailing compaction{.entries = 50'000};
};
// A server with a count of entries by command line, 0 meaning by hand only.
struct served_policies : default_policies {
    explicit served_policies(u64 every, u64 behind)
        : trigger{{{.count = every == 0 ? trigger::by_hand : every}, {}}},
          compaction{.entries = behind, .bytes = compaction::trailing::unlimited} {}
    raftkit::trigger::any_of<raftkit::trigger::entries, raftkit::trigger::on_close> trigger;
    raftkit::compaction::trailing compaction;
};

// What `standard` is by its definition.
using defined = trigger::min_spacing<trigger::min_gap<trigger::any_of<
    trigger::relative_bytes, trigger::all_of<trigger::entries, trigger::relative_bytes>,
    trigger::interval, trigger::on_close>>>;
defined definition() {
    return {.part = {.part = {{trigger::relative_bytes{},
                               {{trigger::entries{}, {.ratio = 1, .bytes_min = 0}}},
                               trigger::interval{},
                               trigger::on_close{}}}}};
}

template <class... Types>
constexpr bool none_polymorphic = (!std::is_polymorphic_v<Types> && ...);

}  // namespace

TEST_CASE("no policy has a virtual function") {
    CHECK(none_polymorphic<default_policies, manual_policies, null_observer>);
    CHECK(none_polymorphic<trigger::entries, trigger::bytes, trigger::relative_bytes>);
    CHECK(none_polymorphic<trigger::interval, trigger::min_spacing<trigger::entries>>);
    CHECK(none_polymorphic<trigger::min_gap<trigger::entries>, trigger::any_of<trigger::entries>>);
    CHECK(none_polymorphic<trigger::all_of<trigger::entries>, trigger::manual, trigger::on_close>);
    CHECK(none_polymorphic<trigger::standard, compaction::trailing, compaction::to_snapshot>);
    CHECK(none_polymorphic<compaction::to_previous_snapshot, compaction::to_oldest_kept>);
    CHECK(none_polymorphic<compaction::none, compaction::min_of<compaction::none>>);
    CHECK(none_polymorphic<retention::newest, retention::everything, corruption::refuse>);
    CHECK(none_polymorphic<conflict::install_cancels_save, conflict::save_blocks_install>);
    CHECK(none_polymorphic<conflict::side_by_side, throttle::none, throttle::adaptive>);
    CHECK(none_polymorphic<inline_executor, on_loop, thread_executor, detail::worker>);
    CHECK(none_polymorphic<counters, tee<counters>>);
}

TEST_CASE("the policies of the box leave nothing for diagnose to say") {
    CHECK(detail::diagnose_policies<default_policies>::said);
    CHECK(detail::diagnose_policies<manual_policies>::said);
    CHECK(detail::diagnose_policies<kv_policies>::said);
    CHECK(policies<kv_policies>);
    CHECK(policies<served_policies>);
    CHECK(std::is_nothrow_move_constructible_v<default_policies>);
    CHECK(timed_trigger<trigger::standard>);
}

TEST_CASE("an overridden policy is the one that a node sees") {
    kv_policies mine;
    CHECK(mine.trigger.ratio == 2);
    CHECK(mine.compaction.bytes == 64u << 20);
    CHECK(mine.retention.count == 2);
}

TEST_CASE("a saved count and a tail by entries alone are ordinary policies") {
    served_policies hundred(100, 10), by_hand(0, 0);
    CHECK_FALSE(hundred.trigger.due({.entries = 99, .bytes = ~u64{0}}, never));
    CHECK(hundred.trigger.due({.entries = 100}, instant{}).cause == std::string_view("entries"));
    CHECK(hundred.compaction.keep_from({.last = {500}, .bytes_per_entry = 1u << 30}) ==
          index_t{491});
    CHECK_FALSE(by_hand.trigger.due({.entries = ~u64{0}}, never));
    CHECK(by_hand.trigger.due({.closing = true}, never));
    CHECK(by_hand.compaction.keep_from({.last = {500}}) == index_t{501});
}

TEST_CASE("standard is min_spacing of min_gap of any_of, as defined") {
    int due = 0, held = 0;
    for (u64 seed = 1; seed <= 60; ++seed) {
        prng random(seed);
        trigger::standard flat;
        defined nested = definition();
        growth since;
        instant now = instant{} + seconds(static_cast<i64>(random.below(500)));
        since.serving_since = now;
        for (int i = 0; i < 300; ++i) {
            now = now + milliseconds(static_cast<i64>(random.below(u64{1} << random.below(22))));
            since.entries += random.below(u64{1} << random.below(19));
            since.bytes += random.below(u64{1} << random.below(28));
            since.closing = random.chance(10'000);
            const trigger_verdict a = flat.due(since, now), b = nested.due(since, now);
            REQUIRE(bool(a) == bool(b));
            if (a) REQUIRE(a.cause == std::string_view(b.cause));
            REQUIRE(flat.wake_at(since) == nested.wake_at(since));
            REQUIRE(flat.held == nested.held);
            held += flat.held;
            if (!a && !random.chance(20'000)) continue;
            ++due;
            since.snapshot = {{since.snapshot.index.value + 1}, {1}};
            since.snapshot_at = now;
            since.snapshot_bytes = random.below(u64{1} << random.below(34));
            since.entries = since.bytes = 0;
        }
    }
    CHECK(due > 100);  // the comparison has seen something
    CHECK(held > 10);
}

TEST_CASE("a count of entries alone does not save a large state for a small log") {
    trigger::standard standard;
    growth since{.entries = 200'000, .bytes = 16u << 20, .snapshot_bytes = 1u << 30};
    CHECK_FALSE(standard.due(since, instant{}));
    since.snapshot_bytes = 16u << 20;
    CHECK(standard.due(since, instant{}).cause == std::string_view("entries"));
    since.bytes = 64u << 20;
    CHECK(standard.due(since, instant{}).cause == std::string_view("relative_bytes"));
}

TEST_CASE("a day under load makes at most 24 saves of a steady state") {  // S000-50
    trigger::standard standard;
    growth since{.snapshot_bytes = 1u << 30};
    since.snapshot = {index_t{1}, term_t{1}};
    instant now = instant{} + seconds(1);
    since.serving_since = now;
    int saves = 0;
    for (int minute = 0; minute < 24 * 60; ++minute) {
        now = now + minutes(1);
        since.entries += 60 * 200;      // 200 a second
        since.bytes += 60 * 200 * 160;  // 2.7 GiB a day
        if (!standard.due(since, now)) continue;
        ++saves;
        since.entries = since.bytes = 0;
        since.snapshot_at = now;
    }
    CHECK(saves >= 12);
    CHECK(saves <= 24);
}

TEST_CASE("standard refuses what its parts refuse, by the row's name") {
    CHECK(trigger::standard{}.validate());
    const auto why = [](const trigger::standard& of) {
        return std::string_view(of.validate().why().where);
    };
    CHECK(why({.entries = {.count = 0}}).starts_with("entries.count"));
    CHECK(why({.interval = {.period = {0}}}).starts_with("interval.period"));
    CHECK(why({.relative_bytes = {.ratio = 0, .bytes_min = 0}}).starts_with("relative_bytes"));
    CHECK(why({.apart = {-1}}).starts_with("min_spacing.apart"));
    CHECK(trigger::standard{.gap_entries = 0, .apart = {0}}.validate());
}
