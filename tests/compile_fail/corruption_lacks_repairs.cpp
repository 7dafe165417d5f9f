// expect: raftkit: a corruption policy lacks `static constexpr bool repairs`; see
// expect: concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct corruption_lacks_repairs : raftkit::archetype::corruption {
#ifndef FIXED
    void repairs();
#endif
};
static_assert(raftkit::detail::diagnose_corruption<corruption_lacks_repairs>::said);
