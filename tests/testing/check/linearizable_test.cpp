// Histories that the literature judged, and thousands that an exhaustive search judges.
#include <raftkit/testing/check/linearizable.hpp>
#include <raftkit/testing/check/models.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

using namespace raftkit;
using namespace raftkit::testing;

namespace {

using call = register_model::call;
using registers = history<register_model>;
using queues = history<queue_model>;

struct span {
    i64 began, ended;
};

operation_record<register_model> read(span at, std::optional<u64> saw, u64 key = 0) {
    return {0, key, {call::read}, register_model::output{true, saw}, {at.began}, {at.ended}};
}
operation_record<register_model> write(span at, u64 value, u64 key = 0) {
    return {0, key, {call::write, value}, register_model::output{}, {at.began}, {at.ended}};
}
operation_record<register_model> maybe_write(i64 began, u64 value, u64 key = 0) {
    return {0, key, {call::write, value}, {}, {began}, never};
}
operation_record<register_model> swap(span at, u64 from, u64 to, bool done) {
    return {
        0,          0,         {call::compare_and_set, to, from}, register_model::output{done, {}},
        {at.began}, {at.ended}};
}
operation_record<queue_model> enqueue(span at, u64 value) {
    return {0, 0, {true, value}, queue_model::output{}, {at.began}, {at.ended}};
}
operation_record<queue_model> dequeue(span at, std::optional<u64> got) {
    return {0, 0, {false, 0}, queue_model::output{got}, {at.began}, {at.ended}};
}

template <class Model>
verdict judge(const history<Model>& all) {
    return check_linearizable(all).is;
}

// Every order of every subset that has all known operations, the slow and obvious way.
template <class Model>
bool exhaustively(const history<Model>& all, std::vector<bool>& placed,
                  const typename Model::state& now) {
    bool complete = true;
    for (std::size_t k = 0; k < all.size(); ++k) complete &= placed[k] || !all[k].output;
    if (complete) return true;
    for (std::size_t k = 0; k < all.size(); ++k) {
        if (placed[k]) continue;
        bool preceded = false;
        for (std::size_t j = 0; j < all.size(); ++j) {
            preceded |= !placed[j] && j != k && all[j].output && all[j].ended < all[k].began;
        }
        typename Model::state after = now;
        const auto* told = all[k].output ? &*all[k].output : nullptr;
        if (preceded || !Model::step(now, all[k].input, told, after)) continue;
        placed[k] = true;
        if (exhaustively(all, placed, after)) return true;
        placed[k] = false;
    }
    return false;
}
template <class Model>
bool exhaustively(const history<Model>& all) {
    std::vector<bool> placed(all.size());
    return exhaustively(all, placed, Model::initial());
}

}  // namespace

TEST_CASE("the queues of Herlihy and Wing 1990, figure 1, are judged as there") {
    // H1, H3 and H4 of section 1.2 are acceptable, H2 dequeues what was enqueued later.
    const queues first{enqueue({0, 4}, 1), enqueue({2, 6}, 2), dequeue({8, 12}, 2),
                       dequeue({10, 14}, 1), enqueue({11, 16}, 3)};
    CHECK(judge(first) == verdict::linearizable);
    const queues second{enqueue({0, 2}, 1), enqueue({4, 8}, 2), dequeue({6, 10}, 2)};
    CHECK(judge(second) == verdict::violated);
    const queues third{enqueue({0, 4}, 1), dequeue({2, 6}, 1)};
    CHECK(judge(third) == verdict::linearizable);
    const queues fourth{enqueue({0, 2}, 1), enqueue({1, 3}, 2), dequeue({4, 8}, 2),
                        dequeue({6, 9}, 2)};
    CHECK(judge(fourth) == verdict::violated);
}

TEST_CASE("a register shows no value before it is written and none that was overwritten") {
    CHECK(judge(registers{write({0, 10}, 1), read({2, 4}, 1), read({5, 6}, 1)}) ==
          verdict::linearizable);
    // New, then old: the second reader begins when the first has ended.
    CHECK(judge(registers{write({0, 10}, 1), read({2, 4}, 1), read({5, 6}, {})}) ==
          verdict::violated);
    CHECK(judge(registers{read({0, 1}, 5)}) == verdict::violated);
    CHECK(judge(registers{write({0, 1}, 1), write({2, 3}, 2), read({4, 5}, 1)}) ==
          verdict::violated);
    // Two writers at a time: either may be last, but both readers must agree.
    CHECK(judge(registers{write({0, 5}, 1), write({0, 5}, 2), read({6, 7}, 1), read({8, 9}, 1)}) ==
          verdict::linearizable);
    CHECK(judge(registers{write({0, 5}, 1), write({0, 5}, 2), read({6, 7}, 1), read({8, 9}, 2)}) ==
          verdict::violated);
    // What ends in the instant in which another begins may be concurrent with it.
    CHECK(judge(registers{write({0, 5}, 1), read({5, 6}, {})}) == verdict::linearizable);
}

