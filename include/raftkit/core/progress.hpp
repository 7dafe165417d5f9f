#pragma once
// What a leader knows of one peer, and how much it may send. A variant with its transitions as
// members:
//
//   probing --accept--> replicating --reject / unreachable--> probing
//      any --next is compacted--> snapshotting --installed / failed--> probing
//
// probing sends one message and waits; replicating streams within a window of messages and bytes;
// snapshotting sends no entries. Always match < next, and match only rises within a term (known bug
// 25).

#include <variant>

#include <raftkit/core/log_tail.hpp>
#include <raftkit/core/status.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

// Before any time that a host hands in.
inline constexpr instant long_ago{-(i64{1} << 62)};

// Messages on their way: the last index and the bytes of each, oldest first.
class inflight_window {
public:
    bool fits(u32 messages_max, u64 bytes_max) const noexcept {
        return sent_.size() < messages_max &&
               bytes_ < bytes_max;  // one message may cross the byte limit
    }
    bool empty() const noexcept { return sent_.empty(); }
    u64 bytes() const noexcept { return bytes_; }
    void push(index_t last, u32 bytes) noexcept {
        sent_.push_back({last, bytes});
        bytes_ += bytes;
    }
    void free_through(index_t stored) noexcept {
        while (!sent_.empty() && sent_.front().last <= stored) {
            bytes_ -= sent_.front().bytes;
            sent_.pop_front();
        }
    }
    void clear() noexcept {
        sent_.clear();
        bytes_ = 0;
    }

private:
    struct entry {
        index_t last;
        u32 bytes;
    };
    ring<entry> sent_;
    u64 bytes_ = 0;
};

struct probing {
    bool waiting = false;  // one message is out; the next heartbeat allows another
};
struct replicating {};
struct snapshotting {
    bool shipping = false;  // the effect is out; ship_ended() or the peer's answer ends it
    bool tried = false;     // after a failure the next heartbeat tries again
};

class progress {
public:
    progress(node_id peer, index_t next) noexcept : id(peer), next_(next) { cursor.index = next; }

    node_id id;
    u64 incarnation = 0;
    bool leaving = false;  // no longer a member; kept until it can know that
    bool reachable = true;
    instant leave_by = never;     // when a removed peer is given up
    bool loading = false;         // a load request is out for it
    bool load_paused = false;     // it failed; the next heartbeat tries again
    request_id load;              // which
    instant heard_at = long_ago;  // any message of it in this term
    u64 read_round = 0;           // highest confirmed
    index_t told_commit;          // highest commit index sent to it
    log_cursor cursor;

    index_t match() const noexcept { return match_; }
    index_t next() const noexcept { return next_; }
    const inflight_window& window() const noexcept { return window_; }
    bool is_probing() const noexcept { return std::holds_alternative<probing>(mode_); }
    bool is_replicating() const noexcept { return std::holds_alternative<replicating>(mode_); }
    bool is_snapshotting() const noexcept { return std::holds_alternative<snapshotting>(mode_); }
    snapshotting* shipment() noexcept { return std::get_if<snapshotting>(&mode_); }
    peer_mode mode() const noexcept { return static_cast<peer_mode>(mode_.index()); }

    bool may_send(u32 messages_max, u64 bytes_max) const noexcept {
        if (is_replicating()) return window_.fits(messages_max, bytes_max);
        const probing* probe = std::get_if<probing>(&mode_);
        return probe != nullptr && !probe->waiting;
    }
    void sent(const run_view& entries) noexcept {
        RAFTKIT_ASSERT(entries.first == next_);
        if (probing* probe = std::get_if<probing>(&mode_)) {
            probe->waiting = true;
            move_next(next_);  // the probe may be repeated: the cursor goes back with it
            return;
        }
        next_ = entries.end_index();
        window_.push(entries.last(), entries.bytes);
    }
    void heartbeat_passed() noexcept {
        if (probing* probe = std::get_if<probing>(&mode_)) probe->waiting = false;
        load_paused = false;
    }

    // The peer stored everything up to `stored`. Replies may come late or twice, so match only
    // rises. Returns true if it rose: only then can the commit index move (Raft §5.3).
    bool accept(index_t stored) noexcept {
        window_.free_through(stored);
        if (stored <= match_) return false;
        match_ = stored;
        if (next_ <= match_) move_next(match_.next());
        if (is_probing()) become_replicating();
        RAFTKIT_ASSERT(match_ < next_);
        return true;
    }
    // A probe that needed no entries was answered.
    void probe_answered() noexcept {
        if (is_probing()) become_replicating();
    }
    // The peer refused `rejected` as previous; our log and its agree at `hint` at the latest. Stale
    // refusals are recognised and ignored (known bug 22, scenario B25). Returns true if it was
    // believed.
    bool refuse(index_t rejected, index_t hint) noexcept {
        if (is_snapshotting() || rejected <= match_) return false;
        if (is_probing() && rejected != next_.previous()) return false;
        if (rejected >= next_) return false;
        const index_t agreed = std::max(match_, std::min(hint, rejected.previous()));
        become_probing(agreed.next());
        return true;
    }

    void become_probing(index_t next) noexcept {
        mode_ = probing{};
        window_.clear();
        move_next(std::max(next, match_.next()));
    }
    void become_snapshotting() noexcept {
        mode_ = snapshotting{};
        window_.clear();
    }
    // The peer lost its disk or its tail: nothing it once acknowledged counts (recovery.md, R3).
    void forget(index_t next) noexcept {
        match_ = {};
        read_round = 0;
        become_probing(next);
    }

private:
    void become_replicating() noexcept {
        mode_ = replicating{};
        window_.clear();
        move_next(match_.next());
    }
    void move_next(index_t next) noexcept {
        next_ = next;
        cursor = {};
        cursor.index = next;
    }

    std::variant<probing, replicating, snapshotting> mode_;
    index_t match_, next_;
    inflight_window window_;
};

}  // namespace core

RAFTKIT_NAMESPACE_END
