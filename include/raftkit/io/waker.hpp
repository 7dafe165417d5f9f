#pragma once
// Wakes a poller from another thread: an eventfd, or a pipe where there is none. A waker that was
// never opened is fine: then nobody sleeps (manual drive, simulator) and wake() does nothing.

#include <errno.h>
#include <unistd.h>

#include <utility>

#include <raftkit/base/result.hpp>

#if defined(__linux__)
#include <sys/eventfd.h>
#else
#include <fcntl.h>
#endif

RAFTKIT_NAMESPACE_BEGIN

class waker {
public:
    waker() noexcept = default;
    waker(waker&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), write_fd_(std::exchange(other.write_fd_, -1)) {}
    waker& operator=(waker&& other) noexcept {
        std::swap(fd_, other.fd_);
        std::swap(write_fd_, other.write_fd_);
        return *this;
    }
    ~waker() { close(); }

    // Opening twice is fine.
    result<void> open() noexcept {
        if (fd_ >= 0) return {};
#if defined(__linux__)
        fd_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (fd_ < 0) return error{errc::io, errno, "io/waker.open"};
        write_fd_ = fd_;
#else
        int ends[2];
        if (::pipe(ends) != 0) return error{errc::io, errno, "io/waker.open"};
        for (const int end : ends) {
            ::fcntl(end, F_SETFL, O_NONBLOCK);
            ::fcntl(end, F_SETFD, FD_CLOEXEC);
        }
        fd_ = ends[0];
        write_fd_ = ends[1];
#endif
        return {};
    }

    // Any thread; wake-ups between two drains count as one. A full counter or pipe is a wake-up
    // already.
    void wake() const noexcept {
        if (write_fd_ < 0) return;
        const u64 one = 1;
        while (::write(write_fd_, &one, sizeof one) < 0 && errno == EINTR) {
        }
    }
    // The sleeper's thread, before it looks at its queues.
    void drain() noexcept {
        if (fd_ < 0) return;
        u64 count = 0;
        for (;;) {
            const auto taken = ::read(fd_, &count, sizeof count);
            if (taken < 0 && errno == EINTR) continue;
            if (taken <= 0 || fd_ == write_fd_) return;  // one read empties an eventfd
        }
    }
    // Readable when woken; -1 until opened.
    int fd() const noexcept { return fd_; }

private:
    void close() noexcept {
        if (write_fd_ >= 0 && write_fd_ != fd_) ::close(write_fd_);
        if (fd_ >= 0) ::close(fd_);
        fd_ = write_fd_ = -1;
    }

    int fd_ = -1, write_fd_ = -1;
};

RAFTKIT_NAMESPACE_END
