#include <doctest/doctest.h>

#include <memory>
#include <raftkit/testing/sim/scheduler.hpp>
#include <string>

using namespace raftkit;
using raftkit::testing::scheduler;

namespace {

std::string order_of_eight(u64 seed) {
    scheduler time(seed);
    std::string order;
    for (char name = 'a'; name < 'i'; ++name)
        time.at(instant{5}, 0, [&order, name] { order += name; });
    while (time.step()) {
    }
    return order;
}

}  // namespace

TEST_CASE("tasks run in the order of their times, and the clock follows them") {
    scheduler time(1);
    std::string order;
    time.after(milliseconds(3), 0, [&] { order += 'c'; });
    time.after(milliseconds(1), 0, [&] {
        order += 'a';
        time.after(milliseconds(1), 0, [&] { order += 'b'; });
    });
    time.run_until(instant{} + milliseconds(2));
    CHECK(order == "ab");
    CHECK(time.now() == instant{} + milliseconds(2));
    CHECK(time.next_at() == instant{} + milliseconds(3));
    time.run_until(instant{} + milliseconds(9));
    CHECK(order == "abc");
    CHECK(time.now() == instant{} + milliseconds(9));
}

TEST_CASE("tasks of one instant run in an order that the seed decides") {  // I-15
    CHECK(order_of_eight(7) == order_of_eight(7));
    CHECK(order_of_eight(7) != order_of_eight(8));
    CHECK(order_of_eight(7) != "abcdefgh");
}

TEST_CASE("a time in the past means now") {
    scheduler time(1);
    time.run_until(instant{100});
    instant ran;
    time.at(instant{5}, 0, [&] { ran = time.now(); });
    REQUIRE(time.step());
    CHECK(ran == instant{100});
}

TEST_CASE("dropping a group forgets its tasks and destroys what they hold") {
    scheduler time(1);
    const auto held = std::make_shared<int>(1);
    bool other = false;
    for (i64 at = 0; at < 10; ++at) time.at(instant{at}, 3, [held] { *held = 2; });
    time.at(instant{4}, 4, [&] { other = true; });
    CHECK(held.use_count() == 11);
    time.drop(3);
    CHECK(held.use_count() == 1);
    while (time.step()) {
    }
    CHECK(*held == 1);
    CHECK(other);
}
