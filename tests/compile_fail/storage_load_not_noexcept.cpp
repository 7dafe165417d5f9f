// expect: raftkit: Storage has `void load(load_request)`, but it is not noexcept; see
// expect: concepts/storage.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct storage_load_not_noexcept : raftkit::archetype::storage {
#ifndef FIXED
    void load(raftkit::load_request);
#endif
};
static_assert(raftkit::detail::diagnose_storage<storage_load_not_noexcept>::said);
