// expect: raftkit: a corruption policy has `damage_verdict decide(const damage&)`, but it is not
// expect: const noexcept; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct corruption_decide_not_noexcept : raftkit::archetype::corruption {
#ifndef FIXED
    raftkit::damage_verdict decide(const raftkit::damage&) const;
#endif
};
static_assert(raftkit::detail::diagnose_corruption<corruption_decide_not_noexcept>::said);
