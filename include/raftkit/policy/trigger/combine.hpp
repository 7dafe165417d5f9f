#pragma once
// Triggers made of triggers. Every part sees every question, also those whose answer is settled
// already: a part may count or remember, and must not starve behind another one. The first due
// part, in the order of writing, names the cause; `wake_at` is the least of the parts'.

#include <tuple>

#include <raftkit/concepts/policies.hpp>
#include <raftkit/policy/parts.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace trigger {

// Due as soon as one part is.
template <snapshot_trigger... Parts>
struct any_of {
    static_assert(sizeof...(Parts) > 0, "raftkit: any_of without parts is never due: use `manual`");
    std::tuple<Parts...> parts{};

    result<void> validate() const noexcept {
        return std::apply([](const auto&... part) { return detail::validate_all(part...); }, parts);
    }
    trigger_verdict due(const growth& since, instant now) noexcept {
        trigger_verdict first;
        const auto ask = [&](auto& part) {
            const trigger_verdict verdict = part.due(since, now);
            if (!first) first = verdict;
        };
        std::apply([&](auto&... part) { (ask(part), ...); }, parts);
        return first;
    }
    instant wake_at(const growth& since) const noexcept {
        return std::apply([&](const auto&... part) { return detail::least_wake(since, part...); },
                          parts);
    }
};

// Due while every part is; the first part names the cause.
template <snapshot_trigger... Parts>
struct all_of {
    static_assert(sizeof...(Parts) > 0, "raftkit: all_of without parts is always due");
    std::tuple<Parts...> parts{};

    result<void> validate() const noexcept {
        return std::apply([](const auto&... part) { return detail::validate_all(part...); }, parts);
    }
    trigger_verdict due(const growth& since, instant now) noexcept {
        trigger_verdict first;
        bool all = true;
        const auto ask = [&](auto& part) {
            const trigger_verdict verdict = part.due(since, now);
            if (!first) first = verdict;
            all = verdict && all;
        };
        std::apply([&](auto&... part) { (ask(part), ...); }, parts);
        return all ? first : trigger_verdict{};
    }
    instant wake_at(const growth& since) const noexcept {
        return std::apply([&](const auto&... part) { return detail::least_wake(since, part...); },
                          parts);
    }
};

// Not without at least `entries` new ones: an idle node with a timer would save the same state over
// and over.
template <snapshot_trigger Part>
struct min_gap {
    Part part{};
    u64 entries = 1;

    result<void> validate() const noexcept { return detail::validate_all(part); }
    trigger_verdict due(const growth& since, instant now) noexcept {
        const trigger_verdict verdict = part.due(since, now);
        return since.entries >= entries ? verdict : trigger_verdict{};
    }
    instant wake_at(const growth& since) const noexcept { return detail::least_wake(since, part); }
};

// Never: saves are asked for.
struct manual {
    constexpr trigger_verdict due(const growth&, instant) const noexcept { return {}; }
};

// Once, when the node closes, so that the next start has nothing to replay.
struct on_close {
    constexpr trigger_verdict due(const growth& since, instant) const noexcept {
        return {since.closing ? "close" : nullptr};
    }
};

}  // namespace trigger

RAFTKIT_NAMESPACE_END
