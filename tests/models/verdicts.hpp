#pragma once
// What a test says about a model. A check that explores nothing must not pass, so a rule that holds
// names how many states it was seen to hold in, and a variant that fails names the invariant.

#include "explorer.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

namespace models {

inline void tell(const outcome& seen) {
    if (std::getenv("RAFTKIT_MODELS") != nullptr) MESSAGE(seen.text());
}

// Every reachable state, at least `states_min` of them.
template <class Model>
void must_hold(const Model& model, std::uint64_t states_min,
               std::uint64_t states_max = 20'000'000) {
    const outcome seen = explore(model, states_max);
    INFO(seen.text());
    CHECK(seen.broken == nullptr);
    CHECK(seen.complete);
    CHECK(seen.states >= states_min);
    tell(seen);
}

// The first `states_max` states: the state space is larger than a test may take.
template <class Model>
void must_hold_up_to(const Model& model, std::uint64_t states_max) {
    const outcome seen = explore(model, states_max);
    INFO(seen.text());
    CHECK(seen.broken == nullptr);
    CHECK((seen.complete || seen.states >= states_max));
    tell(seen);
}

template <class Model>
void must_break(const Model& model, const std::string& invariant,
                std::uint64_t states_max = 20'000'000) {
    const outcome seen = explore(model, states_max);
    INFO(seen.text());
    REQUIRE(seen.broken != nullptr);
    CHECK(seen.broken == invariant);
    CHECK(!seen.steps.empty());
    tell(seen);
}

}  // namespace models
