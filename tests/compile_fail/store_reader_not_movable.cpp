// expect: raftkit: SnapshotStore::reader is not movable; see concepts/snapshot_store.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct store_reader_not_movable : raftkit::archetype::snapshot_reader {
#ifndef FIXED
    store_reader_not_movable(const store_reader_not_movable&) = delete;
    store_reader_not_movable& operator=(const store_reader_not_movable&) = delete;
#endif
};
static_assert(raftkit::detail::diagnose_snapshot_reader<store_reader_not_movable>::said);
