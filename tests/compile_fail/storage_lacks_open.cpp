// expect: raftkit: Storage lacks `result<recovered_log> open(const identity&, completion_port)`;
// expect: see concepts/storage.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct storage_lacks_open : raftkit::archetype::storage {
#ifndef FIXED
    int open = 0;
#endif
};
static_assert(raftkit::detail::diagnose_storage<storage_lacks_open>::said);
