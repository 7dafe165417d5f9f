// expect: raftkit: StateMachine lacks `result<Image> capture()`; see concepts/state_machine.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct machine_lacks_capture : raftkit::archetype::state_machine {
#ifndef FIXED
    int capture = 0;
#endif
};
static_assert(raftkit::detail::diagnose_state_machine<machine_lacks_capture>::said);
