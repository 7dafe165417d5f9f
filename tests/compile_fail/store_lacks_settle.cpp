// expect: raftkit: SnapshotStore lacks `result<void> settle(snapshot_id)`; see
// expect: concepts/snapshot_store.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct store_lacks_settle : raftkit::archetype::snapshot_store {
#ifndef FIXED
    int settle = 0;
#endif
};
static_assert(raftkit::detail::diagnose_snapshot_store<store_lacks_settle>::said);
