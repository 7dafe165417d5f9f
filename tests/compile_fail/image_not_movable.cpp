// expect: raftkit: an image (the result of `capture`) is not movable; see
// expect: concepts/state_machine.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct part : raftkit::archetype::image {
#ifndef FIXED
    part(const part&) = delete;
    part& operator=(const part&) = delete;
#endif
};
struct image_not_movable : raftkit::archetype::state_machine {
    raftkit::result<part> capture();
};
static_assert(raftkit::detail::diagnose_state_machine<image_not_movable>::said);
