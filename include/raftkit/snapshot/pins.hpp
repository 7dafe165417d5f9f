#pragma once
// Who needs which snapshot. Readers are counted; a transfer to a peer holds a lease that ends by
// itself when nothing moves for a while, so that a peer that died does not hold disk space for
// ever. Retention deletes only what nobody pins, and the log behind a leased snapshot stays (known
// bugs 54, 64). Pure: time is handed in.
//
//   opened(id) / closed(id)           readers: restore, verification
//   lease(peer, id, now) -> progressed(peer, now)* -> released(peer), or lapse(now) after `idle`
//   without progress

#include <utility>

#include <raftkit/base/flat_map.hpp>
#include <raftkit/core/types.hpp>

RAFTKIT_NAMESPACE_BEGIN

class snapshot_pins {
public:
    explicit snapshot_pins(duration idle) noexcept : idle_(idle) {}

    void set_idle(duration idle) noexcept { idle_ = idle; }

    void opened(snapshot_id id) { ++readers_.try_emplace(key{id}, 0u).first; }
    // Requires: opened before.
    void closed(snapshot_id id) noexcept {
        u32& count = readers_.at(key{id});
        RAFTKIT_ASSERT(count > 0);
        if (--count == 0) readers_.erase(key{id});
    }

    // At most one transfer a peer: a new one replaces the old one (known bug 63).
    void lease(node_id peer, snapshot_id id, instant now) {
        leases_.insert_or_assign(peer, held{id, now});
    }
    // Late news of a transfer that ended are ignored.
    void progressed(node_id peer, instant now) noexcept {
        if (held* lease = leases_.find(peer))
            lease->moved_at = lease->moved_at < now ? now : lease->moved_at;
    }
    void released(node_id peer) noexcept { leases_.erase(peer); }

    // Ends every lease that was idle for too long and tells `lapsed(peer, id)` of each.
    template <class Lapsed>
    void lapse(instant now, Lapsed&& lapsed) {
        for (auto at = leases_.begin(); at != leases_.end();) {
            if (now < at->second.moved_at + idle_) {
                ++at;
                continue;
            }
            const std::pair<node_id, snapshot_id> gone{at->first, at->second.id};
            at = leases_.erase(at);
            lapsed(gone.first, gone.second);
        }
    }
    // When lapse() has something to do next.
    instant deadline() const noexcept {
        instant first = never;
        for (const auto& [peer, lease] : leases_) first = earliest(first, lease.moved_at + idle_);
        return first;
    }

    bool pinned(snapshot_id id) const noexcept { return readers_.contains(key{id}) || leased(id); }
    bool leased(snapshot_id id) const noexcept {
        for (const auto& [peer, lease] : leases_) {
            if (lease.id == id) return true;
        }
        return false;
    }
    const snapshot_id* leased_by(node_id peer) const noexcept {
        const held* lease = leases_.find(peer);
        return lease == nullptr ? nullptr : &lease->id;
    }
    u32 readers(snapshot_id id) const noexcept {
        const u32* count = readers_.find(key{id});
        return count == nullptr ? 0 : *count;
    }
    // The lowest index that a transfer ships: the log behind it stays. 0: none.
    index_t lowest_leased() const noexcept {
        index_t lowest;
        for (const auto& [peer, lease] : leases_) {
            if (!lowest || lease.id.at.index < lowest) lowest = lease.id.at.index;
        }
        return lowest;
    }

private:
    struct key {
        snapshot_id id;
        friend bool operator==(const key&, const key&) noexcept = default;
        friend bool operator<(const key& a, const key& b) noexcept { return older(a.id, b.id); }
    };
    struct held {
        snapshot_id id;
        instant moved_at;
    };

    duration idle_;
    flat_map<key, u32> readers_;
    flat_map<node_id, held> leases_;
};

RAFTKIT_NAMESPACE_END
