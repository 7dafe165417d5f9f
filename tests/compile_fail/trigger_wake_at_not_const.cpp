// expect: raftkit: a snapshot trigger's optional `wake_at` is not `instant wake_at(const growth&)
// expect: const noexcept`; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct trigger_wake_at_not_const : raftkit::archetype::trigger {
#ifndef FIXED
    raftkit::instant wake_at(const raftkit::growth&) noexcept;
#endif
};
static_assert(raftkit::detail::diagnose_trigger<trigger_wake_at_not_const>::said);
