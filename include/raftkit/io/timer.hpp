#pragma once
// An alarm as a descriptor, so that a part of the loop can be woken at its own time without a say
// in the loop's deadline. timerfd on Linux; elsewhere there is none, fd() stays -1, and the owner
// looks at the clock when it is called.

#include <errno.h>
#include <unistd.h>

#include <utility>

#include <raftkit/base/instant.hpp>
#include <raftkit/base/result.hpp>

#if defined(__linux__)
#include <sys/timerfd.h>
#endif

RAFTKIT_NAMESPACE_BEGIN

class timer {
public:
    timer() noexcept = default;
    timer(timer&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), armed_for_(std::exchange(other.armed_for_, never)) {}
    timer& operator=(timer&&) = delete;
    ~timer() {
        if (fd_ >= 0) ::close(fd_);
    }

    result<void> open() noexcept {
#if defined(__linux__)
        if (fd_ >= 0) return {};
        fd_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        if (fd_ < 0) return error{errc::io, errno, "io/timer.open"};
#endif
        return {};
    }
    // Readable from that instant on; `never` disarms. Arming for the same instant again costs
    // nothing.
    void arm(instant at) noexcept {
        if (at == armed_for_) return;
        armed_for_ = at;
#if defined(__linux__)
        itimerspec wanted{};
        if (at != never) {
            const i64 ns = at.ns > 0 ? at.ns : 1;  // zero would disarm
            wanted.it_value.tv_sec = static_cast<time_t>(ns / 1'000'000'000);
            wanted.it_value.tv_nsec = static_cast<long>(ns % 1'000'000'000);
        }
        if (fd_ >= 0) ::timerfd_settime(fd_, TFD_TIMER_ABSTIME, &wanted, nullptr);
#endif
    }
    instant armed_for() const noexcept { return armed_for_; }
    // After it rang.
    void drain() noexcept {
        armed_for_ = never;
        u64 rings = 0;
        if (fd_ >= 0) {
            while (::read(fd_, &rings, sizeof rings) < 0 && errno == EINTR) {
            }
        }
    }
    int fd() const noexcept { return fd_; }

private:
    int fd_ = -1;
    instant armed_for_ = never;
};

RAFTKIT_NAMESPACE_END
