#pragma once
// Waits for file descriptors: epoll on Linux, poll(2) elsewhere. A watcher is a base class with one
// function pointer and belongs to its owner; the poller only points at it. Level-triggered: what
// was not read stays ready, so that a watcher may stop after its share of a turn. One thread; only
// the waker crosses threads.

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <limits>
#include <utility>
#include <vector>

#include <raftkit/base/instant.hpp>
#include <raftkit/base/result.hpp>

#if defined(__linux__)
#include <sys/epoll.h>
#endif

RAFTKIT_NAMESPACE_BEGIN

inline constexpr u32 poll_in = 1;     // readable, or a connection waits
inline constexpr u32 poll_out = 2;    // writable, or connected
inline constexpr u32 poll_error = 4;  // broken or hung up; reported whether asked for or not

struct watcher {
    int fd = -1;
    void (*ready)(watcher&, u32 events) noexcept = nullptr;
};

namespace detail {

// Rounded up: a sleeper that woke too early would find its deadline still ahead and turn again.
inline int poll_timeout_ms(instant now, instant deadline) noexcept {
    if (deadline == never) return -1;
    if (deadline <= now) return 0;
    const i64 left = (deadline - now).ns;
    const i64 milliseconds_left = left / 1'000'000 + (left % 1'000'000 != 0 ? 1 : 0);
    constexpr i64 most = std::numeric_limits<int>::max();
    return static_cast<int>(milliseconds_left < most ? milliseconds_left : most);
}

}  // namespace detail

// The portable poller; always compiled, so that it is tested where it is not used.
class poll_poller {
public:
    result<void> open() noexcept { return {}; }

    result<void> add(watcher& one, u32 events) noexcept {
        if (find(one) != nullptr) return error{errc::invalid_option, EEXIST, "io/poller.add"};
        watched_.push_back({&one, events});
        return {};
    }
    result<void> change(watcher& one, u32 events) noexcept {
        interest* found = find(one);
        if (found == nullptr) return error{errc::not_found, ENOENT, "io/poller.change"};
        found->events = events;
        return {};
    }
    // A watcher removed while a turn dispatches is not called any more, even if it was ready.
    void remove(watcher& one) noexcept {
        std::erase_if(watched_, [&](const interest& each) { return each.who == &one; });
        for (watcher*& each : turn_) {
            if (each == &one) each = nullptr;
        }
    }

    // Sleeps until something is ready or the deadline is reached, then calls every ready watcher
    // once. Returns how many were called; a signal ends the sleep with 0.
    result<u32> wait(instant now, instant deadline) noexcept {
        fds_.clear();
        turn_.clear();
        for (const interest& each : watched_) {
            const auto wanted = static_cast<short>(((each.events & poll_in) != 0 ? POLLIN : 0) |
                                                   ((each.events & poll_out) != 0 ? POLLOUT : 0));
            fds_.push_back({each.who->fd, wanted, 0});
            turn_.push_back(each.who);
        }
        const int ready = ::poll(fds_.data(), static_cast<nfds_t>(fds_.size()),
                                 detail::poll_timeout_ms(now, deadline));
        if (ready < 0) {
            if (errno == EINTR) return u32{0};
            return error{errc::io, errno, "io/poller.wait"};
        }
        u32 called = 0;
        for (std::size_t i = 0; i < fds_.size(); ++i) {
            const short seen = fds_[i].revents;
            if (seen == 0 || turn_[i] == nullptr) continue;
            const u32 events = ((seen & POLLIN) != 0 ? poll_in : 0) |
                               ((seen & POLLOUT) != 0 ? poll_out : 0) |
                               ((seen & (POLLERR | POLLHUP | POLLNVAL)) != 0 ? poll_error : 0);
            turn_[i]->ready(*turn_[i], events);
            ++called;
        }
        turn_.clear();
        return called;
    }
    int fd() const noexcept { return -1; }  // poll(2) has none: cannot be nested

private:
    struct interest {
        watcher* who;
        u32 events;
    };
    interest* find(const watcher& one) noexcept {
        for (interest& each : watched_) {
            if (each.who == &one) return &each;
        }
        return nullptr;
    }

