// The conformance suite of the policies: the kit's own pass it, and each of its rules can fail.

#include <doctest/doctest.h>

#include <thread>

#include <raftkit/io/clock.hpp>
#include <raftkit/policy/compaction/combine.hpp>
#include <raftkit/policy/defaults.hpp>
#include <raftkit/testing/conform/policies.hpp>

#include <support/conform_checks.hpp>

using namespace raftkit;
using conform::trigger_promise;
using conform_support::check_each_is_caught;
using conform_support::each_check;

namespace {

enum class wrong {
    nothing,
    every_second_time,  // it counts its questions
    every_second_one,   // another object, another answer
    mute,
    sleeps_in_the_past,
    never_due,
    always_due,
    not_at_close,
    falls,
    forgets_the_end,
    greedy,
    strange,
    stands_still,
};
using cases = conform_support::defect_case<wrong>;

// Due at a thousand entries, or when the node closes, in the ways in which one can be wrong.
struct crooked_trigger {
    wrong how;
    trigger_promise promise;
    int mine, asked = 0;
    trigger_verdict due(const growth& since, instant) noexcept {
        bool now = promise == trigger_promise::grows_due && since.entries >= 1000;
        if (promise != trigger_promise::by_request_only && since.closing) now = true;
        if (how == wrong::every_second_time && ++asked % 2 == 0) now = !now;
        if (how == wrong::every_second_one && mine % 2 == 0) now = !now;
        if (how == wrong::never_due || (how == wrong::not_at_close && since.closing)) now = false;
        if (how == wrong::always_due) now = true;
        return {now ? how == wrong::mute ? "" : "grown" : nullptr};
    }
    instant wake_at(const growth& since) const noexcept {
        return how == wrong::sleeps_in_the_past ? since.serving_since : never;
    }
};
template <class Report>
void try_trigger(wrong how, trigger_promise promise, Report& report) {
    int made = 0;
    conform::trigger(
        report,
        [&] {
            return crooked_trigger{how, promise, made++};
        },
        promise);
}

struct crooked_compaction {
    wrong how;
    mutable u64 asked = 0;
    index_t keep_from(const log_shape& log) const noexcept {
        const u64 last = log.last.value, sound = last < 1000 ? 1 : last - 999;
        if (how == wrong::every_second_time) return {sound + ++asked % 2};
        if (how == wrong::falls) return {last == 0 ? 1 : 20'000'000 - last};
        if (how == wrong::greedy) return {last + 2};
        return {sound};
    }
    instant wake_at(const log_shape& log) const noexcept {
        return how == wrong::sleeps_in_the_past ? log.snapshot_at : never;
    }
};

struct crooked_retention {
    wrong how;
    mutable u64 asked = 0;
    bool keeps(const kept_snapshot& one, instant) const noexcept {
        if (how == wrong::every_second_time) return ++asked % 2 == 0;
        if (how == wrong::forgets_the_end) return one.rank == 0 || one.rank > 5;
        return how != wrong::greedy && one.rank < 2;
    }
};

struct crooked_conflict {
    wrong how;
    mutable u64 asked = 0;
    clash_verdict decide(const install_clash&) const noexcept {
        if (how == wrong::strange) return static_cast<clash_verdict>(7);
        const bool odd = how == wrong::every_second_time && ++asked % 2 == 0;
        return odd ? clash_verdict::run_both : clash_verdict::cancel_save;
    }
};

struct crooked_corruption {
    static constexpr bool repairs = false;
    wrong how;
    mutable u64 asked = 0;
    damage_verdict decide(const damage&) const noexcept {
        if (how == wrong::strange) return static_cast<damage_verdict>(7);
        const bool odd = how == wrong::every_second_time && ++asked % 2 == 0;
        return how == wrong::greedy || odd ? damage_verdict::repair : damage_verdict::refuse;
    }
};

struct crooked_throttle {
    wrong how;
    u64 asked = 0;
    instant admit(const bulk_request&, instant now) noexcept {
        if (how == wrong::greedy) return now - seconds(1);
        if (how == wrong::never_due) return never;
        if (how == wrong::falls) return now + milliseconds(++asked % 2 == 0 ? 0 : 50);
        return now;
    }
};

}  // namespace

TEST_CASE("the kit's triggers conform") {
    using namespace trigger;
    conform::trigger(each_check, [] { return entries{}; });
    conform::trigger(each_check, [] { return trigger::bytes{}; });
    conform::trigger(each_check, [] { return relative_bytes{}; });
    conform::trigger(each_check, [] { return interval{.period = seconds(90)}; });
    conform::trigger(each_check, [] { return min_spacing<entries>{.part = {.count = 10}}; });
    conform::trigger(each_check, [] { return min_gap<interval>{.part = {.period = seconds(9)}}; });
    conform::trigger(each_check, [] { return any_of<entries, interval>{}; });
    conform::trigger(each_check, [] { return all_of<entries, min_spacing<interval>>{}; });
    conform::trigger(each_check, [] { return standard{}; });
    conform::trigger(
        each_check, [] { return manual{}; }, trigger_promise::by_request_only);
    conform::trigger(
        each_check, [] { return entries{.count = by_hand}; }, trigger_promise::by_request_only);
    conform::trigger(
        each_check, [] { return on_close{}; }, trigger_promise::due_at_close);
}

