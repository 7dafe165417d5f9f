#pragma once
// Which snapshots stay. The node keeps the newest one and every pinned one whatever a policy says.

#include <raftkit/base/result.hpp>
#include <raftkit/concepts/policies.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace retention {

// Two by default: a start that finds the newest damaged falls back to the one before it.
struct newest {
    u32 count = 2;

    result<void> validate() const noexcept {
        if (count == 0) return error{errc::invalid_option, 0, "newest.count: at least 1"};
        return {};
    }
    constexpr bool keeps(const kept_snapshot& asked, instant) const noexcept {
        return asked.rank < count;
    }
};

struct everything {
    constexpr bool keeps(const kept_snapshot&, instant) const noexcept { return true; }
};

}  // namespace retention

RAFTKIT_NAMESPACE_END