    std::vector<interest> watched_;
    std::vector<pollfd> fds_;
    std::vector<watcher*> turn_;  // same order as fds_
};

#if defined(__linux__)
class poller {
public:
    poller() noexcept = default;
    poller(poller&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {
        RAFTKIT_ASSERT(other.turn_size_ == 0);
    }
    poller& operator=(poller&&) = delete;
    ~poller() {
        if (fd_ >= 0) ::close(fd_);
    }

    // Opening twice is fine.
    result<void> open() noexcept {
        if (fd_ >= 0) return {};
        fd_ = ::epoll_create1(EPOLL_CLOEXEC);
        if (fd_ < 0) return error{errc::io, errno, "io/poller.open"};
        return {};
    }

    result<void> add(watcher& one, u32 events) noexcept {
        return control(EPOLL_CTL_ADD, one, events, "io/poller.add");
    }
    result<void> change(watcher& one, u32 events) noexcept {
        return control(EPOLL_CTL_MOD, one, events, "io/poller.change");
    }
    // Before the descriptor is closed. A watcher removed while a turn dispatches is not called any
    // more, even if it was ready.
    void remove(watcher& one) noexcept {
        for (u32 i = 0; i < turn_size_; ++i) {
            if (turn_[i].data.ptr == &one) turn_[i].data.ptr = nullptr;
        }
        epoll_event ignored{};
        ::epoll_ctl(fd_, EPOLL_CTL_DEL, one.fd,
                    &ignored);  // a closed descriptor has left by itself
    }

    // Sleeps until something is ready or the deadline is reached, then calls every ready watcher
    // once. Returns how many were called; a signal ends the sleep with 0.
    result<u32> wait(instant now, instant deadline) noexcept {
        const int ready = ::epoll_wait(fd_, turn_.data(), static_cast<int>(turn_.size()),
                                       detail::poll_timeout_ms(now, deadline));
        if (ready < 0) {
            if (errno == EINTR) return u32{0};
            return error{errc::io, errno, "io/poller.wait"};
        }
        turn_size_ = static_cast<u32>(ready);
        u32 called = 0;
        for (u32 i = 0; i < turn_size_; ++i) {
            auto* one = static_cast<watcher*>(turn_[i].data.ptr);
            if (one == nullptr) continue;
            const u32 seen = turn_[i].events;
            const u32 events = ((seen & EPOLLIN) != 0 ? poll_in : 0) |
                               ((seen & EPOLLOUT) != 0 ? poll_out : 0) |
                               ((seen & (EPOLLERR | EPOLLHUP)) != 0 ? poll_error : 0);
            one->ready(*one, events);
            ++called;
        }
        turn_size_ = 0;
        return called;
    }
    // Readable when a watcher is ready: a foreign loop may watch it and then call wait() with a
    // past deadline.
    int fd() const noexcept { return fd_; }

private:
    result<void> control(int act, watcher& one, u32 events, const char* where) noexcept {
        epoll_event wanted{};
        wanted.events = ((events & poll_in) != 0 ? u32{EPOLLIN} : 0) |
                        ((events & poll_out) != 0 ? u32{EPOLLOUT} : 0);
        wanted.data.ptr = &one;
        if (::epoll_ctl(fd_, act, one.fd, &wanted) == 0) return {};
        return error{errno == ENOENT ? errc::not_found : errc::io, errno, where,
                     static_cast<u64>(one.fd)};
    }

    int fd_ = -1;
    u32 turn_size_ = 0;                  // events of the turn that is being dispatched
    std::array<epoll_event, 128> turn_;  // what is ready beyond them comes first in the next turn
};
#else
class poller : public poll_poller {};
#endif

RAFTKIT_NAMESPACE_END
