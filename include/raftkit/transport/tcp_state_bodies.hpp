#pragma once
// The bodies of tcp_state that no sink takes part in: set-up, dialling, accepting, hellos, ends.

#include <raftkit/transport/tcp_state.hpp>

RAFTKIT_NAMESPACE_BEGIN
namespace detail {

// ---- set-up ------------------------------------------------------------------------------------

inline result<void> tcp_state::open(const identity& who) noexcept {
    if (loop_ == nullptr)
        return error{errc::not_started, 0, "transport/tcp.open: attach it to a poller first"};
    if (const auto valid = options_.validate(); !valid) return valid;
    self_ = who;
    for (auto& [id, address] : options_.addresses) {
        if (id == self_.self) {
            if (options_.listen.empty()) options_.listen = address;
            continue;
        }
        pin_address(id, address);
    }
    if (const auto timed = timer_.open(); !timed) return timed;
    if (timer_.fd() >= 0) {
        watch_own(alarm_, timer_.fd(), [](watcher& rung, u32) noexcept {
            tcp_state& me = *static_cast<owned_watcher&>(rung).owner;
            me.timer_.drain();
            me.tick(monotonic_now());
        });
        if (const auto added = loop_->add(alarm_, poll_in); !added) return added;
    }
    if (const auto listening = listen(); !listening) return listening;
    open_ = true;
    tick(monotonic_now());
    return {};
}

inline result<void> tcp_state::listen() noexcept {
    if (options_.listen.empty()) return {};
    const auto where = resolve_address(options_.listen);
    if (!where) return where.why();
    auto listening = listen_tcp(*where);
    if (!listening) return listening.why();
    listener_socket_ = *std::move(listening);
    if (const auto bound = local_address(listener_socket_)) listening_at_ = text_of(*bound);
    watch_own(listener_, listener_socket_.fd(), [](watcher& waiting, u32) noexcept {
        static_cast<owned_watcher&>(waiting).owner->accept_waiting();
    });
    return loop_->add(listener_, poll_in);
}

inline void tcp_state::watch_own(owned_watcher& one, int fd,
                                 void (*ready)(watcher&, u32) noexcept) noexcept {
    one.fd = fd;
    one.ready = ready;
    one.owner = this;
}

inline void tcp_state::close() noexcept {
    if (loop_ == nullptr) return;
    open_ = false;
    if (listener_.fd >= 0) loop_->remove(listener_);
    if (alarm_.fd >= 0) loop_->remove(alarm_);
    listener_.fd = alarm_.fd = -1;
    listener_socket_.close();
    for (auto& [id, peer] : peers_) {
        peer.control = {};
        peer.bulk = {};
    }
    connections_.clear();
    readable_.clear();
    unflushed_.clear();
}

inline tcp_peer& tcp_state::peer_for(node_id id) {
    const auto [peer, made] = peers_.try_emplace(id);
    if (made) peer.control.wanted = true;
    return peer;
}

inline void tcp_state::pin_address(node_id id, std::string address) {
    if (id == self_.self) return;
    tcp_peer& peer = peer_for(id);
    peer.address = std::move(address);
    peer.pinned = true;
    if (open_) rearm();
}

inline void tcp_state::members(const configuration& now) noexcept {
    configured_ = configured_ || !now.members.empty();
    for (auto& [id, peer] : peers_) peer.listed = false;
    for (const member& each : now.members) {
        if (each.id == self_.self) continue;
        tcp_peer& peer = peer_for(each.id);
        peer.listed = true;
        if (!peer.pinned) peer.address = each.address;
        if (each.incarnation != 0) know(each.id, each.incarnation);
    }
    if (open_) rearm();
}

inline void tcp_state::know(node_id id, u64 incarnation) noexcept {
    if (id == self_.self) return;
    if (incarnation == 0) {
        if (tcp_peer* peer = peers_.find(id)) peer->incarnation = 0;
        return;
    }
    peer_for(id).incarnation = incarnation;
    for (const auto& each : connections_) {
        const bool stranger = each->is_open() && !same_directory(each->incarnation, incarnation);
        if (each->peer == id && stranger) refuse(*each, id, refusal_reason::other_incarnation);
    }
}

// A removed node is not dialled any more; what is connected stays, so that it can learn of its
// removal.
inline bool tcp_state::to_be_dialled(node_id id, const tcp_peer& peer) const noexcept {
    return id != self_.self && !peer.address.empty() && (peer.listed || !configured_);
}

// ---- time --------------------------------------------------------------------------------------

inline void tcp_state::tick(instant now) noexcept {
    if (!open_) return;
    for (const auto& each : connections_) {
        if (!each->is_closed() && each->give_up <= now) end(*each);
    }
    if (accept_again_ <= now) {
        accept_again_ = never;
        (void)loop_->change(listener_, poll_in);
    }
    for (auto& [id, peer] : peers_) {
        if (!to_be_dialled(id, peer)) continue;
        for (const wire_lane lane : {wire_lane::control, wire_lane::bulk}) {
            const tcp_link& link = peer.link(lane);
            if (link.wanted && link.dialled == nullptr && link.retry_at <= now)
                dial(id, peer, lane, now);
        }
    }
    if (!draining_) bury();
    rearm();
}

inline instant tcp_state::next_due() const noexcept {
    if (!open_) return never;
    instant due = accept_again_;
    for (const auto& each : connections_) {
        if (!each->is_closed()) due = earliest(due, each->give_up);
    }
    for (const auto& [id, peer] : peers_) {
        if (!to_be_dialled(id, peer)) continue;
        for (const tcp_link* link : {&peer.control, &peer.bulk}) {
            if (link->wanted && link->dialled == nullptr) due = earliest(due, link->retry_at);
        }
    }
    return due;
}

// ---- connections -------------------------------------------------------------------------------

inline void tcp_state::dial(node_id id, tcp_peer& peer, wire_lane lane, instant now) noexcept {
    tcp_link& link = peer.link(lane);
    link.retry_at = now + link.delay.next(options_, random_);
    ++counters_.dials;
    const auto where = resolve_address(peer.address);  // blocks for names only
    if (!where) return;
    auto socket = connect_tcp(*where);
    if (!socket) return;
    tcp_connection* made = adopt(*std::move(socket), true);
    if (made == nullptr) return;
    made->peer = id;
    made->lane = lane;
    link.dialled = made;
}

// Descriptors ran out: the connection still waits and would wake us for ever, so we look away for a
// while.
inline void tcp_state::accept_waiting() noexcept {
    for (int share = 0; share < 16; ++share) {
        auto taken = accept_tcp(listener_socket_);
        if (!taken) {
            ++counters_.accept_paused;
            accept_again_ = monotonic_now() + accept_pause;
            (void)loop_->change(listener_, 0);
            return rearm();
        }
        if (!taken->is_open()) return;
        ++counters_.accepted;
        end_oldest_stranger();
        (void)adopt(*std::move(taken), false);
    }
}

inline tcp_connection* tcp_state::adopt(tcp_socket socket, bool dialled) noexcept {
    (void)set_nodelay(socket);
    (void)set_silence_limit(socket, options_.silence_seconds_max);
    auto made = std::make_unique<tcp_connection>(*loop_, std::move(socket), dialled);
    made->owner = this;
    made->ready = [](watcher& which, u32 events) noexcept {
        auto& connection = static_cast<tcp_connection&>(which);
        static_cast<tcp_state*>(connection.owner)->connection_ready(connection, events);
    };
    made->give_up = monotonic_now() + options_.greeting_max;
    if (!made->watch()) return nullptr;
    connections_.push_back(std::move(made));
    rearm();
    return connections_.back().get();
}

inline void tcp_state::connection_ready(tcp_connection& which, u32 events) noexcept {
    if (which.phase == connection_phase::connecting) {
        connected(which);
    } else {
        if ((events & poll_out) != 0 && !which.flush()) end(which);
        if ((events & (poll_in | poll_error)) != 0) mark_readable(which);
    }
    if (!draining_) bury();
}

inline void tcp_state::connected(tcp_connection& which) noexcept {
    if (!connect_outcome(which.socket())) return end(which);
    which.phase = connection_phase::greeting;
    greet(which, which.peer);
}

inline void tcp_state::greet(tcp_connection& which, node_id to) noexcept {
    encoded_frame made;
    encode(hello{self_.cluster, self_.group, self_.self, to, self_.incarnation, which.lane}, made);
    if (!which.send(made, true) || !which.flush()) end(which);
}

inline void tcp_state::mark_readable(tcp_connection& which) noexcept {
    if (which.readable || which.is_closed()) return;
    which.readable = true;
    readable_.push_back(&which);
}

// The object lives until bury(): somebody up the stack may still hold it, or what its input lent.
inline void tcp_state::end(tcp_connection& which) noexcept {
    if (which.is_closed()) return;
    which.close();
    tcp_peer* peer = which.peer ? peers_.find(which.peer) : nullptr;
    if (peer == nullptr) return;
    tcp_link& link = peer->link(which.lane);
    if (link.dialled == &which) {
        link.dialled = nullptr;
        link.drop_parked();
    }
    if (link.accepted == &which) link.accepted = nullptr;
    note_reachable(which.peer, *peer);
}

// Strangers are counted only: anybody may make noise.
inline void tcp_state::end_for_garbage(tcp_connection& which) noexcept {
    ++counters_.garbage;
    if (which.is_open()) refusals_.push_back({which.peer, refusal_reason::garbage, false});
    end(which);
}

// The records of an append have checksums of their own, which only their reader looks at.
inline void tcp_state::distrust(node_id peer) noexcept {
    if (reading_ != nullptr && reading_->peer == peer && !reading_->is_closed())
        end_for_garbage(*reading_);
}

inline void tcp_state::end_oldest_stranger() noexcept {
    std::size_t strangers = 0;
    tcp_connection* oldest = nullptr;
    for (const auto& each : connections_) {
        if (each->dialled() || each->phase != connection_phase::greeting) continue;
        ++strangers;
        if (oldest == nullptr) oldest = each.get();  // they stand in the order of their arrival
    }
    if (strangers >= strangers_max) end(*oldest);
}

inline void tcp_state::note_reachable(node_id id, tcp_peer& peer) noexcept {
    const bool reachable = peer.control.sender() != nullptr;
    if (reachable == peer.reachable) return;
    peer.reachable = reachable;
    states_.push_back({id, reachable});
}

// Frees what ended, and peers that nobody told us about and that are gone.
inline void tcp_state::bury() noexcept {
    const auto ended = [](const auto& each) { return each->is_closed(); };
    if (std::none_of(connections_.begin(), connections_.end(), ended)) return;
    std::erase_if(readable_, [](const tcp_connection* each) { return each->is_closed(); });
    std::erase_if(unflushed_, [](const tcp_connection* each) { return each->is_closed(); });
    std::erase_if(connections_, ended);
    for (auto at = peers_.begin(); at != peers_.end();) {
        const tcp_peer& peer = at->second;
        const bool unknown = !peer.listed && !peer.pinned && peer.incarnation == 0;
        at = unknown && !peer.connected() ? peers_.erase(at) : at + 1;
    }
    rearm();
}

// The bulk connection is dialled when there is something to send; what asked for it must not be
// lost to that, or every transfer would begin with a time-out.
inline bool tcp_state::park(node_id to, tcp_peer& peer, const bulk_envelope& mail) noexcept {
    const auto* piece = std::get_if<snapshot_piece>(&mail.body);
    tcp_link& link = peer.bulk;
    if (piece == nullptr || !to_be_dialled(to, peer)) return false;
    if (link.parked_bytes + piece->bytes.size > options_.buffer_bytes_max / 2) return false;
    link.wanted = true;
    if (link.dialled == nullptr) {
        if (link.retry_at > monotonic_now()) return false;  // it was tried just now
        dial(to, peer, wire_lane::bulk, monotonic_now());
        if (link.dialled == nullptr) return false;
    }
    parked_piece kept{mail, piece->bytes.keep()};
    if (kept.keep.size() != piece->bytes.size) return false;  // no memory to copy it
    std::get_if<snapshot_piece>(&kept.mail.body)->bytes = bytes_view::of(kept.keep);
    link.parked_bytes += kept.keep.size();
    link.parked.push_back(std::move(kept));
    return true;
}

inline void tcp_state::send_parked(tcp_link& link) noexcept {
    for (const parked_piece& each : link.parked) {
        if (!write(link.sender(), each.mail)) ++counters_.frames_dropped;
    }
    link.drop_parked();
}

// ---- hellos ------------------------------------------------------------------------------------

inline void tcp_state::take_hello(tcp_connection& from, const hello& said) noexcept {
    const tcp_peer* known = peers_.find(said.from);
    const auto bad = judge_hello(said, self_, known == nullptr ? 0 : known->incarnation);
    if (bad) return refuse(from, said.from, *bad);
    if (from.dialled() && (said.from != from.peer || said.lane != from.lane)) {
        return refuse(from, from.peer, refusal_reason::wrong_target);
    }
    if (known == nullptr && peers_.size() >= peers_known_max) return end(from);
    tcp_peer* peer = &peer_for(said.from);
    from.peer = said.from;
    from.lane = said.lane;
    from.incarnation = said.incarnation;
    from.give_up = never;
    tcp_link& link = peer->link(said.lane);
    if (from.dialled()) {
        link.delay.reset();
    } else {
        if (link.accepted != nullptr)
            end(*link.accepted);  // it would not dial again if the old one were alive
        link.accepted = &from;
        greet(from, said.from);
        if (from.is_closed()) return;
        // It is up: no need to sit out a back-off that its absence earned.
        link.retry_at = earliest(link.retry_at, monotonic_now() + options_.reconnect_min);
    }
    from.phase = connection_phase::open;
    note_reachable(said.from, *peer);
    send_parked(link);
}

// Tells it why, so that its operator can read it there, and closes.
inline void tcp_state::refuse(tcp_connection& from, node_id who, refusal_reason reason) noexcept {
    ++counters_.refused;
    refusals_.push_back({who, reason, false});
    encoded_frame made;
    encode(refusal{reason}, made);
    (void)from.send(made, false);
    end(from);
}

}  // namespace detail
RAFTKIT_NAMESPACE_END
