// expect: raftkit: StateMachine lacks `result<RestoreWriter> restore(const snapshot_meta&)`; see
// expect: concepts/state_machine.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct machine_lacks_restore : raftkit::archetype::state_machine {
#ifndef FIXED
    int restore = 0;
#endif
};
static_assert(raftkit::detail::diagnose_state_machine<machine_lacks_restore>::said);
