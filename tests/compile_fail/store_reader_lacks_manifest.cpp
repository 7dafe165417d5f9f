// expect: raftkit: SnapshotStore::reader lacks `const snapshot_manifest& manifest() const
// expect: noexcept`; see concepts/snapshot_store.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct store_reader_lacks_manifest : raftkit::archetype::snapshot_reader {
#ifndef FIXED
    int manifest = 0;
#endif
};
static_assert(raftkit::detail::diagnose_snapshot_reader<store_reader_lacks_manifest>::said);
