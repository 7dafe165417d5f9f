// expect: raftkit: a pollable Transport lacks `result<void> attach(poller&)`; see
// expect: concepts/transport.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct pollable_transport_lacks_attach : raftkit::archetype::pollable_transport {
#ifndef FIXED
    int attach = 0;
#endif
};
static_assert(raftkit::detail::diagnose_pollable_transport<pollable_transport_lacks_attach>::said);
