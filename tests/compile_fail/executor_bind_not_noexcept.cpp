// expect: raftkit: an executor's optional `bind` is not `void bind(completion_port) noexcept`; see
// expect: concepts/policies.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct executor_bind_not_noexcept : raftkit::archetype::executor {
#ifndef FIXED
    void bind(raftkit::completion_port);
#endif
};
static_assert(raftkit::detail::diagnose_executor<executor_bind_not_noexcept>::said);
