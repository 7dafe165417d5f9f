// expect: raftkit: an image's optional `at` is not `log_id at() const noexcept`; see
// expect: concepts/state_machine.hpp
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

struct part : raftkit::archetype::image {
#ifndef FIXED
    raftkit::log_id at() const;
#endif
};
struct image_at_not_noexcept : raftkit::archetype::state_machine {
    raftkit::result<part> capture();
};
static_assert(raftkit::detail::diagnose_state_machine<image_at_not_noexcept>::said);
