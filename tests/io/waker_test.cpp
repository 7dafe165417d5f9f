#include <raftkit/io/waker.hpp>

#include <poll.h>

#include <doctest/doctest.h>

using namespace raftkit;

namespace {
bool readable(int fd) {
    pollfd one{fd, POLLIN, 0};
    return ::poll(&one, 1, 0) == 1;
}
}  // namespace

TEST_CASE("any number of wake-ups is one, until it is drained") {
    waker alarm;
    REQUIRE(alarm.open());
    CHECK_FALSE(readable(alarm.fd()));
    for (int i = 0; i < 3; ++i) alarm.wake();
    CHECK(readable(alarm.fd()));
    alarm.drain();
    CHECK_FALSE(readable(alarm.fd()));
    alarm.wake();
    CHECK(readable(alarm.fd()));
}

TEST_CASE("a waker that was never opened does nothing") {
    waker silent;
    silent.wake();
    silent.drain();
    CHECK(silent.fd() == -1);
}

TEST_CASE("a waker moves with its descriptor, and opening twice keeps it") {
    waker first;
    REQUIRE(first.open());
    const int fd = first.fd();
    REQUIRE(first.open());
    CHECK(first.fd() == fd);
    waker second(std::move(first));
    CHECK(first.fd() == -1);
    first.wake();
    CHECK_FALSE(readable(fd));
    second.wake();
    CHECK(readable(fd));
}
