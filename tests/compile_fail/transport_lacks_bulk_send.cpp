// expect: raftkit: Transport lacks `void send(const bulk_envelope&) noexcept`; see
// expect: concepts/transport.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct transport_lacks_bulk_send : raftkit::archetype::transport {
#ifndef FIXED
    void send(const raftkit::envelope&) noexcept;
#endif
};
static_assert(raftkit::detail::diagnose_transport<transport_lacks_bulk_send>::said);
