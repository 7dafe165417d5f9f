#pragma once
// Three nodes in virtual time whose snapshots are files on simulated disks, whose work executor
// stands still and whose throttle says wait as long as a test likes.

#include <doctest/doctest.h>

#include <deque>

#include <raftkit/snapshot/store/file.hpp>
#include <raftkit/testing/sim/disk.hpp>

#include <node/support/cluster.hpp>

namespace node_tests {

struct work_gate {
    bool closed = false;
    std::deque<operation*> waiting;
    void open() {
        closed = false;
        while (!waiting.empty()) {
            operation& job = *waiting.front();
            waiting.pop_front();
            job.finish(job, {}, {});
        }
    }
};
struct gated_work {
    work_gate* gate = nullptr;
    void run(operation& job) noexcept {
        if (gate->closed) return gate->waiting.push_back(&job);
        job.finish(job, {}, {});
    }
};
struct brake {
    const duration* wait = nullptr;
    instant admit(const bulk_request&, instant now) noexcept { return now + *wait; }
};
struct slow_policies : test_policies {
    gated_work work_on{};
    brake throttle{};
};

struct shelf_trio {
    using store_t = basic_file_snapshots<testing::sim_files>;
    using node_t =
        node<plain_storage, inproc_transport, testing::register_map, store_t, slow_policies>;
    struct seat {
        explicit seat(u64 seed) : shelf(seed) {}
        plain_disk disk;
        testing::sim_disk shelf;
        witness heard;
        work_gate work;
        duration wait;  // what the throttle says
        std::unique_ptr<node_t> up;
    };

    shelf_trio() {
        for (u64 id = 1; id <= 3; ++id) seats.push_back(std::make_unique<seat>(id));
    }
    seat& at(u64 id) { return *seats[id - 1]; }
    node_status status(u64 id) { return at(id).up->status(); }
    result<void> try_start(u64 id) {
        seat& one = at(id);
        one.shelf.crash_at(1);  // nothing is tidied up
        stop(id);
        one.shelf.process_crash();
        one.heard = {};
        options.who.self = {id};
        options.bootstrap = voters({1, 2, 3});
        options.seed = id;
        slow_policies rules;
        rules.observer.to = &one.heard;
        rules.work_on.gate = &one.work;
        rules.throttle.wait = &one.wait;
        one.up = std::make_unique<node_t>(options, plain_storage(one.disk), inproc_transport(hub),
                                          testing::register_map{},
                                          store_t("snap", one.shelf.files()), std::move(rules));
        return one.up->open();
    }
    void start(u64 id) { REQUIRE(try_start(id).why().code == errc::ok); }
    void stop(u64 id) {
        at(id).up.reset();
        at(id).work = {};
    }
    void cut_off(u64 id, bool lost = true) {
        for (u64 other = 1; other <= 3; ++other) {
            if (other == id) continue;
            hub.cut({id}, {other}, lost);
            hub.cut({other}, {id}, lost);
        }
    }
    template <class Enough>
    bool run_until(Enough&& enough, duration most = seconds(20)) {
        for (const instant end = now + most; now < end; now = now + milliseconds(1)) {
            for (auto& each : seats) {
                if (each->up != nullptr) each->up->poll(now);
            }
            if (enough()) return true;
        }
        return false;
    }
    void run(duration time) {
        run_until([] { return false; }, time);
    }
    u64 leader() {
        for (u64 id = 1; id <= 3; ++id) {
            if (at(id).up != nullptr && status(id).serving_reads) return id;
        }
        return 0;
    }
    void write(u32 count) {
        for (u32 k = 0; k < count; ++k) {
            set_command wish(k, k);
            at(leader()).up->propose(wish);
            REQUIRE(run_until([&] { return wish.done(); }));
            REQUIRE(wish.ok());
        }
    }
    snapshot_id save(u64 id) {
        asked<snapshot_ticket> ticket;
        at(id).up->snapshot_now(ticket);
        REQUIRE(run_until([&] { return ticket.done(); }));
        REQUIRE(ticket.ok());
        return ticket.id;
    }
    // A follower that only a snapshot of the leader helps; it is down.
    u64 far_behind(u32 entries = 1500) {
        for (u64 id = 1; id <= 3; ++id) start(id);
        REQUIRE(run_until([&] { return leader() != 0; }));
        run(milliseconds(300));
        const u64 away = leader() % 3 + 1;
        stop(away);
        write(entries);
        shipped = save(leader());
        run(milliseconds(20));
        return away;
    }
    bool level(u64 id) {
        const u64 led = leader();
        return led != 0 && at(id).up != nullptr && status(id).applied == status(led).applied &&
               at(id).up->machine().digest() == at(led).up->machine().digest();
    }
    // What the store of `id` has under such a name.
    u64 count(u64 id, std::string_view prefix) {
        u64 found = 0;
        const auto names = at(id).shelf.files().list("snap");
        for (const std::string& each : *names) found += each.starts_with(prefix);
        return found;
    }

    node_options options;  // of the next one that starts
    instant now{seconds(1).ns};
    inproc_hub hub;
    snapshot_id shipped;
    std::vector<std::unique_ptr<seat>> seats;
};

}  // namespace node_tests
