// Lanes, reconnecting, membership and turns of the TCP transport; who may talk
// is in tcp_transport_test.cpp.
#include <raftkit/transport/tcp_transport.hpp>

#include <sys/resource.h>

#include <doctest/doctest.h>

#include "transport/tcp_support.hpp"

using namespace tcp_support;

namespace {

configuration members_of(const std::vector<std::pair<u64, std::string>>& list) {
    configuration made;
    for (const auto& [id, address] : list) {
        member one;
        one.id = {id};
        one.address = address;
        made.members.push_back(one);
    }
    return made;
}

}  // namespace

// Requirement S001-36: heartbeats continue during a snapshot transfer.
TEST_CASE("a full bulk lane does not delay the control lane") {
    two_nodes net;
    const buffer chunk = buffer::copy_of(as_bytes(std::string(256u << 10, 'c')));
    const bulk_envelope piece{
        {2}, 0, snapshot_piece{{1}, {}, 0, 0, bytes_view::of(chunk), errc::ok}};
    net.a.transport.send(piece);  // asks for the lane
    REQUIRE(net.until([&] { return net.b.bulk_bytes > 0; }));
    net.deaf = &net.b;  // b is busy elsewhere while chunks pile up, in its kernel
                        // and here
    const u64 dropped = net.a.transport.counters().frames_dropped;
    for (int i = 0; i < 200; ++i) {
        net.a.transport.send(piece);
        net.turn({});
    }
    CHECK(net.a.transport.counters().frames_dropped > dropped);
    net.a.transport.send(envelope{{2}, 0, timeout_now{{5}}});
    net.turn();
    net.deaf = nullptr;
    const u64 before = net.b.bulk_bytes;
    net.b.mail.clear();
    REQUIRE(net.until([&] { return !net.b.mail.empty(); }));
    CHECK(net.b.mail[0].text == "term 5");  // before any of the chunks that were sent before it
    REQUIRE(net.until([&] { return net.b.bulk_bytes >= before + (8u << 20) - (512u << 10); }));
    CHECK(net.a.states == "2+");
}

TEST_CASE(
    "the first chunks wait for the bulk connection that they ask for, up "
    "to the buffer's bound") {
    two_nodes net;
    const u64 dials = net.a.transport.counters().dials;
    const buffer chunk = buffer::copy_of(as_bytes(std::string(1u << 20, 'c')));
    const bulk_envelope piece{
        {2}, 0, snapshot_piece{{1}, {}, 0, 0, bytes_view::of(chunk), errc::ok}};
    for (int i = 0; i < 10; ++i) net.a.transport.send(piece);
    CHECK(chunk.owner()->refs.load() == 1 + 8);  // half of 16 MiB
    CHECK(net.a.transport.counters().frames_dropped == 2);
    REQUIRE(net.until([&] { return net.b.bulk_bytes == 8u << 20; }));
    CHECK(net.a.transport.counters().dials == dials + 1);
    CHECK(chunk.owner()->refs.load() == 1);

    const bulk_envelope lost{{77}, 0, piece.body};
    net.a.transport.send(lost);  // nobody knows where that is
    CHECK(net.a.transport.counters().frames_dropped == 3);
}

TEST_CASE("chunks for a peer that can't be dialled are given up with the attempt") {
    two_nodes net;
    net.a.transport.pin_address({3}, "127.0.0.1:1");
    const buffer chunk = buffer::copy_of(as_bytes("chunk"));
    net.a.transport.send(
        bulk_envelope{{3}, 0, snapshot_piece{{1}, {}, 0, 0, bytes_view::of(chunk), errc::ok}});
    REQUIRE(net.until([&] { return chunk.owner()->refs.load() == 1; }));
    CHECK(net.b.bulk_bytes == 0);
}

TEST_CASE("a want goes by the control lane, and no bulk connection is made for it") {
    two_nodes net;
    const u64 accepted = net.b.transport.counters().accepted;
    net.a.transport.send(bulk_envelope{{2}, 0, snapshot_want{{1}, {}, 0, 0, 10}});
    REQUIRE(net.until([&] { return net.b.has("want"); }));
    CHECK(net.b.transport.counters().accepted == accepted);
}

TEST_CASE(
    "a peer that went away is told as unreachable and is found again "
    "when it is back") {
    network net;
    tcp_node& a = net.add(who(1));
    tcp_node* b = &net.add(who(2));
    const std::string address = b->address();
    net.connect(a, 2, *b);
    for (int life = 0; life < 3; ++life) {
        REQUIRE(net.until([&] { return a.states.ends_with("2+"); }));
        net.nodes.pop_back();
        REQUIRE(net.until([&] { return a.states.ends_with("2-"); }));
        a.transport.send(envelope{{2}, 0, timeout_now{{5}}});  // lost, as allowed
        tcp_options options;
        options.listen = address;
        b = &net.add(who(2), options);
    }
    REQUIRE(net.until([&] { return a.states == "2+2-2+2-2+2-2+"; }));
    a.transport.send(envelope{{2}, 0, timeout_now{{6}}});
    REQUIRE(net.until([&] { return b->has("term 6"); }));
    CHECK_FALSE(b->has("term 5"));
}

