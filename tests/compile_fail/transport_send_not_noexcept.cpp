// expect: raftkit: Transport has `void send(const envelope&)`, but it is not noexcept; see
// expect: concepts/transport.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct transport_send_not_noexcept : raftkit::archetype::transport {
#ifndef FIXED
    void send(const raftkit::bulk_envelope&) noexcept;
    void send(const raftkit::envelope&);
#endif
};
static_assert(raftkit::detail::diagnose_transport<transport_send_not_noexcept>::said);
