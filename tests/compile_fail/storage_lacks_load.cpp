// expect: raftkit: Storage lacks `void load(load_request) noexcept`; see concepts/storage.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct storage_lacks_load : raftkit::archetype::storage {
#ifndef FIXED
    int load = 0;
#endif
};
static_assert(raftkit::detail::diagnose_storage<storage_lacks_load>::said);
