// expect: raftkit: SnapshotStore::writer lacks `result<snapshot_manifest> publish()`; see
// expect: concepts/snapshot_store.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct store_writer_lacks_publish : raftkit::archetype::snapshot_writer {
#ifndef FIXED
    int publish = 0;
#endif
};
static_assert(raftkit::detail::diagnose_snapshot_writer<store_writer_lacks_publish>::said);
