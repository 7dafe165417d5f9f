// expect: raftkit: Transport has `void members(const configuration&)`, but it is not noexcept; see
// expect: concepts/transport.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct transport_members_not_noexcept : raftkit::archetype::transport {
#ifndef FIXED
    void members(const raftkit::configuration&);
#endif
};
static_assert(raftkit::detail::diagnose_transport<transport_members_not_noexcept>::said);
