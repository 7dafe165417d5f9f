#pragma once
// Non-blocking TCP in a dozen calls: what a peer transport and a client port need of the system,
// and no more. "Not now" is errc::busy, so that a caller can tell it from broken.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include <raftkit/base/bytes.hpp>
#include <raftkit/base/result.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct socket_address {
    sockaddr_storage storage{};
    socklen_t size = 0;

    const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

// An open socket; closes itself.
class tcp_socket {
public:
    tcp_socket() noexcept = default;
    explicit tcp_socket(int fd) noexcept : fd_(fd) {}
    tcp_socket(tcp_socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    tcp_socket& operator=(tcp_socket&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~tcp_socket() { close(); }

    bool is_open() const noexcept { return fd_ >= 0; }
    int fd() const noexcept { return fd_; }
    void close() noexcept {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }

private:
    int fd_ = -1;
};

// "127.0.0.1:7101", "[::1]:7101", "localhost:7101", ":7101" (every address of this machine). Asks
// nobody.
result<socket_address> parse_address(std::string_view text) noexcept;
// The same, and other names through the system's resolver, which may block for seconds.
result<socket_address> resolve_address(std::string_view text) noexcept;
std::string text_of(const socket_address& address);

result<tcp_socket> listen_tcp(const socket_address& at) noexcept;
// Begins to connect; writable when it ended, then connect_outcome tells how.
result<tcp_socket> connect_tcp(const socket_address& to) noexcept;
result<void> connect_outcome(const tcp_socket& connecting) noexcept;
// The next connection; not open: none waits. `busy` when descriptors or memory ran out: the
// connection still waits, so whoever asks again at once turns in circles.
result<tcp_socket> accept_tcp(const tcp_socket& listener) noexcept;

// Bytes taken over, 0 included, when the socket's buffer is full; never a signal.
result<u64> send_some(const tcp_socket& to, std::span<const byte_span> pieces) noexcept;
// Bytes read; `busy` when there are none now, `not_found` at the end of the stream.
result<u64> receive_some(const tcp_socket& from, mutable_byte_span into) noexcept;

result<void> set_nodelay(const tcp_socket& on) noexcept;
// The kernel gives up on a silent peer after about this long, also while nothing is sent.
result<void> set_silence_limit(const tcp_socket& on, u32 seconds_max) noexcept;
result<socket_address> local_address(const tcp_socket& of) noexcept;

namespace detail {

[[gnu::cold, gnu::noinline]] inline error socket_error(const char* where, int os) noexcept {
    return {errc::io, os, where};
}

struct host_and_port {
    std::string host;
    u16 port = 0;
};

inline result<host_and_port> split_address(std::string_view text) noexcept {
    const error bad{errc::invalid_option, 0, "io/socket.address: expected host:port"};
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || text.find('\0') != std::string_view::npos) return bad;
    const std::string_view digits = text.substr(colon + 1);
    std::string_view host = text.substr(0, colon);
    if (!host.empty() && host.front() == '[') {
        if (host.back() != ']') return bad;
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return bad;  // "::1:7101" could be read in two ways
    }
    u16 port = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (read.ec != std::errc{} || read.ptr != digits.data() + digits.size()) return bad;
    return host_and_port{std::string(host), port};
}

inline socket_address address_v4(in_addr host, u16 port) noexcept {
    socket_address made;
    sockaddr_in filled{};
    filled.sin_family = AF_INET;
    filled.sin_port = htons(port);
    filled.sin_addr = host;
    std::memcpy(&made.storage, &filled, sizeof filled);
    made.size = sizeof filled;
    return made;
}

inline socket_address address_v6(in6_addr host, u16 port) noexcept {
    socket_address made;
    sockaddr_in6 filled{};
    filled.sin6_family = AF_INET6;
    filled.sin6_port = htons(port);
    filled.sin6_addr = host;
    std::memcpy(&made.storage, &filled, sizeof filled);
    made.size = sizeof filled;
    return made;
}

// A new socket, or one from accept, must neither block nor leak into child processes.
inline result<tcp_socket> open_tcp(int family) noexcept {
#if defined(SOCK_NONBLOCK)
    tcp_socket made(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!made.is_open()) return socket_error("io/socket.open", errno);
#else
    tcp_socket made(::socket(family, SOCK_STREAM, 0));
    if (!made.is_open()) return socket_error("io/socket.open", errno);
    ::fcntl(made.fd(), F_SETFL, O_NONBLOCK);
    ::fcntl(made.fd(), F_SETFD, FD_CLOEXEC);
#endif
    return made;
}

inline int accept_nonblocking(int listener) noexcept {
#if defined(__linux__)
    return ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
    const int fd = ::accept(listener, nullptr, nullptr);
    if (fd >= 0) {
        ::fcntl(fd, F_SETFL, O_NONBLOCK);
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    return fd;
#endif
}

inline bool set_number(int fd, int level, int name, int value) noexcept {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

}  // namespace detail

inline result<socket_address> parse_address(std::string_view text) noexcept {
    const auto parts = detail::split_address(text);
    if (!parts) return parts.why();
    in_addr v4{};
    if (parts->host.empty()) return detail::address_v4(v4, parts->port);
    const char* host = parts->host == "localhost" ? "127.0.0.1" : parts->host.c_str();
    if (::inet_pton(AF_INET, host, &v4) == 1) return detail::address_v4(v4, parts->port);
    in6_addr v6{};
    if (::inet_pton(AF_INET6, host, &v6) == 1) return detail::address_v6(v6, parts->port);
    return error{errc::not_found, 0, "io/socket.address: not a numeric address"};
}

inline result<socket_address> resolve_address(std::string_view text) noexcept {
    const auto numeric = parse_address(text);
    if (numeric || numeric.why().code != errc::not_found) return numeric;
    const auto parts = detail::split_address(text);
    addrinfo wanted{};
    wanted.ai_family = AF_UNSPEC;
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(parts->port);
    if (::getaddrinfo(parts->host.c_str(), port.c_str(), &wanted, &found) != 0 ||
        found == nullptr) {
        return error{errc::not_found, 0, "io/socket.address: the name does not resolve"};
    }
    socket_address made;
    std::memcpy(&made.storage, found->ai_addr, found->ai_addrlen);
    made.size = found->ai_addrlen;
    ::freeaddrinfo(found);
    return made;
}

inline std::string text_of(const socket_address& address) {
    std::array<char, INET6_ADDRSTRLEN> host{};
    if (address.storage.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address.storage, sizeof v4);
        ::inet_ntop(AF_INET, &v4.sin_addr, host.data(), host.size());
        return std::string(host.data()) + ":" + std::to_string(ntohs(v4.sin_port));
    }
    if (address.storage.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address.storage, sizeof v6);
        ::inet_ntop(AF_INET6, &v6.sin6_addr, host.data(), host.size());
        return "[" + std::string(host.data()) + "]:" + std::to_string(ntohs(v6.sin6_port));
    }
    return "?";
}

inline result<tcp_socket> listen_tcp(const socket_address& at) noexcept {
    auto made = detail::open_tcp(at.storage.ss_family);
    if (!made) return made;
    // A restarted node must get its port back while old connections still linger.
    detail::set_number(made->fd(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (::bind(made->fd(), at.get(), at.size) != 0)
        return detail::socket_error("io/socket.bind", errno);
    if (::listen(made->fd(), 128) != 0) return detail::socket_error("io/socket.listen", errno);
    return made;
}

inline result<tcp_socket> connect_tcp(const socket_address& to) noexcept {
    auto made = detail::open_tcp(to.storage.ss_family);
    if (!made) return made;
    if (::connect(made->fd(), to.get(), to.size) == 0 || errno == EINPROGRESS || errno == EINTR) {
        return made;
    }
    return detail::socket_error("io/socket.connect", errno);
}

inline result<void> connect_outcome(const tcp_socket& connecting) noexcept {
    int failed = 0;
    socklen_t size = sizeof failed;
    if (::getsockopt(connecting.fd(), SOL_SOCKET, SO_ERROR, &failed, &size) != 0) failed = errno;
    if (failed != 0) return detail::socket_error("io/socket.connect", failed);
    return {};
}

inline result<tcp_socket> accept_tcp(const tcp_socket& listener) noexcept {
    for (int attempt = 0; attempt < 16; ++attempt) {
        const int fd = detail::accept_nonblocking(listener.fd());
        if (fd >= 0) return tcp_socket(fd);
        switch (errno) {
            case EAGAIN: return tcp_socket();
            case EMFILE:
            case ENFILE:
            case ENOBUFS:
            case ENOMEM: return error{errc::busy, errno, "io/socket.accept"};
            case EBADF:
            case EINVAL:
            case ENOTSOCK: return detail::socket_error("io/socket.accept", errno);
            default: break;  // that one connection died while it waited: the next
        }
    }
    return tcp_socket();
}

inline result<u64> send_some(const tcp_socket& to, std::span<const byte_span> pieces) noexcept {
    constexpr std::size_t vectors_max = 256;
    std::array<iovec, vectors_max> vectors;
    std::size_t count = 0;
    for (const byte_span piece : pieces) {
        if (count == vectors_max) break;
        if (piece.empty()) continue;
        vectors[count++] = {const_cast<std::byte*>(piece.data()), piece.size()};  // only read
    }
    msghdr gathered{};
    gathered.msg_iov = vectors.data();
    gathered.msg_iovlen = count;
    for (;;) {
        // One piece is what a server mostly has to say: the plain call reads no headers.
        const auto taken =
            count == 1 ? ::send(to.fd(), vectors[0].iov_base, vectors[0].iov_len, MSG_NOSIGNAL)
                       : ::sendmsg(to.fd(), &gathered, MSG_NOSIGNAL);
        if (taken >= 0) return static_cast<u64>(taken);
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == ENOBUFS) return u64{0};
        return detail::socket_error("io/socket.send", errno);
    }
}

inline result<u64> receive_some(const tcp_socket& from, mutable_byte_span into) noexcept {
    for (;;) {
        const auto taken = ::recv(from.fd(), into.data(), into.size(), 0);
        if (taken > 0) return static_cast<u64>(taken);
        if (taken == 0) return error{errc::not_found, 0, "io/socket.receive: closed by the peer"};
        if (errno == EINTR) continue;
        if (errno == EAGAIN) return error{errc::busy, errno, "io/socket.receive"};
        return detail::socket_error("io/socket.receive", errno);
    }
}

inline result<void> set_nodelay(const tcp_socket& on) noexcept {
    if (detail::set_number(on.fd(), IPPROTO_TCP, TCP_NODELAY, 1)) return {};
    return detail::socket_error("io/socket.nodelay", errno);
}

inline result<void> set_silence_limit(const tcp_socket& on, u32 seconds_max) noexcept {
    bool set = detail::set_number(on.fd(), SOL_SOCKET, SO_KEEPALIVE, 1);
#if defined(__linux__)
    const int third = static_cast<int>(seconds_max / 3 > 0 ? seconds_max / 3 : 1);
    set = set && detail::set_number(on.fd(), IPPROTO_TCP, TCP_KEEPIDLE, third) &&
          detail::set_number(on.fd(), IPPROTO_TCP, TCP_KEEPINTVL, third) &&
          detail::set_number(on.fd(), IPPROTO_TCP, TCP_KEEPCNT, 2) &&
          detail::set_number(on.fd(), IPPROTO_TCP, TCP_USER_TIMEOUT,
                             static_cast<int>(seconds_max * 1000));
#else
    (void)seconds_max;
#endif
    if (set) return {};
    return detail::socket_error("io/socket.silence_limit", errno);
}

inline result<socket_address> local_address(const tcp_socket& of) noexcept {
    socket_address made;
    made.size = sizeof made.storage;
    auto* into = reinterpret_cast<sockaddr*>(&made.storage);
    if (::getsockname(of.fd(), into, &made.size) != 0) {
        return detail::socket_error("io/socket.local_address", errno);
    }
    return made;
}

RAFTKIT_NAMESPACE_END
