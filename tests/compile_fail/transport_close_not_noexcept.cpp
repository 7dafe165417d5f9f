// expect: raftkit: Transport has `void close()`, but it is not noexcept; see concepts/transport.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct transport_close_not_noexcept : raftkit::archetype::transport {
#ifndef FIXED
    void close();
#endif
};
static_assert(raftkit::detail::diagnose_transport<transport_close_not_noexcept>::said);
