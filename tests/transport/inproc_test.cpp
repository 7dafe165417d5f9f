#include <raftkit/transport/inproc.hpp>

#include <string>
#include <thread>

#include <doctest/doctest.h>

#include <raftkit/concepts/transport.hpp>
#include <raftkit/io/clock.hpp>

using namespace raftkit;

static_assert(pollable_transport<inproc_transport>);
static_assert(transport<inproc_posting_transport>);
static_assert(!pollable_transport<inproc_posting_transport>);

namespace {

identity who(u64 id, u64 cluster = 1) { return {cluster, 1, {id}, id << 16}; }

// Writes down what it is given, as text.
struct notebook {
    std::string text;
    void operator()(const envelope& mail) noexcept {
        text += "from " + std::to_string(mail.peer.value) + "/" +
                std::to_string(mail.incarnation >> 16);
        if (const auto* now = std::get_if<timeout_now>(&mail.body))
            text += " term " + std::to_string(now->term.value);
        if (const auto* append = std::get_if<append_request>(&mail.body)) {
            for (const entry_view& entry : append->entries)
                text += " " + std::string(as_text(entry.body));
        }
        if (const auto* offer = std::get_if<snapshot_offer>(&mail.body)) {
            text += " " + std::string(as_text(offer->meta.bytes())) + "+" +
                    std::string(as_text(offer->manifest.bytes()));
        }
        text += "\n";
    }
    void operator()(const bulk_envelope& mail) noexcept {
        const auto* piece = std::get_if<snapshot_piece>(&mail.body);
        text += "bulk from " + std::to_string(mail.peer.value) + " ";
        if (piece != nullptr) text += as_text(piece->bytes.bytes());
        text += "\n";
    }
    void operator()(peer_state state) noexcept {
        text += std::to_string(state.peer.value) + (state.reachable ? " up\n" : " down\n");
    }
};

std::string drained(inproc_transport& from) {
    notebook book;
    from.drain(book);
    return book.text;
}

struct pair_of_nodes {
    pair_of_nodes() {
        REQUIRE(a.open(who(1), {}));
        REQUIRE(b.open(who(2), {}));
        CHECK(drained(a) == "2 up\n");
        CHECK(drained(b) == "1 up\n");
    }
    inproc_hub hub;
    inproc_transport a{hub}, b{hub};
};

}  // namespace

TEST_CASE("a message arrives under its sender's id and incarnation") {
    pair_of_nodes nodes;
    nodes.a.send(envelope{{2}, 0, timeout_now{{5}}});
    CHECK(drained(nodes.b) == "from 1/1 term 5\n");
    CHECK(drained(nodes.b).empty());
    nodes.b.close();
    CHECK(drained(nodes.a) == "2 down\n");
    nodes.a.send(envelope{{2}, 0, timeout_now{{6}}});  // to nobody
}

TEST_CASE("what a message points to outlives send, without a copy of a run") {
    pair_of_nodes nodes;
    {
        block_pool pool;
        run_builder builder(pool);
        const buffer chunk = buffer::copy_of(as_bytes("chunk"));
        std::string meta = "meta", manifest = "manifest";
        const run_view one =
            builder.append({{1}, {1}}, entry_kind::command, as_bytes("command"), 0);
        nodes.a.send(envelope{{2}, 0, append_request{{1}, {}, {}, {}, 0, one}});
        CHECK(one.owner->refs.load() == 2);
        nodes.a.send(envelope{
            {2},
            0,
            snapshot_offer{
                {1}, {}, bytes_view::of(as_bytes(meta)), bytes_view::of(as_bytes(manifest))}});
        nodes.a.send(
            bulk_envelope{{2}, 0, snapshot_piece{{1}, {}, 0, 0, bytes_view::of(chunk), {}}});
        meta = manifest = "overwritten";
        CHECK(drained(nodes.b) == "from 1/1 command\nfrom 1/1 meta+manifest\nbulk from 1 chunk\n");
        CHECK(one.owner->refs.load() == 1);
    }
}

