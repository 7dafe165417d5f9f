// Scenario D45: while snapshots are being built, nothing waits for them. The work beside the raft
// context stands still for as long as the test likes.

#include <doctest/doctest.h>

#include <deque>

#include <node/support/cluster.hpp>

using namespace node_tests;

namespace {

// Keeps the jobs until it is told to run them.
struct held_jobs {
    std::deque<operation*>* kept = nullptr;
    void run(operation& job) noexcept { kept->push_back(&job); }
};
struct held_policies : test_policies {
    held_jobs work_on{};
};
using held_node =
    node<plain_storage, inproc_transport, testing::register_map, memory_snapshots, held_policies>;

struct trio {
    struct seat {
        plain_disk disk;
        memory_snapshots shelf;
        witness heard;
        std::deque<operation*> jobs;
        std::unique_ptr<held_node> up;
        std::unique_ptr<drive::manual<held_node>> drive;
    };

    trio() : seats(3) {
        for (u64 id = 1; id <= 3; ++id) {
            seat& one = seats[id - 1];
            node_options options;
            options.who.self = {id};
            options.bootstrap = voters({1, 2, 3});
            options.seed = id;
            held_policies rules;
            rules.observer.to = &one.heard;
            rules.work_on.kept = &one.jobs;
            one.up =
                std::make_unique<held_node>(options, plain_storage(one.disk), inproc_transport(hub),
                                            testing::register_map{}, one.shelf, std::move(rules));
            one.drive = std::make_unique<drive::manual<held_node>>(*one.up);
            REQUIRE(one.drive->open().why().code == errc::ok);
        }
    }
    held_node& at(u64 id) { return *seats[id - 1].up; }
    template <class Enough>
    bool run_until(Enough&& enough) {
        for (const instant end = now + seconds(20); now < end; now = now + milliseconds(1)) {
            for (seat& each : seats) each.drive->poll(now);
            if (enough()) return true;
        }
        return false;
    }
    u64 leader() {
        for (u64 id = 1; id <= 3; ++id) {
            if (at(id).status().serving_reads) return id;
        }
        return 0;
    }
    void write(u64 count) {
        for (u64 k = 0; k < count; ++k) {
            set_command wish(static_cast<u32>(k), k);
            const instant asked_at = now;
            at(leader()).propose(wish);
            REQUIRE(run_until([&] { return wish.done(); }));
            CHECK(wish.ok());
            CHECK(now - asked_at < milliseconds(50));
        }
    }
    bool level() {
        const index_t last = at(leader()).status().last;
        for (u64 id = 1; id <= 3; ++id) {
            if (at(id).status().applied != last) return false;
        }
        return true;
    }
    bool work() {
        bool any = false;
        for (seat& each : seats) {
            while (!each.jobs.empty()) {
                operation& job = *each.jobs.front();
                each.jobs.pop_front();
                job.finish(job, {}, {});
                any = true;
            }
        }
        return any;
    }

    instant now{seconds(1).ns};
    inproc_hub hub;
    std::vector<seat> seats;
};

}  // namespace

TEST_CASE("writes, reads and an election go on while every node builds a snapshot") {
    trio c;
    REQUIRE(c.run_until([&] { return c.leader() != 0; }));
    c.write(20);
    REQUIRE(c.run_until([&] { return c.level(); }));
    asked<snapshot_ticket> tickets[3];
    index_t captured_at = c.at(1).status().applied;
    for (u64 id = 1; id <= 3; ++id) c.at(id).snapshot_now(tickets[id - 1]);
    REQUIRE(c.run_until([&] { return c.seats[0].jobs.size() + c.seats[1].jobs.size() > 1; }));

    c.write(30);
    REQUIRE(c.run_until([&] { return c.level(); }));
    asked<operation> read;
    c.at(c.leader()).read(read);
    CHECK(c.run_until([&] { return read.ok(); }));

    const u64 old_leader = c.leader();
    asked<leadership_transfer> handing;
    handing.to = {old_leader % 3 + 1};
    c.at(old_leader).transfer(handing);
    CHECK(c.run_until([&] { return handing.ok() && c.leader() == old_leader % 3 + 1; }));
    c.write(30);
    REQUIRE(c.run_until([&] { return c.level(); }));
    for (const auto& each : tickets) CHECK_FALSE(each.done());

    // Now the disks work: what is published is the state of the moment of the capture.
    REQUIRE(c.run_until([&] {
        (void)c.work();
        return tickets[0].done() && tickets[1].done() && tickets[2].done();
    }));
    for (u64 id = 1; id <= 3; ++id) {
        CHECK(tickets[id - 1].ok());
        CHECK(tickets[id - 1].id.at.index == captured_at);
        CHECK(c.at(id).machine().digest() == c.at(1).machine().digest());
        CHECK(c.at(id).status().applied.value >= captured_at.value + 60);
    }
}
