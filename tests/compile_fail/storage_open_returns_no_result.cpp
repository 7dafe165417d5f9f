// expect: raftkit: Storage lacks `result<recovered_log> open(const identity&, completion_port)`;
// expect: see concepts/storage.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct storage_open_returns_no_result : raftkit::archetype::storage {
#ifndef FIXED
    raftkit::recovered_log open(const raftkit::identity&, raftkit::completion_port);
#endif
};
static_assert(raftkit::detail::diagnose_storage<storage_open_returns_no_result>::said);
