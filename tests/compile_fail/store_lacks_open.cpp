// expect: raftkit: SnapshotStore lacks `result<reader> open(snapshot_id)`; see
// expect: concepts/snapshot_store.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct store_lacks_open : raftkit::archetype::snapshot_store {
#ifndef FIXED
    int open = 0;
#endif
};
static_assert(raftkit::detail::diagnose_snapshot_store<store_lacks_open>::said);