TEST_CASE("dialling backs off between its bounds and does not spin") {
    tcp_options options;
    options.reconnect_min = milliseconds(50);
    options.reconnect_max = seconds(3);
    prng random(3);
    reconnect_delay delay;
    duration last{};
    for (int attempt = 0; attempt < 12; ++attempt) {
        const duration next = delay.next(options, random);
        CHECK(next >= options.reconnect_min);
        CHECK(next <= options.reconnect_max);
        if (attempt < 5) CHECK(next > last);
        last = next;
    }
    CHECK(last > seconds(2));
    delay.reset();
    CHECK(delay.next(options, random) < milliseconds(70));

    network net;
    tcp_node& a = net.add(who(1));
    a.transport.pin_address({2}, "127.0.0.1:1");  // nobody there
    const instant end = monotonic_now() + milliseconds(300);
    while (monotonic_now() < end) net.turn();
    CHECK(a.transport.counters().dials >= 5);
    CHECK(a.transport.counters().dials < 40);  // 5 ms, then doubling to 40
    CHECK(net.calls < 200);
}

TEST_CASE(
    "a node without addresses answers over the connection that it was "
    "dialled on") {
    network net;
    tcp_node& leader = net.add(who(1));
    tcp_node& learner = net.add(who(2));
    net.connect(leader, 2, learner);
    REQUIRE(net.until([&] { return learner.states == "1+"; }));
    learner.transport.send(envelope{{1}, 0, timeout_now{{5}}});
    REQUIRE(net.until([&] { return leader.has("term 5"); }));
    CHECK(learner.transport.counters().dials == 0);
    learner.transport.send(envelope{{77}, 0, timeout_now{{5}}});
    CHECK(learner.transport.counters().frames_dropped == 1);
}

TEST_CASE("the newer of two connections of one peer and lane wins") {
    network net;
    tcp_node& node = net.add(who(1));
    raw_peer first(node);
    first.say_hello(2, 1);
    REQUIRE(net.until([&] { return node.states == "2+"; }));
    raw_peer second(node);
    second.say_hello(2, 1);
    REQUIRE(net.until([&] { return !first.listen(); }));
    second.put_frame(envelope{{1}, 0, timeout_now{{5}}});
    REQUIRE(net.until([&] { return node.has("term 5"); }));
    CHECK(second.listen());
    CHECK(node.states.ends_with("2+"));
}

TEST_CASE(
    "addresses come from the configuration unless they are pinned; who "
    "left it is not dialled") {
    network net;
    tcp_node& b = net.add(who(2));
    tcp_node* c = &net.add(who(3));
    tcp_options options;
    options.addresses = {{{1}, "127.0.0.1:0"}, {{2}, b.address()}};
    tcp_node& a = net.add(who(1), options);
    a.transport.members(members_of({{1, ""}, {2, "127.0.0.1:1"}, {3, c->address()}}));
    REQUIRE(net.until([&] { return a.states.size() == 4; }));
    tcp_options again;
    again.listen = b.address();
    net.nodes[0].reset();  // when it is back, only the pinned address leads to it
    REQUIRE(net.until([&] { return a.states.ends_with("2-"); }));
    tcp_node& back = net.add(who(2), again);
    REQUIRE(net.until([&] { return back.states == "1+"; }));
    a.transport.know({3}, who(3).incarnation);
    a.transport.members(members_of({{1, ""}, {2, "127.0.0.1:1"}}));
    a.transport.send(envelope{{3}, 0, timeout_now{{5}}});  // its removal may still be told
    REQUIRE(net.until([&] { return c->has("term 5"); }));
    c->transport.close();
    REQUIRE(net.until([&] { return a.states.ends_with("3-"); }));
    const u64 dials = a.transport.counters().dials;
    for (int i = 0; i < 20; ++i) net.turn();
    CHECK(a.transport.counters().dials == dials);
}

TEST_CASE("a configuration that names an incarnation binds its member to it") {
    network net;
    tcp_node& a = net.add(who(1));
    tcp_node& wiped = net.add(who(2, 1, 777));
    configuration now = members_of({{2, wiped.address()}});
    now.members[0].incarnation = who(2).incarnation;
    a.transport.members(now);
    REQUIRE(net.until([&] { return !a.refusals.empty(); }));
    CHECK(a.refusals[0].reason == refusal_reason::other_incarnation);
}

