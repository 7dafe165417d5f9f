// expect: raftkit: Policies lacks the member `apply_on`; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct policies_lack_apply_on : raftkit::archetype::policies {
#ifndef FIXED
    void apply_on();
#endif
};
static_assert(raftkit::detail::diagnose_policies<policies_lack_apply_on>::said);
