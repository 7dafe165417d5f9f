#pragma once
// Timers and ballots of elections (Raft §5.2, thesis §9.6 for pre-vote, §4.2.3 for stickiness). No
// rule here knows the log; consensus/elect.hpp puts them together.

#include <array>

#include <raftkit/base/prng.hpp>
#include <raftkit/core/options.hpp>
#include <raftkit/core/quorum.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

// The randomised timeout, and when a leader was last heard.
class election_timer {
public:
    instant deadline() const noexcept { return deadline_; }
    void restart(instant now, const options& numbers, prng& random) noexcept {
        const u64 low = static_cast<u64>(numbers.election_timeout_min.ns);
        const u64 high = static_cast<u64>(numbers.election_timeout_max.ns);
        timeout_ = nanoseconds(static_cast<i64>(random.between(low, high)));
        deadline_ = now + timeout_;
    }
    // The leader was heard: the same timeout begins again. It is drawn anew when it runs out.
    void put_off(instant now) noexcept { deadline_ = now + timeout_; }
    void run_out(instant now) noexcept { deadline_ = now; }
    // A machine that was suspended must not campaign before it could hear its leader again.
    bool overslept(instant now, const options& numbers) const noexcept {
        return deadline_ != never && now > deadline_ + numbers.election_timeout_max;
    }

private:
    instant deadline_ = never;
    duration timeout_;
};

// Who answered what in one round. A voter's first answer counts; duplicates do not (scenario A13).
class ballots {
public:
    void clear() noexcept { count_ = 0; }
    void cast(node_id voter, bool granted) noexcept {
        for (u32 k = 0; k < count_; ++k) {
            if (cast_[k].voter == voter) return;
        }
        if (count_ < cast_.size()) cast_[count_++] = {voter, granted};
    }
    ballot of(node_id voter) const noexcept {
        for (u32 k = 0; k < count_; ++k) {
            if (cast_[k].voter == voter)
                return cast_[k].granted ? ballot::granted : ballot::refused;
        }
        return ballot::unknown;
    }
    vote_outcome outcome(const configuration& members) const noexcept {
        return tally(members, [this](node_id id) { return of(id); });
    }

private:
    struct entry {
        node_id voter;
        bool granted = false;
    };
    std::array<entry, peers_max> cast_{};
    u32 count_ = 0;
};

}  // namespace core

RAFTKIT_NAMESPACE_END
