// expect: raftkit: a pollable Transport lacks `template <class Sink> void drain(Sink&) noexcept`;
// expect: see concepts/transport.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct pollable_transport_drain_not_a_template : raftkit::archetype::pollable_transport {
#ifndef FIXED
    void drain(raftkit::need::mail_sink<0>&) noexcept;
#endif
};
static_assert(
    raftkit::detail::diagnose_pollable_transport<pollable_transport_drain_not_a_template>::said);
