// expect: raftkit: Transport lacks `void close() noexcept`; see concepts/transport.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct transport_lacks_close : raftkit::archetype::transport {
#ifndef FIXED
    int close = 0;
#endif
};
static_assert(raftkit::detail::diagnose_transport<transport_lacks_close>::said);
