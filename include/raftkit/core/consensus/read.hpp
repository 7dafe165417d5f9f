#pragma once
// Linearizable reads: ReadIndex, and leases where they are allowed (Raft §8; thesis §6.4).

#include <raftkit/core/consensus.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

// Always ends by a read_ready with this id, unless it returns an error now.
inline result<void> consensus::read(request_id id, bool lease_allowed) noexcept {
    if (!running()) return error{errc::stopped, 0, "core.read"};
    leader_state* office = leading();
    if (office == nullptr) return error{errc::not_leader, 0, "core.read", leader().value};
    touch();
    if (lease_allowed && options_.lease_reads && !office->lease_revoked && !office->transfer &&
        commit_ >= office->barrier && office->reads.confirmed() != 0) {
        const instant until =
            office->reads.lease_from() + lease_timeout_ - options_.lease_drift_max;
        if (now_ < until) {
            out().reads.push_back({id, commit_, {}});
            out().has |= effects::reading;
            return {};
        }
    }
    office->reads.add(id, commit_);
    return {};
}

// A round counts for us at once, for a peer when it answered it. Reads wait for the barrier too:
// before it is committed this leader does not know what is (known bug 93).
[[gnu::noinline]] inline void consensus::confirm_reads() noexcept {
    leader_state* office = leading();
    const u64 round = office->voters.agreed(office->reads.round(),
                                            [&](u8 at) { return office->peers[at].read_round; });
    office->reads.confirm(round);
    if (commit_ < office->barrier) return;
    read_queue::waiting ready;
    while (office->reads.take_confirmed(ready)) {
        out().reads.push_back({ready.id, std::max(ready.at, office->barrier), {}});
        out().has |= effects::reading;
        touch();
    }
}

// A leader that stops being one serves no read that was not confirmed before.
inline void consensus::fail_reads(leader_state& office) noexcept {
    read_queue::waiting each;
    while (office.reads.take_any(each)) {
        out().reads.push_back({each.id, {}, {errc::not_leader, 0, "core.read", 0}});
        out().has |= effects::reading;
    }
}

}  // namespace core

RAFTKIT_NAMESPACE_END