TEST_CASE(
    "a host that flushes gets the small frames of a turn in one piece, a "
    "run takes them along") {
    two_nodes net;
    net.a.transport.flush();
    for (u64 term = 1; term <= 100; ++term)
        net.a.transport.send(envelope{{2}, 0, timeout_now{{term}}});
    for (int i = 0; i < 3; ++i) net.turn(milliseconds(1));
    CHECK(net.b.mail.empty());
    net.a.transport.flush();
    REQUIRE(net.until([&] { return net.b.mail.size() == 100; }));
    CHECK(net.b.mail[99].text == "term 100");

    block_pool pool;
    run_builder builder(pool);
    const run_view one = builder.append({{1}, {1}}, entry_kind::command, as_bytes("x"), 0);
    net.a.transport.send(envelope{{2}, 0, timeout_now{{101}}});
    net.a.transport.send(envelope{{2}, 0, append_request{{1}, {}, {}, {}, 0, one}});
    REQUIRE(net.until([&] { return net.b.mail.size() == 102; }));
    CHECK(net.b.mail[100].text == "term 101");
    CHECK(one.owner->refs.load() == 1);
}

// Scenario: 32 file descriptors.
TEST_CASE(
    "without free descriptors accepting pauses instead of spinning, and "
    "goes on later") {
    two_nodes net;
    raw_peer waiting(net.a);
    rlimit old{};
    ::getrlimit(RLIMIT_NOFILE, &old);
    rlimit none = old;
    none.rlim_cur = 0;
    ::setrlimit(RLIMIT_NOFILE, &none);
    const u64 calls = net.calls;
    const instant end = monotonic_now() + milliseconds(250);
    while (monotonic_now() < end) net.turn(milliseconds(50));
    net.a.transport.send(envelope{{2}, 0, timeout_now{{5}}});
    net.turn();
    net.turn();
    ::setrlimit(RLIMIT_NOFILE, &old);
    CHECK(net.b.has("term 5"));  // what is connected goes on
    CHECK(net.a.transport.counters().accept_paused >= 1);
    CHECK(net.a.transport.counters().accept_paused <= 4);
    CHECK(net.calls - calls < 30);
    waiting.say_hello(3, 1);
    REQUIRE(net.until([&] { return net.a.states == "2+3+"; }));
}

// Scenario H114.
TEST_CASE("a connection that breaks again and again still makes progress") {
    network net;
    tcp_node& a = net.add(who(1));
    auto listening = listen_tcp(*parse_address("127.0.0.1:0"));
    REQUIRE(listening);
    a.transport.pin_address({2}, text_of(*local_address(*listening)));
    u64 heard = 0;
    for (int life = 0; life < 6; ++life) {
        raw_peer fake;
        REQUIRE(net.until([&] {
            auto taken = accept_tcp(*listening);
            if (taken && taken->is_open()) fake = raw_peer(*std::move(taken));
            return fake.socket().is_open();
        }));
        fake.say_hello(2, 1);
        REQUIRE(net.until([&] { return a.states.ends_with("2+"); }));
        const std::size_t greeted = 16 + 56;
        a.transport.send(envelope{{2}, 0, timeout_now{{5}}});
        REQUIRE(net.until([&] { return fake.listen() && fake.received.size() > greeted; }));
        ++heard;
        fake.socket().close();
        REQUIRE(net.until([&] { return a.states.ends_with("2-"); }));
    }
    CHECK(heard == 6);
}

TEST_CASE(
    "open says what is wrong: not attached, bad options, a port in use, "
    "an address that is none") {
    tcp_transport loose{tcp_options{}};
    CHECK(loose.open(who(1), {}).why().code == errc::not_started);

    network net;
    tcp_node& a = net.add(who(1));
    const auto opened = [&](tcp_options options) {
        tcp_transport made(options);
        REQUIRE(made.attach(net.loop));
        return made.open(who(2), {}).why();
    };
    tcp_options options;
    options.listen = a.address();
    CHECK(opened(options).os == EADDRINUSE);
    options.listen = "nonsense";
    CHECK(opened(options).code == errc::invalid_option);
    options.listen = "127.0.0.1:0";
    options.reconnect_max = milliseconds(1);
    CHECK(std::string(opened(options).where) == "tcp_options.reconnect_min");
    options.reconnect_max = seconds(3);
    options.buffer_bytes_max = 1000;
    CHECK(std::string(opened(options).where) == "tcp_options.buffer_bytes_max");
    options = {};
    CHECK(opened(options).code == errc::ok);  // listens nowhere, may dial
}

TEST_CASE(
    "a closed transport is silent: its peers lose it, and its watchers "
    "are gone") {
    two_nodes net;
    net.a.transport.close();
    // A greeting that was on its way may bring it back for one turn.
    REQUIRE(net.until([&] { return net.b.states.ends_with("1-"); }));
    for (int i = 0; i < 5; ++i) net.turn();
    CHECK(net.b.states.ends_with("1-"));
    net.a.transport.send(envelope{{2}, 0, timeout_now{{5}}});
    net.a.transport.close();
    net.turn();
    CHECK(net.b.mail.empty());
    CHECK(net.a.states == "2+");
}
