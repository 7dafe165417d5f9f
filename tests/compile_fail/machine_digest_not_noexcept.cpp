// expect: raftkit: StateMachine's optional `digest` is not `u64 digest() const noexcept`; see
// expect: concepts/state_machine.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct machine_digest_not_noexcept : raftkit::archetype::state_machine {
#ifndef FIXED
    raftkit::u64 digest() const;
#endif
};
static_assert(raftkit::detail::diagnose_state_machine<machine_digest_not_noexcept>::said);
