#include <raftkit/base/ring.hpp>

#include <deque>
#include <string>

#include <doctest/doctest.h>

#include <raftkit/base/prng.hpp>

using namespace raftkit;

namespace {

struct counted {
    explicit counted(int* alive) : alive_(alive) { ++*alive_; }
    counted(counted&& other) noexcept : alive_(other.alive_) { ++*alive_; }
    counted& operator=(counted&&) = delete;
    ~counted() { --*alive_; }
    int* alive_;
};

}  // namespace

TEST_CASE("an element keeps its position while the ring grows around it") {
    ring<std::string> names(41);
    for (u64 position = 41; position < 141; ++position) {
        CHECK(names.end() == position);
        names.push_back("value " + std::to_string(position));
    }
    CHECK(names.first() == 41);
    CHECK(names.size() == 100);
    CHECK(names.capacity() == 128);
    for (u64 position = 41; position < 141; ++position) {
        REQUIRE(names[position] == "value " + std::to_string(position));
    }
    CHECK(names.front() == "value 41");
    CHECK(names.back() == "value 140");
}

TEST_CASE("a ring in steady state reuses its slots") {
    ring<u64> numbers;
    for (u64 i = 0; i < 5; ++i) numbers.push_back(i);
    const u64 capacity = numbers.capacity();
    for (u64 i = 5; i < 10'000; ++i) {
        numbers.push_back(i);
        REQUIRE(numbers.front() == i - 5);
        numbers.pop_front();
    }
    CHECK(numbers.capacity() == capacity);
    CHECK(numbers.first() == 9'995);
}

TEST_CASE("a ring does what a deque does, over random pushes and pops at both ends") {
    prng random(11);
    ring<u64> tested(1000);
    std::deque<u64> model;
    u64 first = 1000;
    for (int step = 0; step < 20'000; ++step) {
        const u64 dice = random.below(10);
        if (dice < 5 || model.empty()) {
            const u64 value = random.next();
            tested.push_back(value);
            model.push_back(value);
        } else if (dice < 8) {
            tested.pop_front();
            model.pop_front();
            ++first;
        } else {
            tested.pop_back();
            model.pop_back();
        }
        REQUIRE(tested.first() == first);
        REQUIRE(tested.size() == model.size());
        if (model.empty()) continue;
        const u64 probe = random.below(model.size());
        REQUIRE(tested[first + probe] == model[probe]);
    }
}

TEST_CASE("positions outside are not contained, below the first included") {
    ring<int> numbers(5);
    CHECK_FALSE(numbers.contains(5));
    numbers.push_back(1);
    CHECK(numbers.contains(5));
    CHECK_FALSE(numbers.contains(4));
    CHECK_FALSE(numbers.contains(6));
}

TEST_CASE("every element is destroyed exactly once") {
    int alive = 0;
    {
        ring<counted> held;
        for (int i = 0; i < 20; ++i) held.push_back(counted(&alive));
        held.pop_front();
        held.pop_back();
        CHECK(alive == 18);
        ring<counted> moved(std::move(held));
        CHECK(held.empty());
        CHECK(moved.size() == 18);
        CHECK(alive == 18);
        held = std::move(moved);
        CHECK(held.first() == 1);
        held.restart(500);
        CHECK(alive == 0);
        CHECK(held.first() == 500);
        CHECK(held.capacity() == 32);
        held.push_back(counted(&alive));
        CHECK(held.contains(500));
    }
    CHECK(alive == 0);
}

TEST_CASE("reserve rounds up to a power of two and keeps what is there") {
    ring<int> numbers(3);
    numbers.push_back(7);
    numbers.reserve(33);
    CHECK(numbers.capacity() == 64);
    CHECK(numbers[3] == 7);
    numbers.reserve(5);
    CHECK(numbers.capacity() == 64);
}
