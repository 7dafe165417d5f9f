// expect: raftkit: Policies lacks the member `corruption`; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct policies_lack_corruption : raftkit::archetype::policies {
#ifndef FIXED
    void corruption();
#endif
};
static_assert(raftkit::detail::diagnose_policies<policies_lack_corruption>::said);
