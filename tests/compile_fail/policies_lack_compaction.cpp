// expect: raftkit: Policies lacks the member `compaction`; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct policies_lack_compaction : raftkit::archetype::policies {
#ifndef FIXED
    void compaction();
#endif
};
static_assert(raftkit::detail::diagnose_policies<policies_lack_compaction>::said);
