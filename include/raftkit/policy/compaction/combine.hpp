#pragma once
// Compaction policies made of compaction policies. There is no latest_of: two reasons to keep log
// are both reasons.

#include <tuple>

#include <raftkit/concepts/policies.hpp>
#include <raftkit/policy/parts.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace compaction {

// Keeps what any part wants to keep.
template <compaction_policy... Parts>
struct min_of {
    static_assert(sizeof...(Parts) > 0, "raftkit: min_of without parts keeps nothing");
    std::tuple<Parts...> parts{};

    result<void> validate() const noexcept {
        return std::apply([](const auto&... part) { return detail::validate_all(part...); }, parts);
    }
    constexpr index_t keep_from(const log_shape& log) const noexcept {
        index_t least{~u64{0}};
        const auto ask = [&](const auto& part) {
            const index_t wanted = part.keep_from(log);
            if (wanted < least) least = wanted;
        };
        std::apply([&](const auto&... part) { (ask(part), ...); }, parts);
        return least;
    }
    instant wake_at(const log_shape& log) const noexcept {
        return std::apply([&](const auto&... part) { return detail::least_wake(log, part...); },
                          parts);
    }
};

}  // namespace compaction

RAFTKIT_NAMESPACE_END
