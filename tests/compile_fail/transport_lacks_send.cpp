// expect: raftkit: Transport lacks `void send(const envelope&) noexcept`; see
// expect: concepts/transport.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct transport_lacks_send : raftkit::archetype::transport {
#ifndef FIXED
    void send(const raftkit::bulk_envelope&) noexcept;
#endif
};
static_assert(raftkit::detail::diagnose_transport<transport_lacks_send>::said);
