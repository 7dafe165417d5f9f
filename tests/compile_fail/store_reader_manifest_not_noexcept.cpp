// expect: raftkit: SnapshotStore::reader has `const snapshot_manifest& manifest()`, but it is not
// expect: const noexcept; see concepts/snapshot_store.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct store_reader_manifest_not_noexcept : raftkit::archetype::snapshot_reader {
#ifndef FIXED
    const raftkit::snapshot_manifest& manifest() const;
#endif
};
static_assert(raftkit::detail::diagnose_snapshot_reader<store_reader_manifest_not_noexcept>::said);
