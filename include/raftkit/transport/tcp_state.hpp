#pragma once
// What stands behind a tcp_transport and stays in place while the poller points at it: listener,
// timer, connections and peers, and the rules of design §11 for who may talk to us.

#include <algorithm>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <raftkit/io/clock.hpp>
#include <raftkit/io/timer.hpp>
#include <raftkit/port/events.hpp>
#include <raftkit/transport/tcp_peers.hpp>

RAFTKIT_NAMESPACE_BEGIN
namespace detail {

class tcp_state {
public:
    explicit tcp_state(tcp_options options)
        : options_(std::move(options)), random_(draw_seed(options_.seed)) {}
    tcp_state(tcp_state&&) = delete;
    ~tcp_state() { close(); }

    result<void> attach(poller& loop) noexcept {
        loop_ = &loop;
        return {};
    }
    result<void> open(const identity& who) noexcept;
    void close() noexcept;

    template <class Mail>
    void send(const Mail& mail, node_id to) noexcept;
    void flush() noexcept;
    template <class Sink>
    void drain(Sink& sink) noexcept;

    void members(const configuration& now) noexcept;
    void pin_address(node_id peer, std::string address);
    void know(node_id peer, u64 incarnation) noexcept;
    void distrust(node_id peer) noexcept;

    const tcp_counters& counters() const noexcept { return counters_; }
    const std::string& listening_at() const noexcept { return listening_at_; }

private:
    using connection_list = std::vector<std::unique_ptr<tcp_connection>>;
    struct owned_watcher : watcher {
        tcp_state* owner = nullptr;
    };
    static constexpr std::size_t strangers_max = 64;               // accepted, hello not yet seen
    static constexpr std::size_t peers_known_max = 2 * peers_max;  // from hellos
    static constexpr u64 control_bytes_a_drain = 4u << 20, bulk_bytes_a_drain = 1u << 20;
    static constexpr duration accept_pause = milliseconds(100);

    static u64 draw_seed(u64 wanted) noexcept { return wanted != 0 ? wanted : os_random(); }

    // ---- setting up (tcp_state_setup.hpp)
    result<void> listen() noexcept;
    void watch_own(owned_watcher& one, int fd, void (*ready)(watcher&, u32) noexcept) noexcept;
    tcp_peer& peer_for(node_id id);
    bool to_be_dialled(node_id id, const tcp_peer& peer) const noexcept;

    // ---- connections
    void tick(instant now) noexcept;
    void rearm() noexcept { timer_.arm(next_due()); }
    instant next_due() const noexcept;
    void dial(node_id id, tcp_peer& peer, wire_lane lane, instant now) noexcept;
    void accept_waiting() noexcept;
    tcp_connection* adopt(tcp_socket socket, bool dialled) noexcept;
    void connection_ready(tcp_connection& which, u32 events) noexcept;
    void connected(tcp_connection& which) noexcept;
    void greet(tcp_connection& which, node_id to) noexcept;
    void mark_readable(tcp_connection& which) noexcept;
    void end(tcp_connection& which) noexcept;
    void end_for_garbage(tcp_connection& which) noexcept;
    void end_oldest_stranger() noexcept;
    void note_reachable(node_id id, tcp_peer& peer) noexcept;
    void bury() noexcept;

    // ---- output and input
    template <class Mail>
    bool write(tcp_connection* over, const Mail& mail) noexcept;
    bool park(node_id to, tcp_peer& peer, const bulk_envelope& mail) noexcept;
    void send_parked(tcp_link& link) noexcept;
    template <class Sink>
    void read_from(tcp_connection& from, Sink& sink) noexcept;
    template <class Sink>
    void take_frame(tcp_connection& from, frame& said, Sink& sink) noexcept;
    void take_hello(tcp_connection& from, const hello& said) noexcept;
    void refuse(tcp_connection& from, node_id who, refusal_reason reason) noexcept;
    template <class Sink>
    void tell(Sink& sink) noexcept;

