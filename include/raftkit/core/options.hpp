#pragma once
// The numbers of the core: its share of the options table of design §5. Checked by validate(),
// never clamped.

#include <raftkit/base/result.hpp>
#include <raftkit/core/types.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

struct options {
    duration heartbeat_interval = milliseconds(100);
    // With lease_reads on the lower one is a number of the whole cluster: README.md.
    duration election_timeout_min = seconds(1), election_timeout_max = seconds(2);
    bool prevote = true, check_quorum = true;
    bool lease_reads = false;
    duration lease_drift_max = milliseconds(50);
    bool first_start_trusted =
        false;  // `first_start = trusted`: the host vouches for an empty directory

    u32 inflight_messages_max = 256;
    u64 inflight_bytes_max = 8u << 20;
    u32 message_bytes_max = 1u << 20;
    u32 command_bytes_max = 4u << 20;
    u64 uncommitted_bytes_max = 64u << 20;
    u64 tail_resident_bytes = 4u << 20;
    u64 tail_bytes_max = 64u << 20;
    u32 apply_batch_entries_max = 1024;
    u64 apply_bytes_max = 16u << 20;
    u64 promotion_lag_max = 1000;

    // `where` names the first row that is out of its range.
    result<void> validate() const noexcept;
};

inline result<void> options::validate() const noexcept {
    const auto invalid = [](const char* row) { return error{errc::invalid_option, 0, row}; };
    if (heartbeat_interval < milliseconds(1) || heartbeat_interval > minutes(1)) {
        return invalid("heartbeat_interval: 1 ms to 1 min");
    }
    if (election_timeout_min < heartbeat_interval * 5) {
        return invalid("election_timeout_min: at least 5 heartbeat intervals");
    }
    if (election_timeout_max <= election_timeout_min || election_timeout_max > minutes(10)) {
        return invalid("election_timeout_max: above election_timeout_min, at most 10 min");
    }
    if (lease_reads && !check_quorum) return invalid("lease_reads: needs check_quorum");
    if (lease_drift_max.ns < 0 || (lease_reads && lease_drift_max >= election_timeout_min)) {
        return invalid("lease_drift_max: below election_timeout_min");
    }
    if (inflight_messages_max < 1) return invalid("inflight_messages_max: at least 1");
    if (message_bytes_max < 4096 || message_bytes_max > 64u << 20) {
        return invalid("message_bytes_max: 4 KiB to 64 MiB");
    }
    if (command_bytes_max < 1 || command_bytes_max > 64u << 20) {
        return invalid("command_bytes_max: 1 B to 64 MiB");
    }
    if (inflight_bytes_max < message_bytes_max) {
        return invalid("inflight_bytes_max: at least message_bytes_max");
    }
    if (uncommitted_bytes_max < command_bytes_max) {
        return invalid("uncommitted_bytes_max: at least command_bytes_max");
    }
    if (tail_resident_bytes < 256u << 10) return invalid("tail_resident_bytes: at least one block");
    if (tail_bytes_max < inflight_bytes_max)
        return invalid("tail_bytes_max: at least inflight_bytes_max");
    if (apply_batch_entries_max < 1) return invalid("apply_batch_entries_max: at least 1");
    if (apply_bytes_max < 1) return invalid("apply_bytes_max: at least 1");
    return {};
}

}  // namespace core

RAFTKIT_NAMESPACE_END
