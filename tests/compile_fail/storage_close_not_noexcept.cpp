// expect: raftkit: Storage has `void close()`, but it is not noexcept; see concepts/storage.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct storage_close_not_noexcept : raftkit::archetype::storage {
#ifndef FIXED
    void close();
#endif
};
static_assert(raftkit::detail::diagnose_storage<storage_close_not_noexcept>::said);
