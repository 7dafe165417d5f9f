#pragma once
// Peers over TCP on the loop's own poller: no thread, no lock, nothing that waits. Best effort as
// Raft allows: what has no connection or no room is dropped and counted. A peer that lies, stalls
// or sends garbage loses its connection; nobody else notices. attach(loop), open(who, port), then
// each turn drain(sink) after the poller's wait; flush() at its end.
//
//   send ─▶ encode ─▶ lane ─▶ connection ─▶ writev            poller ─▶ ready ─▶ marked readable
//                       │ none: drop                          drain ─▶ read ─▶ hello? ─▶
//                       sink(envelope) └ full: drop                                             └
//                       refused: close, tell

#include <memory>
#include <utility>

#include <raftkit/port/mailbox.hpp>
#include <raftkit/transport/tcp_state.hpp>

RAFTKIT_NAMESPACE_BEGIN

class tcp_transport {
public:
    explicit tcp_transport(tcp_options options)
        : state_(std::make_unique<detail::tcp_state>(std::move(options))) {}

    // The loop must outlive close().
    result<void> attach(poller& loop) noexcept { return state_->attach(loop); }
    // Listens, and begins to dial. Everything arrives through drain; the port is not needed.
    result<void> open(const identity& who, completion_port) noexcept { return state_->open(who); }

    void send(const envelope& mail) noexcept { state_->send(mail, mail.peer); }
    void send(const bulk_envelope& mail) noexcept { state_->send(mail, mail.peer); }
    // End of a turn: small frames of one connection leave together. A host that calls it once must
    // go on to.
    void flush() noexcept { state_->flush(); }

    // Whom to dial, and where, unless options.addresses says otherwise.
    void members(const configuration& now) noexcept { state_->members(now); }
    // From then on this peer is dialled there, whatever a configuration says.
    void pin_address(node_id peer, std::string address) {
        state_->pin_address(peer, std::move(address));
    }
    // The directory that a peer must come from (the random 48 bits of its incarnation); 0: any.
    void know(node_id peer, u64 incarnation) noexcept { state_->know(peer, incarnation); }

    // Inside drain: what this peer's message says under a right frame is damaged. Its connection
    // ends.
    void distrust(node_id peer) noexcept { state_->distrust(peer); }

    // Calls sink(const envelope&), sink(const bulk_envelope&), sink(peer_state), and sink(const
    // peer_refused&) if it takes that. What a message points to is valid during the call.
    template <class Sink>
    void drain(Sink& sink) noexcept {
        state_->drain(sink);
    }

    void close() noexcept {
        if (state_ != nullptr) state_->close();
    }

    const tcp_counters& counters() const noexcept { return state_->counters(); }
    // Where it listens, with the port that the system chose for ":0"; empty before open().
    const std::string& listening_at() const noexcept { return state_->listening_at(); }

private:
    std::unique_ptr<detail::tcp_state> state_;
};

RAFTKIT_NAMESPACE_END
