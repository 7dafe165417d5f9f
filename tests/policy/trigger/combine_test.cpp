// Triggers made of triggers.

#include <doctest/doctest.h>

#include <raftkit/policy/trigger/combine.hpp>
#include <raftkit/policy/trigger/log.hpp>
#include <raftkit/policy/trigger/time.hpp>
#include <string_view>

using namespace raftkit;

namespace {

// Counts the questions and answers what it is told.
struct probe {
    const char* answer = nullptr;
    instant wake = never;
    int asked = 0;
    trigger_verdict due(const growth&, instant) noexcept {
        ++asked;
        return {answer};
    }
    instant wake_at(const growth&) const noexcept { return wake; }
};
// The same without a wish to be woken.
struct deaf_probe {
    const char* answer = nullptr;
    trigger_verdict due(const growth&, instant) const noexcept { return {answer}; }
};

using any_three = trigger::any_of<probe, probe, probe>;
using all_three = trigger::all_of<probe, probe, probe>;

template <class Combined>
int questions(const Combined& of) {
    return std::get<0>(of.parts).asked + std::get<1>(of.parts).asked + std::get<2>(of.parts).asked;
}

}  // namespace

TEST_CASE("any_of is due if one part is, and the first due one names the cause") {  // S000-35
    any_three none{}, last{{probe{}, probe{}, probe{"c"}}}, two{{probe{}, probe{"b"}, probe{"c"}}};
    CHECK_FALSE(none.due({}, {}));
    CHECK(last.due({}, {}).cause == std::string_view("c"));
    CHECK(two.due({}, {}).cause == std::string_view("b"));
}

TEST_CASE("all_of is due if every part is, and the first names the cause") {  // S004-04
    all_three whole{{probe{"a"}, probe{"b"}, probe{"c"}}};
    CHECK(whole.due({}, {}).cause == std::string_view("a"));
    for (int missing = 0; missing < 3; ++missing) {
        all_three part{{probe{missing == 0 ? nullptr : "a"}, probe{missing == 1 ? nullptr : "b"},
                        probe{missing == 2 ? nullptr : "c"}}};
        CHECK_FALSE(part.due({}, {}));
    }
}

TEST_CASE("every part sees every question, however it ends") {
    any_three any{{probe{"a"}, probe{"b"}, probe{}}};
    all_three all{{probe{}, probe{}, probe{"c"}}};
    for (int i = 1; i <= 3; ++i) {
        (void)any.due({}, {});
        (void)all.due({}, {});
        CHECK(questions(any) == 3 * i);
        CHECK(questions(all) == 3 * i);
    }
}

TEST_CASE("min_gap and min_spacing ask their part also when they refuse") {
    trigger::min_gap<probe> gap{.part = {"a"}, .entries = 5};
    trigger::min_spacing<probe> apart{.part = {"a"}};
    growth since{.entries = 4, .snapshot = {index_t{1}, term_t{1}}};
    CHECK_FALSE(gap.due(since, {}));
    CHECK_FALSE(apart.due(since, {}));
    CHECK(gap.part.asked == 1);
    CHECK(apart.part.asked == 1);
}

TEST_CASE("wake_at is the least of the parts that have one") {
    const trigger::any_of<probe, deaf_probe, probe> any{
        {probe{nullptr, instant{7}}, {}, probe{nullptr, instant{5}}}};
    const trigger::all_of<probe, deaf_probe, probe> all{
        {probe{nullptr, instant{7}}, {}, probe{nullptr, instant{9}}}};
    const trigger::any_of<deaf_probe> deaf{};
    const trigger::min_gap<probe> gap{.part = {nullptr, instant{3}}};
    CHECK(any.wake_at({}) == instant{5});
    CHECK(all.wake_at({}) == instant{7});
    CHECK(deaf.wake_at({}) == never);
    CHECK(gap.wake_at({}) == instant{3});
}

TEST_CASE("combinators nest") {
    trigger::any_of<trigger::bytes, trigger::all_of<trigger::entries, trigger::bytes>> nested{
        {trigger::bytes{.count = 100},
         {{trigger::entries{.count = 3}, trigger::bytes{.count = 5}}}}};
    CHECK_FALSE(nested.due({.entries = 3, .bytes = 4}, {}));
    CHECK(nested.due({.entries = 3, .bytes = 5}, {}).cause == std::string_view("entries"));
    CHECK(nested.due({.entries = 0, .bytes = 100}, {}).cause == std::string_view("bytes"));
}

TEST_CASE("min_gap wants entries since the last snapshot") {  // S000-36, S003-28
    trigger::min_gap<deaf_probe> gap{.part = {"time"}};
    CHECK_FALSE(gap.due({.entries = 0}, {}));
    CHECK(gap.due({.entries = 1}, {}).cause == std::string_view("time"));
    gap.entries = 10;
    CHECK_FALSE(gap.due({.entries = 9}, {}));
    CHECK(gap.due({.entries = 10}, {}));
    gap.entries = 0;
    CHECK(gap.due({.entries = 0}, {}));
}

TEST_CASE("an idle node with a timer saves nothing in ten periods") {  // S000-36
    trigger::min_gap<trigger::interval> timer{.part = {.period = seconds(1)}};
    for (int second = 0; second < 10; ++second) {
        CHECK_FALSE(timer.due({.entries = 0}, instant{} + seconds(second)));
    }
    CHECK(timer.due({.entries = 1}, instant{} + seconds(10)));
}

TEST_CASE("manual is never due") {
    CHECK_FALSE(trigger::manual{}.due({.entries = ~u64{0}, .closing = true}, never));
}

TEST_CASE("on_close is due when the node closes, and only then") {
    CHECK(trigger::on_close{}.due({.closing = true}, {}).cause == std::string_view("close"));
    CHECK_FALSE(trigger::on_close{}.due({.entries = ~u64{0}}, never));
}

TEST_CASE("a combination is as valid as its parts") {
    using pair = trigger::any_of<trigger::manual, trigger::entries>;
    using strict = trigger::all_of<trigger::entries, trigger::interval>;
    CHECK(pair{}.validate());
    CHECK_FALSE(pair{{trigger::manual{}, trigger::entries{.count = 0}}}.validate());
    const strict both{{trigger::entries{.count = 0}, trigger::interval{.period = {0}}}};
    CHECK(std::string_view(both.validate().why().where).starts_with("entries.count"));
    CHECK_FALSE(trigger::min_gap<strict>{.part = both}.validate());
    CHECK(trigger::min_gap<strict>{}.validate());
}
