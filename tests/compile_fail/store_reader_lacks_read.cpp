// expect: raftkit: SnapshotStore::reader lacks `result<chunk> read(u32 section, u64 offset, u32
// expect: bytes_max)`; see concepts/snapshot_store.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct store_reader_lacks_read : raftkit::archetype::snapshot_reader {
#ifndef FIXED
    int read = 0;
#endif
};
static_assert(raftkit::detail::diagnose_snapshot_reader<store_reader_lacks_read>::said);
