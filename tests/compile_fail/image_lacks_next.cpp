// expect: raftkit: an image (the result of `capture`) lacks `result<image_step>
// expect: next(std::span<std::byte>)`; see concepts/state_machine.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct part : raftkit::archetype::image {
#ifndef FIXED
    int next = 0;
#endif
};
struct image_lacks_next : raftkit::archetype::state_machine {
    raftkit::result<part> capture();
};
static_assert(raftkit::detail::diagnose_state_machine<image_lacks_next>::said);
