#pragma once
// The numbers of the WAL: its share of the options table of design §5. Checked by validate(), never
// clamped.

#include <string>
#include <vector>

#include <raftkit/base/instant.hpp>
#include <raftkit/base/result.hpp>

RAFTKIT_NAMESPACE_BEGIN

// none_unsafe writes and never waits for the disk: for tests and for throw-away data. A power cut
// then loses acknowledged entries, which Raft does not survive.
enum class wal_sync : u8 { data, none_unsafe };

// Not an initializer list of durations: g++ 12 warns of it where it is inlined.
inline std::vector<duration> default_prepare_delays() {
    std::vector<duration> delays;
    for (const i64 ms : {100, 1'000, 3'000, 5'000, 10'000, 20'000})
        delays.push_back(milliseconds(ms));
    return delays;
}

struct wal_options {
    std::string directory;          // made if it is missing (0750)
    u64 segment_bytes = 64u << 20;  // a multiple of 4 KiB
    u32 spare_segments = 2;  // zero-filled ahead; one is the reserve for votes and compactions
    wal_sync sync = wal_sync::data;
    duration sync_inline_max =
        milliseconds(1);  // adaptive_runner: above it a thread waits for the disk
    // Between attempts to prepare a segment after one failed; the last one repeats.
    std::vector<duration> prepare_delays = default_prepare_delays();
    u32 file_mode = 0640;
    u64 seed =
        0;  // of nonces and incarnations; 0: drawn from the operating system. For simulations

    // `where` names the first row that is out of its range.
    result<void> validate() const noexcept;
};

inline result<void> wal_options::validate() const noexcept {
    const auto invalid = [](const char* row) { return error{errc::invalid_option, 0, row}; };
    if (directory.empty()) return invalid("directory: where the log is kept");
    if (segment_bytes < 16u << 10 || segment_bytes > u64{1} << 40) {
        return invalid("segment_bytes: 16 KiB to 1 TiB");
    }
    if (segment_bytes % 4096 != 0) return invalid("segment_bytes: a multiple of 4 KiB");
    if (spare_segments < 1 || spare_segments > 8) return invalid("spare_segments: 1 to 8");
    if (sync_inline_max.ns < 0) return invalid("sync_inline_max: not negative");
    if (prepare_delays.empty()) return invalid("prepare_delays: at least one");
    for (const duration each : prepare_delays) {
        if (each < milliseconds(1)) return invalid("prepare_delays: at least 1 ms each");
    }
    if ((file_mode & ~u32{0777}) != 0 || (file_mode & 0600) != 0600 || (file_mode & 0002) != 0) {
        return invalid("file_mode: readable and writable by the owner, not world-writable");
    }
    return {};
}

RAFTKIT_NAMESPACE_END
