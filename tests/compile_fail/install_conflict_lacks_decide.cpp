// expect: raftkit: an install conflict policy lacks `clash_verdict decide(const install_clash&)
// expect: const noexcept`; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct install_conflict_lacks_decide : raftkit::archetype::install_conflict {
#ifndef FIXED
    int decide = 0;
#endif
};
static_assert(raftkit::detail::diagnose_install_conflict<install_conflict_lacks_decide>::said);
