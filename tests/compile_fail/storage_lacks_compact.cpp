// expect: raftkit: Storage lacks `void compact(const log_base&) noexcept`; see concepts/storage.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct storage_lacks_compact : raftkit::archetype::storage {
#ifndef FIXED
    int compact = 0;
#endif
};
static_assert(raftkit::detail::diagnose_storage<storage_lacks_compact>::said);
