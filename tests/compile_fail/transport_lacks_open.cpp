// expect: raftkit: Transport lacks `result<void> open(const identity&, completion_port)`; see
// expect: concepts/transport.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct transport_lacks_open : raftkit::archetype::transport {
#ifndef FIXED
    int open = 0;
#endif
};
static_assert(raftkit::detail::diagnose_transport<transport_lacks_open>::said);
