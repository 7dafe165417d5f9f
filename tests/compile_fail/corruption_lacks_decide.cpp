// expect: raftkit: a corruption policy lacks `damage_verdict decide(const damage&) const
// expect: noexcept`; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct corruption_lacks_decide : raftkit::archetype::corruption {
#ifndef FIXED
    int decide = 0;
#endif
};
static_assert(raftkit::detail::diagnose_corruption<corruption_lacks_decide>::said);
