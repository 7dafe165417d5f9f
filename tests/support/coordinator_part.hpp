// A coordinator for tests, with the driver's half of the conversation in a few words.
#pragma once

#include <string>
#include <vector>

#include <raftkit/snapshot/coordinator.hpp>

#include "support/snapshot_jobs.hpp"

namespace coordinator_part {

using namespace raftkit;
using namespace snapshot_jobs;

struct told {
    const snapshot_ticket* ticket;
    errc status;
    u64 index;
    bool nothing_new;
    friend bool operator==(const told&, const told&) = default;
};

// A coordinator and the driver's half of the conversation.
struct node_part {
    snapshot_options options;
    coordinator it;
    snapshot_actions out;
    instant now{seconds(100).ns};
    snapshot_manifest wanted;  // of the last start_save

    explicit node_part(snapshot_options chosen = {}, std::vector<u64> stored = {})
        : options(chosen), it(options, identity{7, 1, {2}, 99}) {
        std::vector<snapshot_manifest> listing;
        for (const u64 index : stored) {
            listing.emplace_back();
            listing.back().meta.id = id_of(index, 1, u64{5} << 32);
        }
        it.listed(listing, now);
        it.serving(true);
    }
    void request(snapshot_ticket& asked) { it.request(asked, now, out); }
    // What the tickets were told since the last call; clears nothing else.
    std::vector<told> answers() {
        std::vector<told> found;
        for (const order::finish_ticket& each : all<order::finish_ticket>(out)) {
            found.push_back({each.ticket, each.status.code, each.ticket->id.at.index.value,
                             each.ticket->nothing_new});
        }
        out.clear();
        return found;
    }
    void captured(u64 index) {
        it.captured(snapshot_basis{{{index}, {3}}, three_voters()}, 1234, now, out);
        const auto started = all<order::start_save>(out);
        if (!started.empty()) wanted = started.back().manifest;
    }
    void save_done() {
        REQUIRE(it.may_publish());
        std::vector<snapshot_manifest> listing{wanted};
        for (const auto& each : it.kept().entries()) listing.push_back(each.manifest);
        it.saved({}, &wanted, &listing, now, out);
    }
    void save_fails(errc why = errc::io) {
        it.saved(error{why, 0, "test"}, nullptr, nullptr, now, out);
    }
    void save(u64 index) {
        it.applied({index});
        it.due("test", now, out);
        captured(index);
        save_done();
        out.clear();
    }
    bool capturing() const { return it.phase() == save_phase::capturing; }
};

// One that has applied up to `index` since the snapshots in `stored`.
struct applied_part : node_part {
    explicit applied_part(u64 index, snapshot_options chosen = {}, std::vector<u64> stored = {})
        : node_part(chosen, std::move(stored)) {
        it.applied({index});
    }
};
// One in which a request's save is under way; what was ordered so far is still in `out`.
struct saving_part : applied_part {
    explicit saving_part(u64 index, snapshot_options chosen = {}, std::vector<u64> stored = {})
        : applied_part(index, chosen, std::move(stored)) {
        request(asked);
        captured(index);
    }
    snapshot_ticket asked;
};

inline snapshot_options with(on_busy rule) {
    snapshot_options options;
    options.snapshot_on_busy = rule;
    return options;
}

}  // namespace coordinator_part
