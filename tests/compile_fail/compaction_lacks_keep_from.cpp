// expect: raftkit: a compaction policy lacks `index_t keep_from(const log_shape&) const noexcept`;
// expect: see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct compaction_lacks_keep_from : raftkit::archetype::compaction {
#ifndef FIXED
    int keep_from = 0;
#endif
};
static_assert(raftkit::detail::diagnose_compaction<compaction_lacks_keep_from>::said);