    tcp_options options_;
    prng random_;
    poller* loop_ = nullptr;
    identity self_;
    bool open_ = false, host_flushes_ = false, configured_ = false, draining_ = false;
    tcp_socket listener_socket_;
    std::string listening_at_;
    owned_watcher listener_, alarm_;
    timer timer_;
    instant accept_again_ = never;
    flat_map<node_id, tcp_peer> peers_;
    connection_list connections_;
    std::vector<tcp_connection*> readable_, turn_, unflushed_;
    std::vector<peer_state> states_;
    std::vector<peer_refused> refusals_;
    tcp_counters counters_;
    tcp_connection* reading_ = nullptr;  // whose frame the sink looks at
};

// ---- output ------------------------------------------------------------------------------------

template <class Mail>
void tcp_state::send(const Mail& mail, node_id to) noexcept {
    tcp_peer* peer = peers_.find(to);
    const wire_lane lane = lane_of(mail);
    if (peer != nullptr && open_) {
        tcp_connection* over = peer->link(lane).sender();
        if (write(over, mail)) return;
        if constexpr (std::is_same_v<Mail, bulk_envelope>) {
            if (over == nullptr && lane == wire_lane::bulk && park(to, *peer, mail)) return;
        }
    }
    ++counters_.frames_dropped;
}

// A frame that the other side would refuse for its size must not cost the connection.
template <class Mail>
bool tcp_state::write(tcp_connection* over, const Mail& mail) noexcept {
    if (over == nullptr) return false;
    encoded_frame made;
    if (!encode(mail, made) || made.size() > options_.body_bytes_max()) return false;
    const u64 queued = over->queued_bytes();
    if (queued + made.size() > options_.buffer_bytes_max / 2) return false;
    ++counters_.frames_sent;
    if (!over->send(made, host_flushes_)) {
        end(*over);
    } else if (host_flushes_ && queued == 0 && over->queued_bytes() != 0) {
        unflushed_.push_back(over);
    }
    return true;
}

inline void tcp_state::flush() noexcept {
    host_flushes_ = true;
    for (tcp_connection* each : unflushed_) {
        if (!each->is_closed() && !each->flush()) end(*each);
    }
    unflushed_.clear();
    if (!draining_) bury();
}

// ---- input -------------------------------------------------------------------------------------

// Control lanes first: a flood of chunks must not stand before a heartbeat.
template <class Sink>
void tcp_state::drain(Sink& sink) noexcept {
    if (timer_.fd() < 0 && open_) tick(monotonic_now());
    draining_ = true;
    turn_.swap(readable_);
    for (const wire_lane lane : {wire_lane::control, wire_lane::bulk}) {
        for (tcp_connection* each : turn_) {
            if (!each->readable || each->lane != lane) continue;
            each->readable = false;
            if (!each->is_closed()) read_from(*each, sink);
        }
    }
    turn_.clear();
    tell(sink);
    draining_ = false;
    bury();
    rearm();
}

template <class Sink>
void tcp_state::read_from(tcp_connection& from, Sink& sink) noexcept {
    u64 left = from.lane == wire_lane::bulk ? bulk_bytes_a_drain : control_bytes_a_drain;
    const u32 body_max = options_.body_bytes_max();
    for (;;) {
        const auto taken = from.read(body_max);
        if (!taken) {
            if (taken.why().code == errc::busy) return;  // what comes later is told by the poller
            return taken.why().code == errc::too_large ? end_for_garbage(from) : end(from);
        }
        reading_ = &from;
        const auto sound =
            from.take_frames(body_max, [&](frame& said) { take_frame(from, said, sink); });
        reading_ = nullptr;
        if (!sound) return end_for_garbage(from);
        if (from.is_closed() || *taken >= left || *taken < block_bytes / 2) return;
        left -= *taken;
    }
}

template <class Sink>
void tcp_state::take_frame(tcp_connection& from, frame& said, Sink& sink) noexcept {
    if (const auto* refused = std::get_if<refusal>(&said); refused != nullptr && from.peer) {
        ++counters_.refused;
        refusals_.push_back({from.peer, refused->reason, true});
        return end(from);
    }
    if (from.phase == connection_phase::greeting) {
        if (const auto* greeting = std::get_if<hello>(&said)) return take_hello(from, *greeting);
    } else if (const auto* mail = std::get_if<envelope>(&said);
               mail != nullptr && from.lane == wire_lane::control) {
        ++counters_.frames_received;
        return sink(*mail);
    } else if (const auto* bulk = std::get_if<bulk_envelope>(&said)) {
        ++counters_.frames_received;
        return sink(*bulk);
    }
    end_for_garbage(from);  // a sound frame in the wrong place
}

template <class Sink>
void tcp_state::tell(Sink& sink) noexcept {
    for (std::size_t i = 0; i < states_.size(); ++i) sink(peer_state(states_[i]));
    states_.clear();
    if constexpr (requires(const peer_refused& refused) { sink(refused); }) {
        for (std::size_t i = 0; i < refusals_.size(); ++i)
            sink(static_cast<const peer_refused&>(refusals_[i]));
    }
    refusals_.clear();
}

}  // namespace detail
RAFTKIT_NAMESPACE_END

#include <raftkit/transport/tcp_state_bodies.hpp>
