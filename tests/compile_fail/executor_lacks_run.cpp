// expect: raftkit: an executor lacks `void run(operation& job) noexcept`; see concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct executor_lacks_run : raftkit::archetype::executor {
#ifndef FIXED
    int run = 0;
#endif
};
static_assert(raftkit::detail::diagnose_executor<executor_lacks_run>::said);
