// expect: raftkit: StateMachine's optional `durable_index` is not `log_id durable_index() const
// expect: noexcept`; see concepts/state_machine.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct machine_durable_index_not_const : raftkit::archetype::state_machine {
#ifndef FIXED
    raftkit::log_id durable_index() noexcept;
#endif
};
static_assert(raftkit::detail::diagnose_state_machine<machine_durable_index_not_const>::said);
