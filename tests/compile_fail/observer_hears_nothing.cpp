// expect: raftkit: an Observer hears nothing: it lacks `void on(const Event&) noexcept` for every
// expect: event; see concepts/observer.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct observer_hears_nothing {
#ifndef FIXED
    void on(const raftkit::persisted&) noexcept;  // a completion, no event
#else
    void on(const raftkit::committed&) noexcept;
#endif
};
static_assert(raftkit::detail::diagnose_observer<observer_hears_nothing>::said);
