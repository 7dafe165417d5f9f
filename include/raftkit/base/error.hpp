#pragma once
// Error codes and what they mean for a request: done, certainly not done, or unknown. Clients
// branch on `outcome_of` alone; the code, `where` and `detail` are for people and logs.

#include <raftkit/base/ordinal.hpp>

RAFTKIT_NAMESPACE_BEGIN

enum class errc : u16 {
    // done
    ok,
    reply_lost,  // committed and applied, but its reply is inside a snapshot that replaced the
                 // entry
    // certainly not done
    not_leader,  // detail: the leader's id, 0 if unknown
    leader_changed,
    busy,
    too_large,
    invalid_change,
    change_in_progress,
    not_started,
    stopped,
    fenced,
    not_member,
    not_applied,
    not_found,
    invalid_option,
    // a proposal that may or may not be committed; the cause is in `detail`
    outcome_unknown,
    // never the end of a proposal
    timed_out,
    cancelled,
    stale_session,
    no_snapshot,
    compacted,
    restore_failed,
    io,
    no_space,
    corrupt,
    incompatible,
    foreign,
    unauthentic,
};

enum class outcome : u8 { done, not_done, unknown };

// A switch without default: a new code does not compile until somebody has decided what it means.
// The last group never ends a proposal; for the requests that it does end (reads, snapshots, waits)
// nothing was executed.
constexpr outcome outcome_of(errc code) noexcept {
    switch (code) {
        case errc::ok:
        case errc::reply_lost: return outcome::done;
        case errc::outcome_unknown: return outcome::unknown;
        case errc::not_leader:
        case errc::leader_changed:
        case errc::busy:
        case errc::too_large:
        case errc::invalid_change:
        case errc::change_in_progress:
        case errc::not_started:
        case errc::stopped:
        case errc::fenced:
        case errc::not_member:
        case errc::not_applied:
        case errc::not_found:
        case errc::invalid_option:
        case errc::timed_out:
        case errc::cancelled:
        case errc::stale_session:
        case errc::no_snapshot:
        case errc::compacted:
        case errc::restore_failed:
        case errc::io:
        case errc::no_space:
        case errc::corrupt:
        case errc::incompatible:
        case errc::foreign:
        case errc::unauthentic: return outcome::not_done;
    }
    return outcome::unknown;
}

constexpr const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::ok: return "ok";
        case errc::reply_lost: return "reply_lost";
        case errc::not_leader: return "not_leader";
        case errc::leader_changed: return "leader_changed";
        case errc::busy: return "busy";
        case errc::too_large: return "too_large";
        case errc::invalid_change: return "invalid_change";
        case errc::change_in_progress: return "change_in_progress";
        case errc::not_started: return "not_started";
        case errc::stopped: return "stopped";
        case errc::fenced: return "fenced";
        case errc::not_member: return "not_member";
        case errc::not_applied: return "not_applied";
        case errc::not_found: return "not_found";
        case errc::invalid_option: return "invalid_option";
        case errc::outcome_unknown: return "outcome_unknown";
        case errc::timed_out: return "timed_out";
        case errc::cancelled: return "cancelled";
        case errc::stale_session: return "stale_session";
        case errc::no_snapshot: return "no_snapshot";
        case errc::compacted: return "compacted";
        case errc::restore_failed: return "restore_failed";
        case errc::io: return "io";
        case errc::no_space: return "no_space";
        case errc::corrupt: return "corrupt";
        case errc::incompatible: return "incompatible";
        case errc::foreign: return "foreign";
        case errc::unauthentic: return "unauthentic";
    }
    return "?";
}

struct error {
    errc code = errc::ok;
    int os = 0;              // errno when code == io
    const char* where = "";  // static string: "wal/segment.append"
    u64 detail = 0;          // offset, index, leader id, cause
    constexpr explicit operator bool() const noexcept { return code != errc::ok; }
};
static_assert(sizeof(error) == 24);

RAFTKIT_NAMESPACE_END
