// expect: raftkit: a throttle has `instant admit(const bulk_request&, instant now)`, but it is not
// expect: noexcept; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct throttle_admit_not_noexcept : raftkit::archetype::throttle {
#ifndef FIXED
    raftkit::instant admit(const raftkit::bulk_request&, raftkit::instant);
#endif
};
static_assert(raftkit::detail::diagnose_throttle<throttle_admit_not_noexcept>::said);
