#include <raftkit/transport/tcp_transport.hpp>

#include <sys/resource.h>

#include <doctest/doctest.h>

#include <raftkit/base/prng.hpp>
#include <raftkit/concepts/transport.hpp>

#include "transport/tcp_support.hpp"

using namespace tcp_support;

static_assert(pollable_transport<tcp_transport>);

namespace {

// How many whole, sound frames the bytes are; 0 if anything else is among them.
u64 sound_frames_in(byte_span bytes) {
    const buffer copy = buffer::copy_of(bytes);
    u64 count = 0;
    for (u32 at = 0; at < copy.size(); ++count) {
        if (copy.size() - at < frame_header_bytes) return 0;
        const auto head = peek_frame(copy.bytes().data() + at, 8u << 20);
        if (!head || copy.size() - at < head->frame_bytes()) return 0;
        const auto decoded = decode_frame(*head, *copy.owner(), at, {}, 0);
        if (!decoded || !records_are_sound(*decoded)) return 0;
        at += head->frame_bytes();
    }
    return count;
}

}  // namespace

TEST_CASE("two nodes find each other and exchange messages under their identities") {
    two_nodes net;
    net.a.transport.send(envelope{{2}, 0, timeout_now{{5}}});
    net.b.transport.send(envelope{{1}, 0, timeout_now{{6}}});
    REQUIRE(net.until([&] { return net.a.mail.size() == 1 && net.b.mail.size() == 1; }));
    CHECK(net.b.mail[0].text == "term 5");
    CHECK(net.b.mail[0].from == node_id{1});
    CHECK(net.b.mail[0].incarnation == who(1).incarnation);
    CHECK(net.a.mail[0].text == "term 6");
    CHECK(net.a.refusals.empty());
}

TEST_CASE("runs arrive whole, small and larger than a block, and may be kept") {
    two_nodes net;
    block_pool pool;
    run_builder builder(pool);
    std::vector<std::string> texts;
    for (const std::size_t size : {5u, 1'000u, 200'000u, 300'000u, 3'000'000u, 7u, 250'000u}) {
        texts.push_back(std::string(size, static_cast<char>('a' + texts.size())));
        const u64 index = texts.size();
        const run_view one =
            builder.append({{index}, {1}}, entry_kind::command, as_bytes(texts.back()), 0);
        REQUIRE(one.count == 1);
        net.a.transport.send(
            envelope{{2}, 0, append_request{{1}, {{index - 1}, {1}}, {}, {index}, 0, one}});
    }
    REQUIRE(net.until([&] { return net.b.mail.size() == texts.size(); }));
    for (std::size_t i = 0; i < texts.size(); ++i) {
        REQUIRE(net.b.mail[i].text == "append " + texts[i]);
        const run_view& kept =
            net.b.kept[i].view();  // still there when later input has come and gone
        REQUIRE(check_run(kept.span(), kept.first, kept.term, kept.count).sound);
        REQUIRE(as_text((*kept.begin()).body) == texts[i]);
    }
}

