// expect: raftkit: a restore writer (the result of `restore`) lacks `void commit() noexcept`; see
// expect: concepts/state_machine.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct part : raftkit::archetype::restore_writer {
#ifndef FIXED
    int commit = 0;
#endif
};
struct restore_writer_lacks_commit : raftkit::archetype::state_machine {
    raftkit::result<part> restore(const raftkit::snapshot_meta&);
};
static_assert(raftkit::detail::diagnose_state_machine<restore_writer_lacks_commit>::said);
