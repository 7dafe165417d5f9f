#include <raftkit/transport/tcp_connection.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "transport/tcp_support.hpp"

using namespace tcp_support;

namespace {

// A connection whose socket takes little at a time, and the raw end of it.
struct narrow_pair {
    narrow_pair() {
        REQUIRE(loop.open());
        auto listener = listen_tcp(*parse_address("127.0.0.1:0"));
        REQUIRE(listener);
        far = raw_peer(raw_peer::connected(text_of(*local_address(*listener))));
        auto taken = accept_tcp(*listener);
        REQUIRE((taken && taken->is_open()));
        const int small = 8 << 10;
        ::setsockopt(taken->fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        ::setsockopt(far.socket().fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        near = std::make_unique<tcp_connection>(loop, *std::move(taken), false);
        near->phase = connection_phase::open;
        near->ready = [](watcher& which, u32) noexcept {
            (void)static_cast<tcp_connection&>(which).flush();
        };
        REQUIRE(near->watch());
    }
    poller loop;
    raw_peer far;
    std::unique_ptr<tcp_connection> near;
};

}  // namespace

TEST_CASE("a frame that leaves in many parts arrives as it was, and holds its run until then") {
    narrow_pair both;
    block_pool pool;
    run_builder builder(pool);
    std::string text(200'000, '?');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);
    const run_view one = builder.append({{1}, {1}}, entry_kind::command, as_bytes(text), 0);
    std::vector<std::byte> expected;
    for (int i = 0; i < 3; ++i) {
        encoded_frame made;
        REQUIRE(encode(envelope{{1}, 0, append_request{{1}, {}, {}, {}, 0, one}}, made));
        expected.insert(expected.end(), made.head.begin(), made.head.begin() + made.head_bytes);
        expected.insert(expected.end(), made.tail.bytes().begin(), made.tail.bytes().end());
        REQUIRE(both.near->send(made, false));
    }
    CHECK(both.near->queued_bytes() > 400'000);
    CHECK(one.owner->refs.load() == 1 + 3);  // the builder, and one a frame
    int parts = 0;
    while (both.far.received.size() < expected.size() && parts < 100'000) {
        REQUIRE(both.far.listen());
        REQUIRE(both.loop.wait(monotonic_now(), monotonic_now() + milliseconds(1)));
        ++parts;
    }
    CHECK(parts > 6);
    CHECK(both.far.received == expected);
    CHECK(both.near->queued_bytes() == 0);
    CHECK(one.owner->refs.load() == 1);
}
