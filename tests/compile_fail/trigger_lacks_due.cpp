// expect: raftkit: a snapshot trigger lacks `trigger_verdict due(const growth&, instant now)
// expect: noexcept`; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct trigger_lacks_due : raftkit::archetype::trigger {
#ifndef FIXED
    int due = 0;
#endif
};
static_assert(raftkit::detail::diagnose_trigger<trigger_lacks_due>::said);
