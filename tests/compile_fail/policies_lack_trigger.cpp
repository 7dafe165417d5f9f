// expect: raftkit: Policies lacks the member `trigger`; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct policies_lack_trigger : raftkit::archetype::policies {
#ifndef FIXED
    void trigger();
#endif
};
static_assert(raftkit::detail::diagnose_policies<policies_lack_trigger>::said);
