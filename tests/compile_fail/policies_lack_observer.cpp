// expect: raftkit: Policies lacks the member `observer`; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct policies_lack_observer : raftkit::archetype::policies {
#ifndef FIXED
    void observer();
#endif
};
static_assert(raftkit::detail::diagnose_policies<policies_lack_observer>::said);
