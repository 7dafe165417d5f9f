// expect: raftkit: StateMachine lacks `void apply(const command&, reply_sink&)` and `void
// expect: apply(command_range, reply_sink&)`: one of them, it may return result<void>; see
// expect: concepts/state_machine.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct machine_lacks_apply : raftkit::archetype::state_machine {
#ifndef FIXED
    int apply = 0;
#endif
};
static_assert(raftkit::detail::diagnose_state_machine<machine_lacks_apply>::said);
