// expect: raftkit: a pollable Transport has `template <class Sink> void drain(Sink&)`, but it is
// expect: not noexcept; see concepts/transport.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct pollable_transport_drain_not_noexcept : raftkit::archetype::pollable_transport {
#ifndef FIXED
    template <class Sink>
    void drain(Sink&);
#endif
};
static_assert(
    raftkit::detail::diagnose_pollable_transport<pollable_transport_drain_not_noexcept>::said);
