// expect: raftkit: a throttle lacks `instant admit(const bulk_request&, instant now) noexcept`;
// expect: see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct throttle_lacks_admit : raftkit::archetype::throttle {
#ifndef FIXED
    int admit = 0;
#endif
};
static_assert(raftkit::detail::diagnose_throttle<throttle_lacks_admit>::said);
