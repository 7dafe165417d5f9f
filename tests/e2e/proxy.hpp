#pragma once
// The parts of proxy.cpp: rules of wires, connections and what waits on them, and plain sockets.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <deque>
#include <string>

namespace wires {

using std::size_t;
using moment = long long;  // nanoseconds

constexpr moment millisecond = 1'000'000;
constexpr moment never = 1LL << 62;
constexpr size_t held_max = 1u << 20;  // of one direction of a connection; then it is not read

inline moment now_is() {
    timespec at{};
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1'000'000'000LL + at.tv_nsec;
}

enum class fault { pass, drop, stall, refuse, delay, slow, reset, corrupt, route };

struct wire {
    fault is = fault::pass;
    long long low = 0, high = 0;
};

struct door {
    int from = 0, to = 0, fd = -1, target = 0;
};

struct piece {
    moment due;
    std::string bytes;
};

// What goes one way on one connection.
struct lane {
    int in = -1, out = -1;
    wire* rule = nullptr;
    std::deque<piece> held;
    size_t bytes = 0, sent = 0;  // waiting; of the first piece
    moment last_due = 0;
    long long until_corrupt = 0;
    bool ended = false, shut = false, lost = false;  // lost: bytes are missing in the middle
};

struct pipe_pair {
    door* of = nullptr;
    lane forth, back;
    bool connecting = true, gone = false;
    moment reset_at = never;
};

[[noreturn]] inline void die(const char* what) {
    perror(what);
    _exit(1);
}

inline sockaddr_in local(int port) {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_port = htons(static_cast<unsigned short>(port));
    made.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return made;
}

inline void set_nodelay(int fd) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

inline void close_with_reset(int fd) {
    const linger at_once{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

}  // namespace wires
