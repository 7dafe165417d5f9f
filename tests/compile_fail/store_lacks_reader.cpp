// expect: raftkit: SnapshotStore lacks the type `reader`; see concepts/snapshot_store.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct store_lacks_reader {
#ifdef FIXED
    using reader = raftkit::archetype::snapshot_reader;
#endif
    using writer = raftkit::archetype::snapshot_writer;
    raftkit::result<raftkit::store_report> recover(const raftkit::identity&);
    raftkit::result<raftkit::archetype::snapshot_writer> create(const raftkit::snapshot_manifest&);
    raftkit::result<raftkit::archetype::snapshot_reader> open(raftkit::snapshot_id);
    raftkit::result<std::vector<raftkit::snapshot_manifest>> list();
    raftkit::result<void> remove(raftkit::snapshot_id);
    raftkit::result<void> settle(raftkit::snapshot_id);
};
static_assert(raftkit::detail::diagnose_snapshot_store<store_lacks_reader>::said);
