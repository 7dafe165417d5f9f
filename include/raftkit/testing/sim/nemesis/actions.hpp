#pragma once
// What a plan of the nemesis consists of, and what a plan may destroy. See sim/nemesis.hpp.

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include <raftkit/testing/sim/disk_actions.hpp>
#include <raftkit/testing/sim/swarm.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

// Whom an action strikes. Who will lead is not known when the plan is drawn.
struct aim {
    u32 place = 0;        // from 0
    bool leader = false;  // rather whoever leads then; `place` if nobody does
};

namespace fault {

// The process dies; its page cache survives. With `power` only what was synced surely does.
struct kill {
    aim whom;
    bool power = false;
    duration down_for;
};
// The process dies before its nth file operation from now, or in the middle of it.
struct kill_in_call {
    aim whom;
    u32 nth = 1;
    bool inside = false, power = false;
    duration down_for;
};
// Everybody loses power at once; they come back one after another.
struct blackout {
    duration down_for, apart;
};
// Killed, and started at once with other numbers.
struct restart {
    aim whom;
    life_numbers numbers;
};
// The process stands still, as under SIGSTOP, while its disk and its mail go on.
struct pause {
    aim whom;
    duration how_long;
};
// From now on its clock gains so many millionths (negative: loses).
struct clock {
    aim whom;
    i64 ppm = 0;
};
// Cuts between those inside (a bit a place) and everybody else. Replaces earlier cuts, as do
// isolate, ring and bridge.
struct split {
    u64 inside = 0;
};
struct isolate {
    aim whom;
};
struct ring {};
struct bridge {
    aim middle;
};
struct cut {  // in one direction
    aim from, to;
};
struct slow {  // one direction of one link
    aim from, to;
    duration by;
};
struct join {};   // every link is whole and as fast as the weather allows
struct weather {  // loss, repetition, delay and reordering of every link
    link_faults wire;
};
struct transfer {
    aim from;
    u32 to = 0;
    bool anyone = false;
};
// One edit of the members; what it is depends on what `who` is by then.
struct change {
    aim asked;
    u32 who = 0;
    bool promote = false, demote = false;
};
struct snapshot {
    aim whom;
};
// Its disk fails, is full, or holds what nobody wrote. Where something may be destroyed, the
// process is down while it happens, and had just opened its log: then all that it has is proved,
// and nothing of it may be missing without a word (recovery's decision table). `down_for`: of
// whoever stops because of an error.
struct disk {
    aim whom;
    disk_action what;
    duration down_for;
};

}  // namespace fault

using fault_kind =
    std::variant<fault::kill, fault::kill_in_call, fault::blackout, fault::restart, fault::pause,
                 fault::clock, fault::split, fault::isolate, fault::ring, fault::bridge, fault::cut,
                 fault::slow, fault::join, fault::weather, fault::transfer, fault::change,
                 fault::snapshot, fault::disk>;

struct fault_action {
    instant at;
    fault_kind what;
};

struct fault_plan {
    std::vector<fault_action> actions;  // by time
    std::vector<std::string> dropped;   // what was not done, and why
};

// What a plan may still destroy. Raft survives the loss of a minority's disks, once; whoever was
// struck already costs nothing more. While the members change nobody knows ahead which minority
// that is, so none may be lost.
class fault_budget {
public:
    explicit fault_budget(const swarm& in) noexcept
        : left_(in.change_every.ns != 0 ? 0 : (in.voters - 1) / 2) {}

    bool spend(u32 place) {
        if (std::find(struck_.begin(), struck_.end(), place) != struck_.end()) return true;
        if (left_ == 0) return false;
        --left_;
        struck_.push_back(place);
        return true;
    }

private:
    u32 left_;
    std::vector<u32> struck_;
};

// Why an action may not be done, or nothing.
template <class Kind>
std::string objection(const Kind&, const swarm&, fault_budget&) {
    return {};
}
// Leases stand on clocks: two of them may drift apart by `lease_drift_max` in an election timeout.
inline std::string objection(const fault::clock& wanted, const swarm& in, fault_budget&) {
    if (!in.lease_reads) return {};
    const i64 apart = wanted.ppm < 0 ? -2 * wanted.ppm : 2 * wanted.ppm;
    const bool within =
        apart * (in.numbers.election_timeout_min.ns / 1'000'000) < in.numbers.lease_drift_max.ns;
    return within ? "" : "leases need truer clocks";
}
// A majority keeps its copies of everything. Whoever is struck refuses to start and stays down, or
// shows that nothing is missing.
inline std::string objection(const fault::disk& wanted, const swarm& in, fault_budget& budget) {
    if (!destroys(wanted.what)) return {};
    if (wanted.what.what == disk_fault::lying_sync)
        return "what was acknowledged last would look like what was never written";
    if (wanted.whom.leader) return "whoever leads then may be the one too many";
    const bool member_of_it = wanted.whom.place % (in.voters + in.spares) < in.voters;
    const bool spent = member_of_it && budget.spend(wanted.whom.place % (in.voters + in.spares));
    return !member_of_it || spent ? "" : "a majority must keep what it has";
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
