#pragma once
// What a tcp_transport is told at its start, and what it tells about peers that it does not talk
// to.

#include <string>
#include <utility>
#include <vector>

#include <raftkit/base/instant.hpp>
#include <raftkit/base/result.hpp>
#include <raftkit/transport/wire.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct tcp_options {
    std::string listen;  // "host:port"; empty: the own entry of `addresses`, or no port at all
    std::vector<std::pair<node_id, std::string>> addresses;  // win over the configuration's
    duration reconnect_min = milliseconds(50), reconnect_max = seconds(3);
    u64 buffer_bytes_max = 16u << 20;  // unsent, a peer: half of it for each lane; beyond: dropped
    u32 message_bytes_max = 1u << 20;  // as the node's: the largest batch that a peer may send
    u32 command_bytes_max = 4u << 20;  // as the node's: one record may be larger than a batch
    duration greeting_max = seconds(5);  // a connection without its hello is closed after this
    u32 silence_seconds_max =
        10;        // a peer whose kernel acknowledges nothing is given up after this
    u64 seed = 0;  // of the jitter; 0: from the system

    // invalid_option; `where` names it. Never clamps.
    result<void> validate() const noexcept {
        const auto bad = [](const char* where) { return error{errc::invalid_option, 0, where}; };
        if (reconnect_min <= duration{} || reconnect_min > reconnect_max)
            return bad("tcp_options.reconnect_min");
        if (message_bytes_max < 4096 || message_bytes_max > (64u << 20))
            return bad("tcp_options.message_bytes_max");
        if (command_bytes_max > (64u << 20)) return bad("tcp_options.command_bytes_max");
        if (buffer_bytes_max < 2 * u64{body_bytes_max()})
            return bad("tcp_options.buffer_bytes_max");
        if (greeting_max <= duration{}) return bad("tcp_options.greeting_max");
        if (silence_seconds_max == 0) return bad("tcp_options.silence_seconds_max");
        return {};
    }
    // The most that one frame may ask a receiver to reserve. The slack holds headers, and manifests
    // beside a batch.
    u32 body_bytes_max() const noexcept {
        constexpr u32 slack = 128u << 10;
        return (message_bytes_max > command_bytes_max ? message_bytes_max : command_bytes_max) +
               slack;
    }
};

// A connection that ended at its hello, or because of garbage. by_peer: they refused us.
struct peer_refused {
    node_id peer;
    refusal_reason reason{};
    bool by_peer = false;
    bool garbage() const noexcept { return reason == refusal_reason::garbage; }
};

struct tcp_counters {
    u64 frames_sent = 0, frames_received = 0;
    u64 frames_dropped = 0;  // no connection, or its buffer full
    u64 dials = 0, accepted = 0;
    u64 refused = 0;        // hellos
    u64 garbage = 0;        // connections closed for what they sent
    u64 accept_paused = 0;  // times that descriptors ran out
};

RAFTKIT_NAMESPACE_END
