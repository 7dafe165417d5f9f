// expect: raftkit: a pollable Transport lacks `template <class Sink> void drain(Sink&) noexcept`;
// expect: see concepts/transport.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct transport_attach_without_drain : raftkit::archetype::pollable_transport {
#ifndef FIXED
    int drain = 0;
#endif
};
static_assert(raftkit::detail::diagnose_transport<transport_attach_without_drain>::said);
