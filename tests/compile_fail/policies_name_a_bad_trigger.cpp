// expect: raftkit: a snapshot trigger lacks `trigger_verdict due(const growth&, instant now)
// expect: noexcept`; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct policies_name_a_bad_trigger : raftkit::archetype::policies {
#ifndef FIXED
    raftkit::archetype::throttle trigger;
#endif
};
static_assert(raftkit::detail::diagnose_policies<policies_name_a_bad_trigger>::said);
