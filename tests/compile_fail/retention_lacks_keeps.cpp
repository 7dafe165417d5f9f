// expect: raftkit: a retention policy lacks `bool keeps(const kept_snapshot&, instant now) const
// expect: noexcept`; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct retention_lacks_keeps : raftkit::archetype::retention {
#ifndef FIXED
    int keeps = 0;
#endif
};
static_assert(raftkit::detail::diagnose_retention<retention_lacks_keeps>::said);