TEST_CASE("thousands of small runs in a row share receive blocks and keep their order") {
    two_nodes net;
    block_pool pool;
    run_builder builder(pool);
    for (u64 index = 1; index <= 5'000; ++index) {
        const std::string text = std::to_string(index);
        const run_view one = builder.append({{index}, {1}}, entry_kind::command, as_bytes(text), 0);
        net.a.transport.send(
            envelope{{2}, 0, append_request{{1}, {{index - 1}, {1}}, {}, {index}, 0, one}});
        if (index % 64 == 0) net.turn({});
    }
    REQUIRE(net.until([&] { return net.b.mail.size() == 5'000; }));
    for (u64 index = 1; index <= 5'000; ++index) {
        REQUIRE(net.b.mail[index - 1].text == "append " + std::to_string(index));
    }
    CHECK(net.a.transport.counters().frames_dropped == 0);
}

TEST_CASE("frames that arrive byte by byte are put together") {
    network net;
    tcp_node& node = net.add(who(1));
    raw_peer peer(node);
    encoded_frame greeting, message;
    encode(hello{1, 1, {2}, {1}, 2u << 16, wire_lane::control}, greeting);
    REQUIRE(encode(envelope{{1}, 0, timeout_now{{5}}}, message));
    for (const encoded_frame* each : {&greeting, &message}) {
        for (u32 at = 0; at < each->head_bytes; ++at) {
            peer.put(each->head_span().subspan(at, 1));
            net.turn(milliseconds(1));
        }
    }
    REQUIRE(net.until([&] { return node.has("term 5"); }));
    CHECK(node.mail[0].from == node_id{2});
}

// Scenario H116; known bug 88: every peer says which cluster and group it is of.
TEST_CASE("a foreign cluster is refused, and both sides are told") {
    network net;
    tcp_node& a = net.add(who(1));
    tcp_node& foreign = net.add(who(2, 99));
    net.connect(foreign, 1, a);
    REQUIRE(net.until([&] { return !a.refusals.empty() && !foreign.refusals.empty(); }));
    CHECK(a.refusals[0].peer == node_id{2});
    CHECK(a.refusals[0].reason == refusal_reason::other_cluster);
    CHECK_FALSE(a.refusals[0].by_peer);
    CHECK(foreign.refusals[0].peer == node_id{1});
    CHECK(foreign.refusals[0].by_peer);
    CHECK(a.states.empty());
    CHECK(foreign.states.empty());
    foreign.transport.send(envelope{{1}, 0, timeout_now{{5}}});
    net.turn();
    CHECK(a.mail.empty());
}

TEST_CASE("an address that belongs to another node is refused") {
    // scenario H116
    network net;
    tcp_node& a = net.add(who(1));
    tcp_node& other = net.add(who(3));
    net.connect(a, 2, other);  // node 2 was expected there
    REQUIRE(net.until([&] { return !a.refusals.empty(); }));
    CHECK(a.refusals[0].reason == refusal_reason::wrong_target);
    CHECK(a.refusals[0].peer == node_id{2});
    CHECK(a.refusals[0].by_peer);
    CHECK(a.states.empty());
}

TEST_CASE("a hello is judged by cluster, group, target, sender and directory") {
    const identity self{1, 2, {3}, 4};
    const hello good{1, 2, {5}, {3}, (7u << 16) | 1, wire_lane::control};
    CHECK_FALSE(judge_hello(good, self, 0));
    CHECK_FALSE(judge_hello(good, self, (7u << 16) | 9));  // only its fences were counted
    CHECK(judge_hello(good, self, 8u << 16) == refusal_reason::other_incarnation);
    hello bad = good;
    bad.cluster = 9;
    CHECK(judge_hello(bad, self, 0) == refusal_reason::other_cluster);
    bad = good;
    bad.group = 9;
    CHECK(judge_hello(bad, self, 0) == refusal_reason::other_group);
    bad = good;
    bad.to = {9};
    CHECK(judge_hello(bad, self, 0) == refusal_reason::wrong_target);
    bad = good;
    bad.from = {3};
    CHECK(judge_hello(bad, self, 0) == refusal_reason::own_id);
    bad.from = {};
    CHECK(judge_hello(bad, self, 0) == refusal_reason::own_id);
}

TEST_CASE("a peer that came back with another data directory is refused, whoever dials") {
    // known bug 88
    network net;
    tcp_node& a = net.add(who(1));
    tcp_node& wiped = net.add(who(2, 1, 777));
    a.transport.know({2}, who(2).incarnation);
    SUBCASE("it dials") { net.connect(wiped, 1, a); }
    SUBCASE("it is dialled") { net.connect(a, 2, wiped); }
    REQUIRE(net.until([&] { return !a.refusals.empty() && !wiped.refusals.empty(); }));
    CHECK(a.refusals[0].reason == refusal_reason::other_incarnation);
    CHECK(wiped.refusals[0].reason == refusal_reason::other_incarnation);
    CHECK(wiped.refusals[0].by_peer);
    CHECK(a.states.empty());
    a.transport.know({2}, 0);  // its removal committed
    REQUIRE(net.until([&] { return a.states == "2+"; }));
}

TEST_CASE("learning of another directory ends the connection of the old one") {
    two_nodes net;
    net.a.transport.know({2}, who(2).incarnation | 5);  // the same, fenced: stays
    net.turn();
    CHECK(net.a.states == "2+");
    net.a.transport.know({2}, 777u << 16);
    REQUIRE(net.until([&] { return net.a.states == "2+2-"; }));
}

// Scenario H112 and K146's like on the peer port.
TEST_CASE("garbage closes its own connection and nothing else") {
    two_nodes net;
    prng random(5);
    for (int round = 0; round < 30; ++round) {
        raw_peer peer(net.b);
        if (round % 2 == 1) peer.say_hello(9, 2);
        std::vector<std::byte> noise(static_cast<std::size_t>(random.between(16, 3'000)));
        for (std::byte& each : noise) each = static_cast<std::byte>(random.next());
        peer.put(noise);
        REQUIRE(net.until([&] { return !peer.listen(); }));
    }
    CHECK(net.b.transport.counters().garbage == 30);
    CHECK(net.b.refusals.size() == 15);  // who said who he is, by name
    for (const peer_refused& each : net.b.refusals) {
        CHECK(each.peer == node_id{9});
        CHECK(each.garbage());
        CHECK_FALSE(each.by_peer);
    }
    CHECK(net.b.mail.empty());
    net.a.transport.send(envelope{{2}, 0, timeout_now{{5}}});
    REQUIRE(net.until([&] { return net.b.has("term 5"); }));
    CHECK(net.a.states == "2+");
}

TEST_CASE("a message whose reader finds it damaged costs its connection, and no other") {
    // scenario H112: the frame is sound, the records in it are not
    two_nodes net;
    tcp_node& other = net.add(who(3));
    net.connect(other, 2, net.b);
    REQUIRE(net.until([&] { return net.b.states.find("3+") != std::string::npos; }));
    net.b.distrusts = true;
    net.b.transport.distrust({1});  // outside of drain nothing is read
    raw_peer liar(net.b);
    liar.say_hello(9, 2);
    encoded_frame made;
    REQUIRE(encode(envelope{{2}, 0, append_request{}}, made));
    liar.put(made.head_span());
    liar.put(made.head_span());
    REQUIRE(net.until([&] { return !liar.listen(); }));
    CHECK(net.b.mail.size() == 1);  // nothing more of it is believed
    CHECK(net.b.transport.counters().garbage == 1);
    REQUIRE(net.b.refusals.size() == 1);
    CHECK(net.b.refusals[0].peer == node_id{9});
    CHECK(net.b.refusals[0].garbage());
    net.a.transport.send(envelope{{2}, 0, timeout_now{{5}}});
    REQUIRE(net.until([&] { return net.b.has("term 5"); }));
    CHECK(net.a.states == "2+");
    CHECK(other.states == "2+");
}

TEST_CASE("an oversized length closes the connection before anything is reserved for it") {
    network net;
    tcp_node& node = net.add(who(1));
    for (const u32 length : {~u32{0}, (4u << 20) + (128u << 10) + 1}) {
        raw_peer peer(node);
        peer.say_hello(2, 1);
        encoded_frame made;
        REQUIRE(encode(envelope{{1}, 0, append_request{}}, made));
        store_le(made.head.data() + 4, length);
        peer.put(made.head_span());
        REQUIRE(net.until([&] { return !peer.listen(); }));
    }
    CHECK(node.transport.counters().garbage == 2);
}

TEST_CASE(
    "a stranger may say hello and no more: a large frame instead of it is refused by its length") {
    network net;
    tcp_node& node = net.add(who(1));
    raw_peer peer(node);
    encoded_frame made;
    REQUIRE(encode(envelope{{1}, 0, append_request{}}, made));
    store_le(made.head.data() + 4, 4'096u);  // fine from a peer
    peer.put(made.head_span().first(frame_header_bytes));
    REQUIRE(net.until([&] { return !peer.listen(); }));
    CHECK(node.transport.counters().garbage == 1);  // at once, not when its time was over
}

TEST_CASE(
    "messages before the hello, a second hello and messages on the wrong lane close the "
    "connection") {
    network net;
    tcp_node& node = net.add(who(1));
    raw_peer early(node), twice(node), wrong(node);
    early.put_frame(envelope{{1}, 0, timeout_now{{5}}});
    twice.say_hello(2, 1);
    twice.say_hello(2, 1);
    wrong.say_hello(3, 1, wire_lane::bulk);
    wrong.put_frame(envelope{{1}, 0, timeout_now{{5}}});
    REQUIRE(net.until([&] { return !early.listen() && !twice.listen() && !wrong.listen(); }));
    CHECK(node.mail.empty());
    CHECK(node.transport.counters().garbage == 3);
}

TEST_CASE("a connection that never says hello is closed in time, and floods of them are bounded") {
    network net;
    tcp_options options;
    options.greeting_max = milliseconds(60);
    tcp_node& node = net.add(who(1), options);
    std::vector<raw_peer> silent;
    for (int i = 0; i < 80; ++i) {
        silent.emplace_back(node);
        net.turn({});
    }
    REQUIRE(net.until([&] { return node.transport.counters().accepted == 80; }));
    net.turn({});
    CHECK_FALSE(silent[0].listen());  // the oldest made room
    for (raw_peer& each : silent) REQUIRE(net.until([&] { return !each.listen(); }));
}

// Scenario H117.
TEST_CASE("a peer that never reads costs a bounded buffer, and others are not delayed") {
    network net;
    tcp_options options;
    options.message_bytes_max = 64u << 10;
    options.command_bytes_max = 64u << 10;
    options.buffer_bytes_max = 1u << 20;
    tcp_node& a = net.add(who(1), options);
    tcp_node& b = net.add(who(2));
    net.connect(a, 2, b);
    raw_peer deaf(a);
    deaf.say_hello(3, 1);
    REQUIRE(net.until([&] { return a.states.size() == 4; }));
    block_pool pool;
    run_builder builder(pool);
    const std::string text(60'000, 'x');
    const run_view one = builder.append({{1}, {1}}, entry_kind::command, as_bytes(text), 0);
    for (int i = 0; i < 400; ++i)
        a.transport.send(envelope{{3}, 0, append_request{{1}, {}, {}, {}, 0, one}});
    CHECK(a.transport.counters().frames_dropped > 0);
    CHECK(one.owner->refs.load() <= 2 + (512 << 10) / 60'000);  // kept only for what waits
    a.transport.send(envelope{{2}, 0, timeout_now{{5}}});
    REQUIRE(net.until([&] { return b.has("term 5"); }));
    // What was accepted into the buffer still arrives, in whole frames, once it reads.
    const u64 sent = a.transport.counters().frames_sent;
    std::size_t before = 0;
    REQUIRE(net.until([&] {
        before = deaf.received.size();
        REQUIRE(deaf.listen());
        return deaf.received.size() == before && before > (sent - 2) * 60'000;
    }));
    CHECK(one.owner->refs.load() == 1);
    CHECK(sound_frames_in(deaf.received) ==
          sent);  // its hello's answer, and all but the one to node 2
}

TEST_CASE("frames larger than the socket's buffers leave in parts and arrive whole") {
    network net;
    tcp_node& a = net.add(who(1));
    raw_peer slow(a);
    slow.say_hello(2, 1);
    REQUIRE(net.until([&] { return a.states == "2+"; }));
    block_pool pool;
    run_builder builder(pool);
    const std::string text(4u << 20, 'x');
    const run_view one = builder.append({{1}, {1}}, entry_kind::command, as_bytes(text), 0);
    const append_request large{{1}, {}, {}, {}, 0, one};
    for (int i = 0; i < 4; ++i) a.transport.send(envelope{{2}, 0, large});
    const u64 sent = a.transport.counters().frames_sent;
    CHECK(sent >= 2);
    REQUIRE(net.until([&] {
        REQUIRE(slow.listen());
        return slow.received.size() > sent * text.size();
    }));
    CHECK(sound_frames_in(slow.received) == sent + 1);  // and the answer to its hello
}

TEST_CASE("a frame that the peer would refuse for its size is dropped here instead") {
    two_nodes net;
    block_pool pool;
    run_builder builder(pool);
    const std::string text((4u << 20) + (200u << 10), 'x');
    const run_view one = builder.append({{1}, {1}}, entry_kind::command, as_bytes(text), 0);
    net.a.transport.send(envelope{{2}, 0, append_request{{1}, {}, {}, {}, 0, one}});
    net.a.transport.send(envelope{{2}, 0, timeout_now{{5}}});
    REQUIRE(net.until([&] { return net.b.has("term 5"); }));
    CHECK(net.a.transport.counters().frames_dropped == 1);
    CHECK(net.a.states == "2+");
}
