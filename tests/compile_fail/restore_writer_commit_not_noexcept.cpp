// expect: raftkit: a restore writer (the result of `restore`) has `void commit()`, but it is not
// expect: noexcept; see concepts/state_machine.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct part : raftkit::archetype::restore_writer {
#ifndef FIXED
    void commit();
#endif
};
struct restore_writer_commit_not_noexcept : raftkit::archetype::state_machine {
    raftkit::result<part> restore(const raftkit::snapshot_meta&);
};
static_assert(raftkit::detail::diagnose_state_machine<restore_writer_commit_not_noexcept>::said);
