// expect: raftkit: an image's optional `section` is not `section_meta section() const`; see
// expect: concepts/state_machine.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct part : raftkit::archetype::image {
#ifndef FIXED
    raftkit::section_meta section();
#endif
};
struct image_section_not_const : raftkit::archetype::state_machine {
    raftkit::result<part> capture();
};
static_assert(raftkit::detail::diagnose_state_machine<image_section_not_const>::said);