TEST_CASE("an unknown outcome may happen late, or never, but not twice") {
    CHECK(judge(registers{maybe_write(0, 1), read({10, 11}, {}), read({20, 21}, {})}) ==
          verdict::linearizable);
    CHECK(judge(registers{maybe_write(0, 1), read({10, 11}, {}), read({20, 21}, 1)}) ==
          verdict::linearizable);
    CHECK(judge(registers{maybe_write(0, 1), write({30, 31}, 2), read({40, 41}, 1)}) ==
          verdict::linearizable);
    CHECK(judge(registers{maybe_write(0, 1), read({10, 11}, 1), write({30, 31}, 2),
                          read({40, 41}, 1)}) == verdict::violated);
    CHECK(judge(registers{maybe_write(12, 1), read({10, 11}, 1)}) == verdict::violated);
}

TEST_CASE("a failed exchange is an observation too") {
    CHECK(judge(registers{write({0, 1}, 1), swap({2, 5}, 1, 2, true), swap({3, 6}, 1, 3, false),
                          read({7, 8}, 2)}) == verdict::linearizable);
    CHECK(judge(registers{write({0, 1}, 1), swap({2, 5}, 1, 2, true), swap({3, 6}, 1, 3, true)}) ==
          verdict::violated);
    CHECK(judge(registers{write({0, 1}, 1), swap({2, 5}, 1, 2, false)}) == verdict::violated);
}

TEST_CASE("keys are judged apart, and the violation names its key and operations") {
    const registers all{write({0, 1}, 1, 7), read({2, 3}, 1, 7), write({0, 1}, 5, 9),
                        read({2, 3}, {}, 9), read({2, 3}, 1, 7)};
    const linearizability found = check_linearizable(all);
    CHECK(found.is == verdict::violated);
    CHECK(found.key == 9);
    CHECK(found.order == std::vector<std::size_t>{2});
    CHECK(found.stuck == std::vector<std::size_t>{3});
    CHECK(check_linearizable(all, 1).is == verdict::undecided);
}

TEST_CASE("small random histories are judged as by trying every order") {
    prng random(1);
    u64 good = 0, bad = 0;
    for (int round = 0; round < 6'000; ++round) {
        registers all;
        const u64 count = random.between(1, 7);
        for (u64 k = 0; k < count; ++k) {
            const i64 began = static_cast<i64>(random.below(12));
            const i64 ended = began + static_cast<i64>(random.below(8));
            operation_record<register_model> each;
            each.input = {static_cast<call>(random.below(5)), random.below(3), random.below(3)};
            each.began = {began};
            if (random.below(6) != 0) {
                each.ended = {ended};
                each.output = register_model::output{random.below(2) == 0, random.below(4)};
                if (random.below(3) == 0) each.output->value.reset();
            }
            all.push_back(each);
        }
        const bool expected = exhaustively(all);
        (expected ? good : bad) += 1;
        INFO("round ", round);
        REQUIRE((judge(all) == verdict::linearizable) == expected);
    }
    CHECK(good > 500);
    CHECK(bad > 500);
}

TEST_CASE("a hundred thousand operations on few keys are judged, good or with one stale read") {
    prng random(7);
    registers all;
    std::vector<std::optional<u64>> truth(20);
    i64 now = 0;
    for (u64 k = 0; k < 100'000; ++k) {
        const u64 key = random.below(truth.size());
        now += static_cast<i64>(random.below(10)) + 1;
        const i64 before = static_cast<i64>(random.below(60)),
                  after = static_cast<i64>(random.below(60));
        const span at{now - before, now + after};  // it takes effect now
        if (random.below(2) == 0) {
            truth[key] = k;
            all.push_back(random.below(1000) == 0 ? maybe_write(at.began, k, key)
                                                  : write(at, k, key));
        } else {
            all.push_back(read(at, truth[key], key));
        }
    }
    const linearizability good = check_linearizable(all);
    CHECK(good.is == verdict::linearizable);
    CHECK(good.steps >= all.size());
    // A read that sees what was overwritten long before it began.
    const auto stale = std::find_if(all.begin() + 90'000, all.end(),
                                    [](const auto& each) { return each.input.what == call::read; });
    REQUIRE(stale != all.end());
    stale->output->value = 1;
    const linearizability bad = check_linearizable(all, 10'000'000);
    CHECK(bad.is == verdict::violated);
    CHECK(bad.key == stale->key);
}
