// expect: raftkit: SnapshotStore lacks `result<store_report> recover(const identity&)`; see
// expect: concepts/snapshot_store.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct store_lacks_recover : raftkit::archetype::snapshot_store {
#ifndef FIXED
    int recover = 0;
#endif
};
static_assert(raftkit::detail::diagnose_snapshot_store<store_lacks_recover>::said);
