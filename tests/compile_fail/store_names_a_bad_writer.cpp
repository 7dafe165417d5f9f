// expect: raftkit: SnapshotStore::writer lacks `result<snapshot_manifest> publish()`; see
// expect: concepts/snapshot_store.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

// The sentence about a writer is reached from the store that names it.
struct part : raftkit::archetype::snapshot_writer {
#ifndef FIXED
    int publish = 0;
#endif
};
struct store_names_a_bad_writer : raftkit::archetype::snapshot_store {
    using writer = part;
    raftkit::result<writer> create(const raftkit::snapshot_manifest&);
};
static_assert(raftkit::detail::diagnose_snapshot_store<store_names_a_bad_writer>::said);
