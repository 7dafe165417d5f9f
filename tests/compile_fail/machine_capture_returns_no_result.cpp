// expect: raftkit: StateMachine lacks `result<Image> capture()`; see concepts/state_machine.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct machine_capture_returns_no_result : raftkit::archetype::state_machine {
#ifndef FIXED
    raftkit::archetype::image capture();
#endif
};
static_assert(raftkit::detail::diagnose_state_machine<machine_capture_returns_no_result>::said);
