// expect: raftkit: a compaction policy has `index_t keep_from(const log_shape&)`, but it is not
// expect: const noexcept; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct compaction_keep_from_not_noexcept : raftkit::archetype::compaction {
#ifndef FIXED
    raftkit::index_t keep_from(const raftkit::log_shape&) noexcept;
#endif
};
static_assert(raftkit::detail::diagnose_compaction<compaction_keep_from_not_noexcept>::said);
