#pragma once
// The numbers of saving, shipping and installing snapshots: the rows `snapshot_*` of the option
// table of design §5. Checked by validate(), never clamped.

#include <raftkit/base/result.hpp>
#include <raftkit/core/options.hpp>

RAFTKIT_NAMESPACE_BEGIN

// What a request for a snapshot gets while another one is being made: share the next save with
// everybody who waits, be refused with `busy`, or have a save of its own, one after another.
enum class on_busy : u8 { join, refuse, queue };

struct snapshot_options {
    u32 snapshot_chunk_bytes = 256u << 10;
    u32 snapshot_window_chunks = 8;   // receiver: wants outstanding, the bound of its memory
    u32 snapshot_initial_credit = 8;  // sender: pieces unasked; 0: the receiver pulls them all
    u32 snapshot_disk_depth = 4;      // sender: chunks being read, over all peers
    u32 snapshot_sends_max = 4;       // sender: transfers at once
    duration snapshot_lease = seconds(30);
    duration snapshot_staging_ttl = minutes(60);  // of an install that ended early; 0: for ever
    u64 snapshot_hold_bytes_max = u64{1} << 30;   // of log kept for a snapshot on its way
    bool snapshot_fallback =
        true;  // keep the log behind the oldest kept snapshot, not only behind the newest
    bool snapshot_reuse = true;
    bool snapshot_verify_published = false;  // read back before anything relies on it
    on_busy snapshot_on_busy = on_busy::join;
    u32 snapshot_failures_max = 0;  // automatic saves in a row that may fail; 0: no limit
    duration snapshot_backoff_min = seconds(1), snapshot_backoff_max = minutes(5);
    u64 snapshot_free_min = u64{128} << 20;  // a save does not begin with less space; 0: not asked
    u64 snapshot_bytes_warn = u64{1} << 30;  // 0: off

    // `where` names the first row that is out of its range.
    result<void> validate(const core::options& beside) const noexcept;
};

inline result<void> snapshot_options::validate(const core::options& beside) const noexcept {
    const auto invalid = [](const char* row) { return error{errc::invalid_option, 0, row}; };
    const auto count_is_bad = [](u32 count, u32 least) { return count < least || count > 64; };
    if (snapshot_chunk_bytes < 4096 || snapshot_chunk_bytes > beside.message_bytes_max) {
        return invalid("snapshot_chunk_bytes: 4 KiB to message_bytes_max");
    }
    if (count_is_bad(snapshot_window_chunks, 1)) return invalid("snapshot_window_chunks: 1 to 64");
    if (count_is_bad(snapshot_initial_credit, 0))
        return invalid("snapshot_initial_credit: 0 to 64");
    if (count_is_bad(snapshot_disk_depth, 1)) return invalid("snapshot_disk_depth: 1 to 64");
    if (count_is_bad(snapshot_sends_max, 1)) return invalid("snapshot_sends_max: 1 to 64");
    if (snapshot_lease < beside.election_timeout_max * 2) {
        return invalid("snapshot_lease: at least two election timeouts");
    }
    if (snapshot_staging_ttl.ns < 0) return invalid("snapshot_staging_ttl: not negative");
    if (snapshot_backoff_min.ns < 0 || snapshot_backoff_min > snapshot_backoff_max) {
        return invalid("snapshot_backoff_min: at most snapshot_backoff_max");
    }
    return {};
}

RAFTKIT_NAMESPACE_END
