#include <raftkit/io/socket.hpp>

#include <poll.h>
#include <sys/resource.h>

#include <vector>

#include <doctest/doctest.h>

using namespace raftkit;

namespace {

bool wait_for(const tcp_socket& socket, short events) {
    pollfd one{socket.fd(), events, 0};
    return ::poll(&one, 1, 2'000) == 1;
}

struct linked_pair {
    linked_pair() {
        auto listening = listen_tcp(*parse_address("127.0.0.1:0"));
        REQUIRE(listening);
        listener = *std::move(listening);
        auto dialled = connect_tcp(*local_address(listener));
        REQUIRE(dialled);
        dialler = *std::move(dialled);
        REQUIRE(wait_for(listener, POLLIN));
        auto taken = accept_tcp(listener);
        REQUIRE(taken);
        accepted = *std::move(taken);
        REQUIRE(accepted.is_open());
        REQUIRE(wait_for(dialler, POLLOUT));
    }
    tcp_socket listener, dialler, accepted;
};

std::string received(const tcp_socket& from) {
    std::array<std::byte, 100> into{};
    REQUIRE(wait_for(from, POLLIN));
    auto count = receive_some(from, into);
    REQUIRE(count);
    return std::string(as_text({into.data(), static_cast<std::size_t>(*count)}));
}

}  // namespace

TEST_CASE("addresses are read as people write them") {
    CHECK(text_of(*parse_address("127.0.0.1:7101")) == "127.0.0.1:7101");
    CHECK(text_of(*parse_address("localhost:80")) == "127.0.0.1:80");
    CHECK(text_of(*parse_address(":7101")) == "0.0.0.0:7101");
    CHECK(text_of(*parse_address("[::1]:7101")) == "[::1]:7101");
    CHECK(text_of(*resolve_address("10.1.2.3:0")) == "10.1.2.3:0");
}

TEST_CASE("what is no address is refused with a reason") {
    for (const char* bad : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:-1",
                            "127.0.0.1:7x", "::1:7101", "[::1:7101", "[]", ":", "[:1", "]:1:2"}) {
        CAPTURE(bad);
        CHECK(parse_address(bad).why().code == errc::invalid_option);
    }
    CHECK(parse_address("no.such.host:1").why().code == errc::not_found);
    CHECK(resolve_address("name.invalid:1").why().code == errc::not_found);
    CHECK(resolve_address("name.invalid").why().code == errc::invalid_option);
}

TEST_CASE("two ends exchange bytes; gathered pieces arrive as one stream") {
    linked_pair both;
    CHECK(connect_outcome(both.dialler));
    CHECK(set_nodelay(both.dialler));
    CHECK(set_silence_limit(both.dialler, 9));
    const byte_span pieces[] = {as_bytes("one "), {}, as_bytes("two")};
    CHECK(*send_some(both.dialler, pieces) == 7);
    CHECK(received(both.accepted) == "one two");
}

TEST_CASE("nothing to read now is busy, the end of the stream is not_found") {
    linked_pair both;
    std::array<std::byte, 8> into{};
    CHECK(receive_some(both.accepted, into).why().code == errc::busy);
    both.dialler.close();
    REQUIRE(wait_for(both.accepted, POLLIN));
    CHECK(receive_some(both.accepted, into).why().code == errc::not_found);
}

TEST_CASE("a full socket takes nothing and says zero, a broken one is an error and no signal") {
    linked_pair both;
    const std::vector<std::byte> lump(1u << 20);
    const byte_span piece(lump);
    u64 last = 1, total = 0;
    for (int i = 0; i < 200 && last != 0; ++i) {
        last = *send_some(both.dialler, {&piece, 1});
        total += last;
    }
    CHECK(last == 0);
    CHECK(total > 0);
    both.accepted.close();
    REQUIRE(wait_for(both.dialler, POLLERR));
    auto sent = send_some(both.dialler, {&piece, 1});
    if (sent) sent = send_some(both.dialler, {&piece, 1});
    CHECK(sent.why().code == errc::io);
}

TEST_CASE("no connection waits: accept gives a socket that is not open") {
    auto listener = listen_tcp(*parse_address("127.0.0.1:0"));
    REQUIRE(listener);
    auto none = accept_tcp(*listener);
    REQUIRE(none);
    CHECK_FALSE(none->is_open());
}

TEST_CASE("a refused connection tells so") {
    socket_address nobody;
    {
        auto listener = listen_tcp(*parse_address("127.0.0.1:0"));
        nobody = *local_address(*listener);
    }
    auto dialled = connect_tcp(nobody);
    if (dialled) {
        REQUIRE(wait_for(*dialled, POLLOUT));
        CHECK(connect_outcome(*dialled).why().os == ECONNREFUSED);
    } else {
        CHECK(dialled.why().os == ECONNREFUSED);
    }
}

TEST_CASE("a port in use is an error with its errno") {
    auto first = listen_tcp(*parse_address("127.0.0.1:0"));
    REQUIRE(first);
    CHECK(listen_tcp(*local_address(*first)).why().os == EADDRINUSE);
}

TEST_CASE("a full descriptor table is busy, and the connection still waits") {
    auto listener = listen_tcp(*parse_address("127.0.0.1:0"));
    auto dialled = connect_tcp(*local_address(*listener));
    REQUIRE(dialled);
    REQUIRE(wait_for(*listener, POLLIN));
    rlimit old{};
    ::getrlimit(RLIMIT_NOFILE, &old);
    rlimit none = old;
    none.rlim_cur = 0;
    ::setrlimit(RLIMIT_NOFILE, &none);
    const error why = accept_tcp(*listener).why();
    ::setrlimit(RLIMIT_NOFILE, &old);
    CHECK(why.code == errc::busy);
    CHECK(why.os == EMFILE);
    CHECK(accept_tcp(*listener)->is_open());
}
