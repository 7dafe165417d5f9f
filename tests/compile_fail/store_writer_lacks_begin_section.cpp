// expect: raftkit: SnapshotStore::writer lacks `result<void> begin_section(const section_meta&)`;
// expect: see concepts/snapshot_store.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct store_writer_lacks_begin_section : raftkit::archetype::snapshot_writer {
#ifndef FIXED
    int begin_section = 0;
#endif
};
static_assert(raftkit::detail::diagnose_snapshot_writer<store_writer_lacks_begin_section>::said);