TEST_CASE("held messages wait for deliver and keep their order") {
    pair_of_nodes nodes;
    nodes.hub.hold(true);
    for (u64 term = 1; term <= 3; ++term) nodes.a.send(envelope{{2}, 0, timeout_now{{term}}});
    CHECK(drained(nodes.b).empty());
    CHECK(nodes.hub.deliver(2) == 2);
    CHECK(drained(nodes.b) == "from 1/1 term 1\nfrom 1/1 term 2\n");
    CHECK(nodes.hub.deliver() == 1);
    CHECK(nodes.hub.deliver() == 0);
    CHECK(drained(nodes.b) == "from 1/1 term 3\n");
}

TEST_CASE("a cut loses one direction until it heals") {
    pair_of_nodes nodes;
    nodes.hub.cut({1}, {2});
    nodes.a.send(envelope{{2}, 0, timeout_now{{1}}});
    nodes.b.send(envelope{{1}, 0, timeout_now{{2}}});
    CHECK(drained(nodes.b).empty());
    CHECK(drained(nodes.a) == "from 2/2 term 2\n");
    nodes.hub.cut({1}, {2}, false);
    nodes.a.send(envelope{{2}, 0, timeout_now{{3}}});
    CHECK(drained(nodes.b) == "from 1/1 term 3\n");
}

TEST_CASE("other clusters and groups don't hear each other, and an id has one seat") {
    pair_of_nodes nodes;
    inproc_transport foreign(nodes.hub), twin(nodes.hub);
    REQUIRE(foreign.open(who(3, 99), {}));
    foreign.send(envelope{{2}, 0, timeout_now{{1}}});
    nodes.a.send(envelope{{3}, 0, timeout_now{{1}}});
    CHECK(drained(nodes.b).empty());
    CHECK(drained(foreign).empty());
    CHECK(twin.open(who(1), {}).why().code == errc::busy);
}

TEST_CASE("a posting transport puts its mail, kept, on the completion port") {
    inproc_hub hub;
    mailbox box, other;  // outlive the transports, which post to them
    inproc_posting_transport a(hub), b(hub);
    REQUIRE(a.open(who(1), {&other}));
    REQUIRE(b.open(who(2), {&box}));
    {
        const buffer chunk = buffer::copy_of(as_bytes("chunk"));
        a.send(bulk_envelope{{2}, 0, snapshot_piece{{1}, {}, 0, 0, bytes_view::of(chunk), {}}});
    }
    a.send(envelope{{2}, 0, timeout_now{{4}}});
    std::vector<event> events;
    REQUIRE(box.drain(events));
    REQUIRE(events.size() == 3);
    CHECK(std::get<peer_state>(events[0]).peer == node_id{1});
    const auto& bulk = std::get<received_bulk>(events[1]);
    CHECK(as_text(std::get<snapshot_piece>(bulk.mail.body).bytes.bytes()) == "chunk");
    CHECK(std::get<received>(events[2]).mail.peer == node_id{1});
}

TEST_CASE("mail from another thread wakes the loop it is attached to") {
    inproc_hub hub;
    poller loop;
    REQUIRE(loop.open());
    inproc_transport a(hub), b(hub);
    REQUIRE(b.attach(loop));
    REQUIRE(a.open(who(1), {}));
    REQUIRE(b.open(who(2), {}));
    REQUIRE(loop.wait(monotonic_now(), {}));
    (void)drained(b);
    std::thread sender([&] { a.send(envelope{{2}, 0, timeout_now{{5}}}); });
    CHECK(*loop.wait(monotonic_now(), monotonic_now() + seconds(5)) == 1);
    sender.join();
    CHECK(drained(b) == "from 1/1 term 5\n");
    CHECK(*loop.wait(monotonic_now(), {}) == 0);
}
