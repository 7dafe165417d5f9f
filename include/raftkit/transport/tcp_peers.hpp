#pragma once
// The peers of a TCP transport: what is known of each, when to dial it, and over which connection
// to send. A node dials every peer whose address it knows, once a lane (bulk only when there is
// something to send), and sends on what it dialled; until that is open, and for peers without an
// address, it sends on what the peer dialled.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <raftkit/base/flat_map.hpp>
#include <raftkit/base/prng.hpp>
#include <raftkit/core/types.hpp>
#include <raftkit/transport/tcp_connection.hpp>
#include <raftkit/transport/tcp_options.hpp>

RAFTKIT_NAMESPACE_BEGIN

// Exponential, jittered, so that restarted nodes don't dial in step.
class reconnect_delay {
public:
    duration next(const tcp_options& options, prng& random) noexcept {
        const i64 least = options.reconnect_min.ns, most = options.reconnect_max.ns;
        const i64 base = std::clamp(last_.ns == 0 ? least : last_.ns * 2, least, most);
        last_ = {base};
        const auto quarter = static_cast<u64>(base / 4);
        return {std::min(most, base + static_cast<i64>(random.below(quarter + 1)))};
    }
    void reset() noexcept { last_ = {}; }

private:
    duration last_;
};

struct parked_piece {  // waits for the bulk connection that it asked for
    bulk_envelope mail;
    buffer keep;
};

struct tcp_link {  // one lane to one peer
    tcp_connection* dialled = nullptr;
    tcp_connection* accepted = nullptr;
    reconnect_delay delay;
    instant retry_at{};
    bool wanted = false;
    std::vector<parked_piece> parked;
    u64 parked_bytes = 0;

    void drop_parked() noexcept {
        parked.clear();
        parked_bytes = 0;
    }
    tcp_connection* sender() const noexcept {
        if (dialled != nullptr && dialled->is_open()) return dialled;
        return accepted != nullptr && accepted->is_open() ? accepted : nullptr;
    }
};

struct tcp_peer {
    std::string address;  // empty: it must dial us
    bool pinned = false;  // the address is ours, the configuration's does not count
    bool listed = false;  // in the configuration
    u64 incarnation = 0;  // expected; 0: whatever it says
    bool reachable = false;
    tcp_link control, bulk;

    tcp_link& link(wire_lane lane) noexcept { return lane == wire_lane::bulk ? bulk : control; }
    bool connected() const noexcept {
        return control.dialled != nullptr || control.accepted != nullptr ||
               bulk.dialled != nullptr || bulk.accepted != nullptr;
    }
};

// The upper 48 bits are drawn with the directory; the lower 16 count its fences and may rise.
constexpr bool same_directory(u64 one, u64 other) noexcept { return (one >> 16) == (other >> 16); }

// Judges a hello that reached us. Nothing: welcome.
inline std::optional<refusal_reason> judge_hello(const hello& said, const identity& self,
                                                 u64 expected) noexcept {
    if (said.cluster != self.cluster) return refusal_reason::other_cluster;
    if (said.group != self.group) return refusal_reason::other_group;
    if (said.to != self.self) return refusal_reason::wrong_target;
    if (said.from == self.self || !said.from) return refusal_reason::own_id;
    if (expected != 0 && !same_directory(said.incarnation, expected)) {
        return refusal_reason::other_incarnation;
    }
    return std::nullopt;
}

RAFTKIT_NAMESPACE_END
