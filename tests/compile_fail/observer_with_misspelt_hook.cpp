// expect: raftkit: an Observer hears nothing: it lacks `void on(const Event&) noexcept` for every
// expect: event; see concepts/observer.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct observer_with_misspelt_hook {
#ifndef FIXED
    void on_committed(const raftkit::committed&) noexcept;
#else
    void on(const raftkit::committed&) noexcept;
#endif
};
static_assert(raftkit::detail::diagnose_observer<observer_with_misspelt_hook>::said);
