// expect: raftkit: a compaction policy's optional `wake_at` is not `instant wake_at(const
// expect: log_shape&) const noexcept`; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct compaction_wake_at_not_noexcept : raftkit::archetype::compaction {
#ifndef FIXED
    raftkit::instant wake_at(const raftkit::log_shape&) const;
#endif
};
static_assert(raftkit::detail::diagnose_compaction<compaction_wake_at_not_noexcept>::said);
