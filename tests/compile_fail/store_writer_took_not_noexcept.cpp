// expect: raftkit: SnapshotStore::writer's optional `took` is not `void took(duration) noexcept`
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct store_writer_took_not_noexcept : raftkit::archetype::snapshot_writer {
#ifdef FIXED
    void took(raftkit::duration) noexcept;
#else
    void took(raftkit::duration);
#endif
};
static_assert(raftkit::detail::diagnose_snapshot_writer<store_writer_took_not_noexcept>::said);
