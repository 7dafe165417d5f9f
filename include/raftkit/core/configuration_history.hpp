#pragma once
// Which configuration is in force at which index. The newest in the log is in force as soon as it
// is appended (Raft §6) and undone when it is truncated; older ones are kept back to the base,
// because a snapshot must hold the one at its own index, not the newest (known bug 37).

#include <vector>

#include <raftkit/core/configuration.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

class configuration_history {
public:
    // `base` is in force at the log's base.
    explicit configuration_history(configuration base) noexcept {
        known_.push_back(std::move(base));
    }

    const configuration& latest() const noexcept { return known_.back(); }
    // Requires: at is not below the base.
    const configuration& at(index_t at) const noexcept {
        for (std::size_t k = known_.size(); k > 1; --k) {
            if (known_[k - 1].index <= at) return known_[k - 1];
        }
        return known_.front();
    }
    // The newest one whose entry lies above `after`; null if none.
    const configuration* first_above(index_t after) const noexcept {
        for (std::size_t k = 1; k < known_.size(); ++k) {
            if (known_[k].index > after) return &known_[k];
        }
        return nullptr;
    }

    // Requires: indexes rise.
    void append(configuration next) noexcept {
        RAFTKIT_ASSERT(next.index > latest().index);
        known_.push_back(std::move(next));
    }
    // Forgets those at or above `from`. Returns true if the one in force changed.
    bool truncate(index_t from) noexcept {
        const std::size_t before = known_.size();
        while (known_.size() > 1 && known_.back().index >= from) known_.pop_back();
        return known_.size() != before;
    }
    // The base moves up to `base`: keeps the one in force there and those above.
    void compact(index_t base) noexcept {
        std::size_t keep = 0;
        while (keep + 1 < known_.size() && known_[keep + 1].index <= base) ++keep;
        known_.erase(known_.begin(), known_.begin() + static_cast<std::ptrdiff_t>(keep));
    }
    void reset(configuration base) noexcept {
        known_.clear();
        known_.push_back(std::move(base));
    }
    std::size_t size() const noexcept { return known_.size(); }

private:
    std::vector<configuration> known_;  // never empty; front: in force at the base
};

}  // namespace core

RAFTKIT_NAMESPACE_END
