// expect: raftkit: SnapshotStore lacks `result<std::vector<snapshot_manifest>> list()`; see
// expect: concepts/snapshot_store.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct store_lacks_list : raftkit::archetype::snapshot_store {
#ifndef FIXED
    int list = 0;
#endif
};
static_assert(raftkit::detail::diagnose_snapshot_store<store_lacks_list>::said);