TEST_CASE("the kit's compaction policies conform") {
    using namespace compaction;
    conform::compaction(each_check, trailing{});
    conform::compaction(each_check, trailing{.entries = 0});
    conform::compaction(each_check, to_snapshot{});
    conform::compaction(each_check, to_previous_snapshot{});
    conform::compaction(each_check, to_oldest_kept{});
    conform::compaction(each_check, none{});
    conform::compaction(each_check, min_of<trailing, to_oldest_kept>{});
}

TEST_CASE("the kit's retention, conflict and corruption policies conform") {
    conform::retention(each_check, retention::newest{});
    conform::retention(each_check, retention::newest{.count = 1});
    conform::retention(each_check, retention::everything{});
    conform::install_conflict(each_check, conflict::install_cancels_save{});
    conform::install_conflict(each_check, conflict::save_blocks_install{});
    conform::install_conflict(each_check, conflict::side_by_side{});
    conform::corruption(each_check, corruption::refuse{});
}

TEST_CASE("the kit's throttles and its clock conform") {
    conform::throttle(each_check, [] { return throttle::none{}; });
    conform::throttle(each_check, [] { return throttle::adaptive{}; });
    conform::throttle(each_check, [] { return throttle::adaptive{.busy_bytes_per_second = 4096}; });
    conform::clock(each_check, &monotonic_now,
                   [] { std::this_thread::sleep_for(std::chrono::microseconds(10)); });
}

TEST_CASE("what is wrong about a trigger is caught by name") {
    static constexpr cases growing[] = {
        {wrong::every_second_time, "counts its questions", "a question asked twice has one answer"},
        {wrong::every_second_one, "differs from object to object",
         "a replay of the facts gives the same verdicts"},
        {wrong::mute, "has no cause", "a verdict names a cause"},
        {wrong::sleeps_in_the_past, "sleeps in the past", "nobody is woken for the past"},
        {wrong::never_due, "is never due", "a log that grows for a year is saved"},
    };
    check_each_is_caught(growing, [](wrong how, auto& report) {
        try_trigger(how, trigger_promise::grows_due, report);
    });
    for (const wrong how : {wrong::not_at_close, wrong::always_due, wrong::never_due}) {
        conform_support::findings closing, asked_for;
        try_trigger(how, trigger_promise::due_at_close, closing);
        CHECK(closing.broken ==
              conform_support::names{"a node that closes is saved, and no other"});
        try_trigger(how, trigger_promise::by_request_only, asked_for);
        CHECK(asked_for.broken.contains("a trigger for requests is never due") ==
              (how == wrong::always_due));
    }
}

TEST_CASE("what is wrong about a compaction policy is caught by name") {
    static constexpr cases all[] = {
        {wrong::every_second_time, "counts its questions", "a question asked twice has one answer"},
        {wrong::falls, "goes backwards", "what may go is not wanted back while the log grows"},
        {wrong::greedy, "compacts what is not there", "an empty log is kept whole"},
        {wrong::greedy, "compacts what is not there",
         "what is kept begins at the end of the log at the latest"},
        {wrong::sleeps_in_the_past, "sleeps in the past", "nobody is woken for the past"},
    };
    check_each_is_caught(
        all, [](wrong how, auto& report) { conform::compaction(report, crooked_compaction{how}); });
}

TEST_CASE("what is wrong about retention, conflict and corruption is caught by name") {
    static constexpr cases kept[] = {
        {wrong::every_second_time, "counts its questions", "a question asked twice has one answer"},
        {wrong::greedy, "keeps nothing", "a new snapshot is kept"},
        {wrong::forgets_the_end, "wants back what is gone",
         "what may go is not wanted back as it gets older"},
    };
    check_each_is_caught(
        kept, [](wrong how, auto& report) { conform::retention(report, crooked_retention{how}); });
    static constexpr cases met[] = {
        {wrong::every_second_time, "counts its questions", "a question asked twice has one answer"},
        {wrong::strange, "answers nonsense", "a clash has one of the known ends"},
    };
    check_each_is_caught(met, [](wrong how, auto& report) {
        conform::install_conflict(report, crooked_conflict{how});
    });
    static constexpr cases damaged[] = {
        {wrong::every_second_time, "counts its questions", "a question asked twice has one answer"},
        {wrong::strange, "answers nonsense", "damage is refused or repaired"},
        {wrong::greedy, "repairs though it said it never would",
         "a policy without `repairs` repairs nothing"},
    };
    check_each_is_caught(damaged, [](wrong how, auto& report) {
        conform::corruption(report, crooked_corruption{how});
    });
}

TEST_CASE("what is wrong about a throttle or a clock is caught by name") {
    static constexpr cases slow[] = {
        {wrong::greedy, "looks back", "nothing is admitted in the past"},
        {wrong::never_due, "never lets go", "a mebibyte goes within the hour"},
        {wrong::falls, "takes back what it said", "what is admitted never goes back"},
    };
    check_each_is_caught(slow, [](wrong how, auto& report) {
        conform::throttle(report, [how] { return crooked_throttle{how}; });
    });
    static constexpr cases late[] = {
        {wrong::falls, "jumps back", "a clock never goes back"},
        {wrong::stands_still, "stands still", "a clock goes on"},
    };
    check_each_is_caught(late, [](wrong how, auto& report) {
        i64 read = 0;
        conform::clock(
            report,
            [&] {
                if (how == wrong::stands_still) return instant{};
                return instant{++read % 50 == 0 && how == wrong::falls ? 1 : read};
            },
            [] {});
    });
}
