#pragma once
// What happens when a leader's snapshot arrives while an own save runs.

#include <raftkit/concepts/policies.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace conflict {

// The default: the node is behind, so its own save is of a state that is about to be replaced. Its
// tickets end `cancelled`; requests by hand are queued again. (An offer of what is committed here
// never gets this far.)
struct install_cancels_save {
    constexpr clash_verdict decide(const install_clash&) const noexcept {
        return clash_verdict::cancel_save;
    }
};
// The leader is told `busy` and offers again.
struct save_blocks_install {
    constexpr clash_verdict decide(const install_clash&) const noexcept {
        return clash_verdict::finish_save_first;
    }
};
// Needs the room and the bandwidth for both.
struct side_by_side {
    constexpr clash_verdict decide(const install_clash&) const noexcept {
        return clash_verdict::run_both;
    }
};

}  // namespace conflict

RAFTKIT_NAMESPACE_END
