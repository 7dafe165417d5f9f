// expect: raftkit: Storage lacks `persisted persist(const persist_batch&) noexcept`; see
// expect: concepts/storage.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct storage_lacks_persist : raftkit::archetype::storage {
#ifndef FIXED
    int persist = 0;
#endif
};
static_assert(raftkit::detail::diagnose_storage<storage_lacks_persist>::said);
