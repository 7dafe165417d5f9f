// A receiver for tests: a follower with a store, the coordinator's and the core's answers, and a
// work executor that runs when told. `leader` is where the pieces come from.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <raftkit/snapshot/receiver.hpp>

#include "support/snapshot_jobs.hpp"

namespace receiver_part {

using namespace raftkit;
using namespace snapshot_jobs;

inline constexpr duration retry = milliseconds(500);

struct wanted {
    u64 to;
    u32 section;
    u64 offset, bytes;
    friend bool operator==(const wanted&, const wanted&) = default;
};

template <class Store>
struct follower_on {
    bench work;
    Store store;
    snapshot_pins pins;
    snapshot_options options;
    kept_snapshots kept;
    receiver<Store> it;
    snapshot_actions out;
    instant now{seconds(100).ns};
    std::vector<work_job*> asked;
    bool lets_install = true, lets_restore = true;
    index_t commit{5};
    memory_snapshots leader;
    snapshot_manifest offered;

    static snapshot_options small(u32 window, u32 credit) {
        snapshot_options made;
        made.snapshot_window_chunks = window;
        made.snapshot_initial_credit = credit;
        return made;
    }
    explicit follower_on(u32 window = 4, u32 credit = 0, Store with = Store{})
        : store(std::move(with)),
          pins(seconds(30)),
          options(small(window, credit)),
          it(store, pins, options, 77, retry, 1u << 20, work.port) {}

    // What the leader stores, and offers below.
    void leader_has(u64 index, const std::vector<std::string>& sections, u32 chunk_bytes = 64,
                    u64 nonce = 1) {
        offered = store_text(leader, id_of(index, 1, nonce), sections, chunk_bytes);
    }
    // `first`: of the leader's log.
    void offer(u64 from = 1, u64 term = 3, u64 first = 0) {
        offer_manifest(offered, from, term, first);
    }
    void offer_manifest(const snapshot_manifest& manifest, u64 from = 1, u64 term = 3,
                        u64 first = 0) {
        accept_snapshot effect;
        effect.from = {from};
        effect.term = {term};
        effect.meta = manifest.meta;
        std::vector<std::byte> bytes;
        encode(manifest, bytes);
        effect.manifest = buffer::copy_of(bytes);
        effect.leader_first = {first};
        it.accept(effect, commit, kept, now, out);
        obey();
    }
    // The driver: what can be answered at once is; jobs are collected, and what the tests look at
    // stays.
    void obey() {
        std::vector<snapshot_order> orders;
        orders.swap(out.orders);
        for (snapshot_order& each : orders) {
            if (const auto* run = std::get_if<order::run_job>(&each)) {
                asked.push_back(run->job);
            } else if (std::holds_alternative<order::install_began>(each)) {
                if (lets_install) it.go(now, out);
                if (!lets_install) it.refuse(out);
                obey();
            } else if (std::holds_alternative<order::tell_received>(each)) {
                seen.push_back(each);
                it.received(lets_restore, out);
                obey();
            } else {
                if (const auto* stored = std::get_if<order::install_stored>(&each)) {
                    kept.insert(stored->manifest, now);
                }
                seen.push_back(each);
            }
        }
    }
    void work_off(u32 most = 100000) {
        obey();
        for (u32 step = 0; step < most && !asked.empty(); ++step) {
            work_job* job = asked.front();
            asked.erase(asked.begin());
            (void)work.step(*job);
            job->running = true;
            REQUIRE(it.owns(job));
            it.stepped(job, now, out);
            obey();
        }
    }
    std::vector<wanted> wants() {
        std::vector<wanted> found;
        if (it.idle()) out.bulk.clear();  // what it wanted before it gave up
        for (const outgoing_bulk& each : out.bulk) {
            const auto& want = std::get<snapshot_want>(each.mail.body);
            CHECK(each.mail.incarnation == 77);
            CHECK(want.id == it.id());
            found.push_back({each.mail.peer.value, want.section, want.offset, want.bytes});
        }
        out.bulk.clear();
        return found;
    }
    void give(u32 section, u64 offset, const std::string& bytes, u64 from = 1,
              errc status = errc::ok) {
        give_of(it.id(), section, offset, bytes, from, status);
    }
    void give_of(snapshot_id id, u32 section, u64 offset, const std::string& bytes, u64 from = 1,
                 errc status = errc::ok) {
        const buffer held = buffer::copy_of(as_bytes(bytes));
        it.piece({from}, {{3}, id, section, offset, bytes_view::of(held), status}, now, out);
        obey();
    }
    // The leader's answer to a want.
    void answer(const wanted& want) {
        auto reader = leader.open(it.id());
        REQUIRE(bool(reader));
        auto read = reader->read(want.section, want.offset, static_cast<u32>(want.bytes));
        REQUIRE(bool(read));
        give(want.section, want.offset, std::string(as_text(read->bytes.bytes())), want.to);
    }
    // Answers every want until none comes; returns how many there were.
    u32 fetch() {
        u32 total = 0;
        work_off();
        for (std::vector<wanted> round = wants(); !round.empty(); round = wants()) {
            CHECK(it.outstanding() <= options.snapshot_window_chunks);
            for (const wanted& each : round) {
                answer(each);
                ++total;
            }
            work_off();
        }
        return total;
    }
    template <class Order>
    std::size_t told() const {
        std::size_t found = 0;
        for (const snapshot_order& each : seen)
            found += std::holds_alternative<Order>(each) ? 1 : 0;
        return found;
    }
    std::vector<install_status> failures() {
        std::vector<install_status> found;
        for (const snapshot_order& each : seen) {
            if (const auto* failed = std::get_if<order::tell_accept_failed>(&each)) {
                found.push_back(failed->status);
            }
        }
        return found;
    }
    void advance(duration by) {
        now = now + by;
        it.advance(now, out);
        obey();
    }
    std::size_t listed() { return store.inner.list()->size(); }
    // Nothing staged, pinned, running or held.
    void check_no_trace() {
        CHECK(it.idle());
        CHECK(store.todo->writers == 0);
        CHECK(store.todo->readers == 0);
        CHECK(it.outstanding() == 0);
        CHECK(it.deadline() == never);
    }

    std::vector<snapshot_order> seen;
};

using follower = follower_on<planned_store>;
using failed = std::vector<install_status>;

}  // namespace receiver_part
