// expect: raftkit: a snapshot trigger has `trigger_verdict due(const growth&, instant now)`, but
// expect: it is not noexcept; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct trigger_due_not_noexcept : raftkit::archetype::trigger {
#ifndef FIXED
    raftkit::trigger_verdict due(const raftkit::growth&, raftkit::instant);
#endif
};
static_assert(raftkit::detail::diagnose_trigger<trigger_due_not_noexcept>::said);
