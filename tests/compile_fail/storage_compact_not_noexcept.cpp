// expect: raftkit: Storage has `void compact(const log_base&)`, but it is not noexcept; see
// expect: concepts/storage.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct storage_compact_not_noexcept : raftkit::archetype::storage {
#ifndef FIXED
    void compact(const raftkit::log_base&);
#endif
};
static_assert(raftkit::detail::diagnose_storage<storage_compact_not_noexcept>::said);
