// expect: raftkit: Storage has `persisted persist(const persist_batch&)`, but it is not noexcept;
// expect: see concepts/storage.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct storage_persist_not_noexcept : raftkit::archetype::storage {
#ifndef FIXED
    raftkit::persisted persist(const raftkit::persist_batch&);
#endif
};
static_assert(raftkit::detail::diagnose_storage<storage_persist_not_noexcept>::said);
