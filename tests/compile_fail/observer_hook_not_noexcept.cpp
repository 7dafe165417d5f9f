// expect: raftkit: an Observer's hook is not `void on(const Event&) noexcept`; see
// expect: concepts/observer.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct observer_hook_not_noexcept {
#ifndef FIXED
    void on(const raftkit::committed&);
#else
    void on(const raftkit::committed&) noexcept;
#endif
};
static_assert(raftkit::detail::diagnose_observer<observer_hook_not_noexcept>::said);
