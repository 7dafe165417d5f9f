// expect: raftkit: a restore writer (the result of `restore`) is not movable; see
// expect: concepts/state_machine.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct part : raftkit::archetype::restore_writer {
#ifndef FIXED
    part(const part&) = delete;
    part& operator=(const part&) = delete;
#endif
};
struct restore_writer_not_movable : raftkit::archetype::state_machine {
    raftkit::result<part> restore(const raftkit::snapshot_meta&);
};
static_assert(raftkit::detail::diagnose_state_machine<restore_writer_not_movable>::said);
