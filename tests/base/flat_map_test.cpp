#include <raftkit/base/flat_map.hpp>

#include <map>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include <raftkit/base/ordinal.hpp>
#include <raftkit/base/prng.hpp>

using namespace raftkit;

namespace {
using test_id = ordinal<struct test_id_tag>;
}

TEST_CASE("entries are found by key and walked in key order") {
    flat_map<test_id, std::string> names;
    CHECK(names.find(test_id{1}) == nullptr);
    for (const u64 id : {5u, 1u, 9u, 3u}) names[test_id{id}] = std::to_string(id);
    std::string walked;
    for (const auto& [id, name] : names) walked += name;
    CHECK(walked == "1359");
    CHECK(*names.find(test_id{9}) == "9");
    CHECK(names.find(test_id{4}) == nullptr);
    CHECK(names.find(test_id{10}) == nullptr);
    CHECK(names.at(test_id{3}) == "3");
}

TEST_CASE("try_emplace keeps an existing value, insert_or_assign replaces it") {
    flat_map<test_id, std::string> names;
    CHECK(names.try_emplace(test_id{2}, "first").second);
    CHECK_FALSE(names.try_emplace(test_id{2}, "second").second);
    CHECK(names.at(test_id{2}) == "first");
    names.insert_or_assign(test_id{2}, "third");
    CHECK(names.at(test_id{2}) == "third");
    CHECK(names.size() == 1);
}

TEST_CASE("a value that only moves can be held") {
    flat_map<test_id, std::unique_ptr<int>> held;
    held.try_emplace(test_id{2}, std::make_unique<int>(2));
    held.try_emplace(test_id{1}, std::make_unique<int>(1));
    CHECK(*held.at(test_id{2}) == 2);
    CHECK(held.erase(test_id{1}));
    CHECK_FALSE(held.erase(test_id{1}));
    CHECK(held.size() == 1);
}

TEST_CASE("a flat_map does what a map does") {
    prng random(21);
    flat_map<test_id, u64> tested;
    std::map<u64, u64> model;
    for (int step = 0; step < 20'000; ++step) {
        const u64 key = random.below(40);
        if (random.below(3) == 0) {
            REQUIRE(tested.erase(test_id{key}) == (model.erase(key) == 1));
        } else {
            tested[test_id{key}] = static_cast<u64>(step);
            model[key] = static_cast<u64>(step);
        }
        REQUIRE(tested.size() == model.size());
        const u64 probe = random.below(40);
        const auto found = model.find(probe);
        const u64* value = tested.find(test_id{probe});
        REQUIRE((value != nullptr) == (found != model.end()));
        if (value != nullptr) REQUIRE(*value == found->second);
    }
    auto expected = model.begin();
    for (const auto& [key, value] : tested) {
        REQUIRE(key.value == expected->first);
        REQUIRE(value == (expected++)->second);
    }
}
