// expect: raftkit: Policies lacks the member `work_on`; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct policies_lack_work_on : raftkit::archetype::policies {
#ifndef FIXED
    void work_on();
#endif
};
static_assert(raftkit::detail::diagnose_policies<policies_lack_work_on>::said);
