// expect: raftkit: Policies lacks the member `throttle`; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct policies_lack_throttle : raftkit::archetype::policies {
#ifndef FIXED
    void throttle();
#endif
};
static_assert(raftkit::detail::diagnose_policies<policies_lack_throttle>::said);
