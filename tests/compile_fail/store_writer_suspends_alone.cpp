// expect: raftkit: SnapshotStore::writer's optional `suspend` comes with `result<void> suspend()`,
// expect: `result<u64> recheck()` and `bool holds(u32, u64, u64) const noexcept`
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct store_writer_suspends_alone : raftkit::archetype::snapshot_writer {
    raftkit::result<void> suspend();
#ifdef FIXED
    raftkit::result<raftkit::u64> recheck();
    bool holds(raftkit::u32, raftkit::u64, raftkit::u64) const noexcept;
#endif
};
static_assert(raftkit::detail::diagnose_snapshot_writer<store_writer_suspends_alone>::said);
