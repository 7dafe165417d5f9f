// expect: raftkit: Policies lacks the member `conflict`; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct policies_lack_conflict : raftkit::archetype::policies {
#ifndef FIXED
    void conflict();
#endif
};
static_assert(raftkit::detail::diagnose_policies<policies_lack_conflict>::said);
