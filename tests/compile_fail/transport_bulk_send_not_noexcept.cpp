// expect: raftkit: Transport has `void send(const bulk_envelope&)`, but it is not noexcept; see
// expect: concepts/transport.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct transport_bulk_send_not_noexcept : raftkit::archetype::transport {
#ifndef FIXED
    void send(const raftkit::envelope&) noexcept;
    void send(const raftkit::bulk_envelope&);
#endif
};
static_assert(raftkit::detail::diagnose_transport<transport_bulk_send_not_noexcept>::said);
