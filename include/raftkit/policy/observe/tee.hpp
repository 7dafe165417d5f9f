#pragma once
// Several observers as one, each told in turn. What none of them hears costs nothing.

#include <tuple>

#include <raftkit/concepts/observer.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <event_observer... Observers>
struct tee {
    static_assert(sizeof...(Observers) > 0, "raftkit: tee without observers: use null_observer");
    std::tuple<Observers...> observers{};

    template <class Event>
        requires(hears<Observers, Event> || ...)
    void on(const Event& what) noexcept {
        std::apply([&](auto&... each) { (tell(each, what), ...); }, observers);
    }
};

RAFTKIT_NAMESPACE_END
