// expect: raftkit: Policies lacks the member `retention`; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct policies_lack_retention : raftkit::archetype::policies {
#ifndef FIXED
    void retention();
#endif
};
static_assert(raftkit::detail::diagnose_policies<policies_lack_retention>::said);
