// expect: raftkit: Transport lacks `void members(const configuration&) noexcept`; see
// expect: concepts/transport.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct transport_lacks_members : raftkit::archetype::transport {
#ifndef FIXED
    int members = 0;
#endif
};
static_assert(raftkit::detail::diagnose_transport<transport_lacks_members>::said);
