// expect: raftkit: an install conflict policy has `clash_verdict decide(const install_clash&)`,
// expect: but it is not const noexcept; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct install_conflict_decide_not_noexcept : raftkit::archetype::install_conflict {
#ifndef FIXED
    raftkit::clash_verdict decide(const raftkit::install_clash&) const;
#endif
};
static_assert(
    raftkit::detail::diagnose_install_conflict<install_conflict_decide_not_noexcept>::said);
