// expect: raftkit: a retention policy has `bool keeps(const kept_snapshot&, instant now)`, but it
// expect: is not const noexcept; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct retention_keeps_not_noexcept : raftkit::archetype::retention {
#ifndef FIXED
    bool keeps(const raftkit::kept_snapshot&, raftkit::instant) const;
#endif
};
static_assert(raftkit::detail::diagnose_retention<retention_keeps_not_noexcept>::said);
