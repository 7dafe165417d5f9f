#pragma once
// The numbers and the identity of a node: the rows N of the option table of design §5, flat under
// their names. What the core and the snapshot machinery need of them are base classes, so that a
// conversion is a slice and no row can be forgotten in one. Checked by validate(), never clamped.

#include <optional>
#include <string>

#include <raftkit/base/checksum.hpp>
#include <raftkit/core/configuration.hpp>
#include <raftkit/core/options.hpp>
#include <raftkit/snapshot/options.hpp>

RAFTKIT_NAMESPACE_BEGIN

// all: a voter on an empty directory waits for every other voter (design §11). trusted: the host
// vouches for it.
enum class start_rule : u8 { all, trusted };
// What becomes of proposals whose outcome is open when leadership is lost: they wait for the new
// leader's word, or end `outcome_unknown` at once.
enum class lost_leadership : u8 { wait, unknown_now };

struct node_options : core::options, snapshot_options {
    identity who;                            // cluster 0: computed from the bootstrap list
    std::optional<configuration> bootstrap;  // used once, on an empty store
    std::string cluster_name;
    u64 seed = 0;  // 0: from the operating system
    start_rule first_start = start_rule::all;
    lost_leadership on_leadership_lost = lost_leadership::wait;
    bool stamp_time = false;
    u32 operations_max = 65'536;
    u32 persist_batches_max = 4;  // that wait for the disk; later ones join the last of them
    duration apply_slice = milliseconds(5);
    u32 events_per_poll = 4096;
    duration close_timeout = seconds(3);  // 0: no snapshot on close
    duration progress_interval = seconds(10);

    // invalid_option; `where` names the row.
    result<void> validate() const noexcept;
    core::options for_core() const noexcept;
    const snapshot_options& for_snapshots() const noexcept { return *this; }
};

// The id of a cluster that was not given one: the upper half tells the name, the lower the ids and
// roles of the bootstrap list, so that nodes which were started with other names or lists refuse
// one another. Addresses do not enter: they may differ from node to node (proxies, NAT). Never 0.
inline u64 cluster_id_of(std::string_view name, const configuration& bootstrap) noexcept {
    digest128_builder names, lists;
    names.update(as_bytes(name));
    std::byte words[16];
    for (const member& each : bootstrap.members) {
        byte_writer out(words);
        out.put(each.id);
        out.put_u64(static_cast<u64>(each.role));
        lists.update(words);
    }
    constexpr u64 low_half = 0xffff'ffff;
    const u64 id = names.finish()[0] << 32 | (lists.finish()[0] & low_half);
    return id != 0 ? id : 1;
}
// Two ids that were computed from one name: the list of a later start is not read, so it may be
// another.
constexpr bool same_cluster_name(u64 a, u64 b) noexcept { return a >> 32 == b >> 32; }

inline result<void> node_options::validate() const noexcept {
    const auto invalid = [](const char* row) { return error{errc::invalid_option, 0, row}; };
    if (!who.self) return invalid("who.self: not 0");
    if (who.group == 0) return invalid("who.group: not 0");
    if (!bootstrap && who.cluster == 0)
        return invalid("who.cluster: needed without a bootstrap list");
    if (bootstrap) {
        if (const error why = check_configuration(*bootstrap)) return invalid(why.where);
        if (bootstrap->joint || bootstrap->index)
            return invalid("bootstrap: must not be joint or have an index");
        if (bootstrap->find(who.self) == nullptr)
            return invalid("bootstrap: does not name who.self");
    }
    if (result<void> core = core::options::validate(); !core) return core.why();
    if (result<void> snapshots = snapshot_options::validate(*this); !snapshots)
        return snapshots.why();
    if (operations_max < 1) return invalid("operations_max: at least 1");
    if (persist_batches_max < 1 || persist_batches_max > 64)
        return invalid("persist_batches_max: 1 to 64");
    if (apply_slice.ns <= 0 || apply_slice > heartbeat_interval) {
        return invalid("apply_slice: above 0, at most heartbeat_interval");
    }
    if (events_per_poll < 1) return invalid("events_per_poll: at least 1");
    if (close_timeout.ns < 0) return invalid("close_timeout: not negative");
    if (progress_interval < milliseconds(10)) return invalid("progress_interval: at least 10 ms");
    return {};
}

inline core::options node_options::for_core() const noexcept {
    core::options numbers = *this;
    numbers.first_start_trusted = first_start_trusted || first_start == start_rule::trusted;
    return numbers;
}

RAFTKIT_NAMESPACE_END
