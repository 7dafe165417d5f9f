// expect: raftkit: SnapshotStore::writer is not movable; see concepts/snapshot_store.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct store_writer_not_movable : raftkit::archetype::snapshot_writer {
#ifndef FIXED
    store_writer_not_movable(const store_writer_not_movable&) = delete;
    store_writer_not_movable& operator=(const store_writer_not_movable&) = delete;
#endif
};
static_assert(raftkit::detail::diagnose_snapshot_writer<store_writer_not_movable>::said);
