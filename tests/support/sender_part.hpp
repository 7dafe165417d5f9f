// A sender for tests: a leader with a store, its pins, and a work executor that runs when told.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <raftkit/snapshot/sender.hpp>

#include "support/snapshot_jobs.hpp"

namespace sender_part {

using namespace raftkit;
using namespace snapshot_jobs;

inline constexpr duration heartbeat = milliseconds(100);

struct seen_piece {
    u64 to;
    u64 offset;
    std::string bytes;
    errc status;
    friend bool operator==(const seen_piece&, const seen_piece&) = default;
};

struct leader {
    bench work;
    planned_store store;
    snapshot_pins pins;
    snapshot_options options;
    kept_snapshots kept;
    sender<planned_store> it;
    snapshot_actions out;
    instant now{seconds(100).ns};
    std::vector<work_job*> asked;  // ordered to run, not run yet

    static snapshot_options small(u32 credit, u32 depth, u32 sends) {
        snapshot_options made;
        made.snapshot_initial_credit = credit;
        made.snapshot_disk_depth = depth;
        made.snapshot_sends_max = sends;
        return made;
    }
    explicit leader(u32 credit = 0, u32 depth = 4, u32 sends = 4)
        : pins(seconds(30)),
          options(small(credit, depth, sends)),
          it(store, pins, options, 55, heartbeat, work.port) {}

    snapshot_manifest stores(u64 index, const std::string& text) {
        const snapshot_manifest made = store_text(store, id_of(index), {text}, 64);
        kept.insert(made, now);
        return made;
    }
    void ship(u64 to, u64 at_least = 1, u64 term = 3) {
        it.ship({{to}, {at_least}}, {term}, kept, now, out);
        collect();
    }
    void collect() {
        for (const order::run_job& each : all<order::run_job>(out)) asked.push_back(each.job);
        std::erase_if(out.orders, [](const snapshot_order& each) {
            return std::holds_alternative<order::run_job>(each);
        });
    }
    // Runs what was ordered, `most` steps at most.
    void work_off(u32 most = 1000) {
        collect();
        for (u32 step = 0; step < most && !asked.empty(); ++step) {
            work_job* job = asked.front();
            asked.erase(asked.begin());
            (void)work.step(*job);
            job->running = true;
            REQUIRE(it.owns(job));
            it.stepped(job, now, out);
            collect();
        }
    }
    void want(u64 from, snapshot_id id, u64 offset, u64 bytes, u64 term = 3) {
        it.want({from}, {{term}, id, 0, offset, bytes}, kept, now, out);
        collect();
    }
    std::vector<seen_piece> pieces() {
        std::vector<seen_piece> found;
        for (const outgoing_bulk& each : out.bulk) {
            const auto& piece = std::get<snapshot_piece>(each.mail.body);
            CHECK(each.mail.incarnation == 55);
            found.push_back({each.mail.peer.value, piece.offset,
                             std::string(as_text(piece.bytes.bytes())), piece.status});
        }
        out.bulk.clear();
        return found;
    }
    std::vector<u64> offers() {
        std::vector<u64> to;
        for (const outgoing_offer& each : out.offers) to.push_back(each.mail.peer.value);
        out.offers.clear();
        return to;
    }
    std::vector<std::pair<u64, errc>> ended() {
        std::vector<std::pair<u64, errc>> found;
        for (const auto& each : all<order::tell_ship_ended>(out))
            found.emplace_back(each.to.value, each.why);
        out.orders.clear();
        return found;
    }
    void advance(duration by) {
        now = now + by;
        it.advance(now, out);
        collect();
    }
};

using ends = std::vector<std::pair<u64, errc>>;

}  // namespace sender_part
