// expect: raftkit: SnapshotStore lacks `result<writer> create(const snapshot_manifest&)`; see
// expect: concepts/snapshot_store.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct store_lacks_create : raftkit::archetype::snapshot_store {
#ifndef FIXED
    int create = 0;
#endif
};
static_assert(raftkit::detail::diagnose_snapshot_store<store_lacks_create>::said);
