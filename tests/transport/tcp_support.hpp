#pragma once
// Nodes' transports on one poller, and a raw peer that speaks the wire by hand, to say what no
// transport would.

#include <poll.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <raftkit/io/clock.hpp>
#include <raftkit/transport/tcp_transport.hpp>

namespace tcp_support {

using namespace raftkit;

inline identity who(u64 id, u64 cluster = 1, u64 directory = 0) {
    return {cluster, 1, {id}, (directory != 0 ? directory : id) << 16};
}

struct seen_mail {
    node_id from;
    u64 incarnation = 0;
    std::string text;
};

// One node: what its transport tells, written down.
struct tcp_node {
    explicit tcp_node(poller& loop, identity self, tcp_options options = {})
        : transport(prepared(options)) {
        REQUIRE(transport.attach(loop));
        REQUIRE(transport.open(self, {}));
    }
    static tcp_options prepared(tcp_options options) {
        if (options.listen.empty()) options.listen = "127.0.0.1:0";
        options.reconnect_min = milliseconds(5);
        options.reconnect_max = milliseconds(40);
        options.seed = 1;
        return options;
    }

    void operator()(const envelope& got) noexcept {
        std::string text = "?";
        if (const auto* now = std::get_if<timeout_now>(&got.body))
            text = "term " + std::to_string(now->term.value);
        if (const auto* append = std::get_if<append_request>(&got.body)) {
            text = "append";
            for (const entry_view& entry : append->entries)
                text += " " + std::string(as_text(entry.body));
            if (!append->entries.empty()) kept.emplace_back(append->entries);
            if (distrusts) transport.distrust(got.peer);
        }
        mail.push_back({got.peer, got.incarnation, text});
    }
    void operator()(const bulk_envelope& got) noexcept {
        const auto* piece = std::get_if<snapshot_piece>(&got.body);
        if (piece != nullptr) bulk_bytes += piece->bytes.size;
        mail.push_back({got.peer, got.incarnation, piece != nullptr ? "piece" : "want"});
    }
    void operator()(peer_state state) noexcept {
        states += std::to_string(state.peer.value) + (state.reachable ? "+" : "-");
    }
    void operator()(const peer_refused& refused) noexcept { refusals.push_back(refused); }

    void drain() { transport.drain(*this); }
    std::string address() const { return transport.listening_at(); }
    bool has(const std::string& text) const {
        for (const seen_mail& each : mail) {
            if (each.text == text) return true;
        }
        return false;
    }

    tcp_transport transport;
    std::vector<seen_mail> mail;
    std::vector<run> kept;
    u64 bulk_bytes = 0;
    std::string states;
    std::vector<peer_refused> refusals;
    bool distrusts = false;  // every append
};

struct network {
    network() { REQUIRE(loop.open()); }
    tcp_node& add(identity self, tcp_options options = {}) {
        nodes.push_back(std::make_unique<tcp_node>(loop, self, options));
        return *nodes.back();
    }
    void turn(duration patience = milliseconds(5)) {
        const instant now = monotonic_now();
        const auto called = loop.wait(now, now + patience);
        REQUIRE(called);
        calls += *called;
        for (const auto& each : nodes) {
            if (each != nullptr && each.get() != deaf) each->drain();
        }
    }
    // Turns until the condition holds; false after a generous time.
    template <class Condition>
    bool until(Condition condition) {
        const instant deadline = monotonic_now() + seconds(10);
        while (monotonic_now() < deadline) {
            if (condition()) return true;
            turn();
        }
        return condition();
    }
    void connect(tcp_node& from, u64 id, const tcp_node& to) {
        from.transport.pin_address({id}, to.address());
    }

    poller loop;
    std::vector<std::unique_ptr<tcp_node>> nodes;
    tcp_node* deaf = nullptr;  // never drains
    u64 calls = 0;
};

// Two nodes that dialled each other.
struct two_nodes : network {
    two_nodes() : a(add(who(1))), b(add(who(2))) {
        connect(a, 2, b);
        connect(b, 1, a);
        REQUIRE(until([&] { return a.states == "2+" && b.states == "1+"; }));
    }
    tcp_node& a;
    tcp_node& b;
};

class raw_peer {
public:
    raw_peer() = default;
    explicit raw_peer(const tcp_node& to) { *this = raw_peer(connected(to.address())); }
    explicit raw_peer(tcp_socket socket) : socket_(std::move(socket)) {}

    static tcp_socket connected(const std::string& address) {
        auto made = connect_tcp(*parse_address(address));
        REQUIRE(made);
        pollfd one{made->fd(), POLLOUT, 0};
        REQUIRE(::poll(&one, 1, 2'000) == 1);
        return *std::move(made);
    }
    void put(byte_span bytes) { REQUIRE(send_some(socket_, {&bytes, 1})); }
    template <class Message>
    void put_frame(const Message& what) {
        encoded_frame made;
        (void)encode(what, made);
        put(made.head_span());
        if (made.tail.size != 0) put(made.tail.bytes());
    }
    void say_hello(u64 from, u64 to, wire_lane lane = wire_lane::control, u64 cluster = 1) {
        put_frame(hello{cluster, 1, {from}, {to}, from << 16, lane});
    }
    // Reads what is there; false once the other side has closed.
    bool listen() {
        for (;;) {
            std::array<std::byte, 4096> into{};
            const auto taken = receive_some(socket_, into);
            if (!taken) return taken.why().code == errc::busy;
            received.insert(received.end(), into.begin(),
                            into.begin() + static_cast<std::ptrdiff_t>(*taken));
        }
    }
    tcp_socket& socket() { return socket_; }
    std::vector<std::byte> received;

private:
    tcp_socket socket_;
};

}  // namespace tcp_support
