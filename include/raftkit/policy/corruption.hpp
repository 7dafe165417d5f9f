#pragma once
// What a start does about damage that it found. A torn tail is no damage: it is cut before anyone
// is asked.

#include <raftkit/concepts/policies.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace corruption {

// open() fails and names file, offset and entries. What was acknowledged is never given up without
// a person.
struct refuse {
    static constexpr bool repairs = false;
    constexpr damage_verdict decide(const damage&) const noexcept { return damage_verdict::refuse; }
};

}  // namespace corruption

RAFTKIT_NAMESPACE_END
