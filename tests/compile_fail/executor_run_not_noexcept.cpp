// expect: raftkit: an executor has `void run(operation& job)`, but it is not noexcept; see
// expect: concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct executor_run_not_noexcept : raftkit::archetype::executor {
#ifndef FIXED
    void run(raftkit::operation&);
#endif
};
static_assert(raftkit::detail::diagnose_executor<executor_run_not_noexcept>::said);
