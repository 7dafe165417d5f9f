#pragma once
// The clocks and the randomness of the operating system. Only drives, transports and main programs
// ask: everything below them is given its instants and its seed, so that a run can be repeated.

#include <time.h>
#include <unistd.h>

#include <raftkit/base/instant.hpp>

#if defined(__APPLE__)
#include <sys/random.h>
#endif

RAFTKIT_NAMESPACE_BEGIN

// Never goes back; comparable within one boot of one machine.
inline instant monotonic_now() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return {static_cast<i64>(now.tv_sec) * 1'000'000'000 + static_cast<i64>(now.tv_nsec)};
}

// For people and time stamps; may jump, so nothing is ever ordered by it.
inline i64 unix_ns() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<i64>(now.tv_sec) * 1'000'000'000 + static_cast<i64>(now.tv_nsec);
}
inline i64 unix_ms() noexcept { return unix_ns() / 1'000'000; }

// Never 0, so that 0 can mean "not drawn". Without a random device (a chroot, an old kernel) it
// falls back to what differs between two processes; no secret is made from it.
inline u64 os_random() noexcept {
    for (int attempt = 0; attempt < 4; ++attempt) {
        u64 drawn = 0;
        if (::getentropy(&drawn, sizeof drawn) == 0 && drawn != 0) return drawn;
    }
    u64 mixed = static_cast<u64>(unix_ns()) ^ (static_cast<u64>(::getpid()) << 40);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
    return (mixed ^ (mixed >> 31)) | 1;
}

RAFTKIT_NAMESPACE_END
