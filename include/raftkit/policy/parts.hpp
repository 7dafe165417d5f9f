#pragma once
// What every policy made of policies asks of all its parts.

#include <raftkit/base/instant.hpp>
#include <raftkit/base/result.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace detail {

// The first complaint of the parts that have something to check.
template <class... Parts>
result<void> validate_all(const Parts&... parts) noexcept {
    result<void> verdict;
    const auto check = [&verdict](const auto& part) {
        if constexpr (requires { part.validate(); }) {
            if (verdict) verdict = part.validate();
        }
    };
    (check(parts), ...);
    return verdict;
}
template <class Facts, class... Parts>
instant least_wake(const Facts& facts, const Parts&... parts) noexcept {
    instant least = never;
    const auto look = [&](const auto& part) {
        if constexpr (requires { part.wake_at(facts); })
            least = earliest(least, part.wake_at(facts));
    };
    (look(parts), ...);
    return least;
}

}  // namespace detail

RAFTKIT_NAMESPACE_END
