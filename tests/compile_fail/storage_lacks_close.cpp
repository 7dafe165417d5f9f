// expect: raftkit: Storage lacks `void close() noexcept`; see concepts/storage.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct storage_lacks_close : raftkit::archetype::storage {
#ifndef FIXED
    int close = 0;
#endif
};
static_assert(raftkit::detail::diagnose_storage<storage_lacks_close>::said);
