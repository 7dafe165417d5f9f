#pragma once
// Three nodes with the parts of this folder, the kit's log on the simulator's disks and virtual
// time: they work, one loses power for a while and is caught up by a snapshot, all end alike. The
// same seed gives the same run.

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include <raftkit/node/drive/manual.hpp>
#include <raftkit/storage/wal/wal.hpp>
#include <raftkit/testing/machine/register_map.hpp>
#include <raftkit/testing/sim/disk.hpp>

#include "cabinet.hpp"
#include "post.hpp"
#include "rules.hpp"

namespace custom {

class simulation {
    using log = raftkit::basic_wal<raftkit::testing::sim_files, raftkit::inline_runner>;
    using node = raftkit::node<log, post, raftkit::testing::register_map, cabinet, rules>;
    static constexpr std::size_t count = 3;

public:
    explicit simulation(raftkit::u64 seed) : dice_(seed) {
        for (std::size_t i = 0; i < count; ++i)
            seats_[i].disk = std::make_unique<raftkit::testing::sim_disk>(seed * 8 + i);
    }

    template <class Report>
    void run(Report&& report) {
        bool opened = true;
        for (std::size_t i = 0; i < count; ++i) opened = start(i) && opened;
        report("three nodes open", opened, "one did not");
        report("a leader is elected", wait([this] { return leader() != nullptr; }), "none was");
        report("a thousand commands are executed", write(1000), "some were not");
        const std::size_t down = seats_[0].up.get() == leader() ? 1 : 0;
        report("the trigger had snapshots made",
               wait([&] { return status(down).snapshots_saved != 0; }), "none was");
        lose_power(down);
        report("two nodes go on without the third", write(1000), "some commands were not executed");
        report("the log behind a snapshot is given up",
               wait([this] { return leader() != nullptr && leader()->status().first.value > 1; }),
               "it grows for ever");
        report("the third comes back", start(down), "it does not open");
        const bool alike = wait([this] { return all_alike(); });
        report("a snapshot brings it up to date", status(down).snapshots_installed != 0,
               "it was never sent one");
        report("all nodes end in the same state", alike, "they differ");
    }

private:
    struct seat {
        std::unique_ptr<raftkit::testing::sim_disk> disk;
        cabinet snapshots;  // survives its node, as a disk would
        std::unique_ptr<node> up;
    };
    struct write_request : raftkit::proposal {
        write_request() : raftkit::proposal(&write_request::end) {}
        static void end(raftkit::operation& self, raftkit::error why, raftkit::byte_span) noexcept {
            auto& mine = static_cast<write_request&>(self);
            mine.over = true;
            mine.how = why;
        }
        bool over = false;
        raftkit::error how;
    };

    bool start(std::size_t i) {
        raftkit::node_options options;
        options.who.self = {i + 1};
        options.cluster_name = "custom";
        options.seed = dice_.next() | 1;
        options.snapshot_free_min = 0;
        options.bootstrap.emplace();
        for (raftkit::u64 id = 1; id <= count; ++id)
            options.bootstrap->members.push_back(
                {{id}, raftkit::member_role::voter, raftkit::member_role::none, 0, ""});
        raftkit::wal_options where;
        where.directory = "log";
        where.segment_bytes = 64u << 10;
        where.seed = dice_.next() | 1;
        seat& at = seats_[i];
        at.up = std::make_unique<node>(options, log(where, at.disk->files()), post(office_),
                                       raftkit::testing::register_map(), at.snapshots);
        return bool(at.up->open());
    }
    // From here on nothing that the node does reaches its disk; then it is gone.
    void lose_power(std::size_t i) {
        seats_[i].disk->crash_at(1);
        seats_[i].up.reset();
        seats_[i].disk->power_cut();
    }
    raftkit::node_status status(std::size_t i) { return seats_[i].up->status(); }
    node* leader() {
        for (seat& each : seats_) {
            if (each.up != nullptr && each.up->status().role == raftkit::role_kind::leader)
                return each.up.get();
        }
        return nullptr;
    }
    bool all_alike() {
        for (const seat& each : seats_) {
            if (each.up == nullptr ||
                each.up->machine().digest() != seats_[0].up->machine().digest())
                return false;
        }
        return true;
    }
    // A millisecond at a time, for a virtual minute at most.
    template <class Enough>
    bool wait(Enough&& enough) {
        for (int turn = 0; turn < 60'000; ++turn) {
            if (enough()) return true;
            now_ = now_ + raftkit::milliseconds(1);
            for (const seat& each : seats_) {
                if (each.up != nullptr) each.up->poll(now_);
            }
        }
        return enough();
    }
    // A client that asks whoever leads, and asks again where a command was certainly not executed.
    bool write(int commands) {
        for (int i = 0; i < commands; ++i) {
            const std::vector<std::byte> command = raftkit::testing::register_command(
                raftkit::testing::register_op::add, static_cast<raftkit::u32>(i % 100), 1);
            for (bool done = false; !done;) {
                if (!wait([this] { return leader() != nullptr; })) return false;
                write_request asked;
                asked.command = raftkit::byte_span(command);
                leader()->propose(asked);
                if (!wait([&asked] { return asked.over; })) return false;
                done = raftkit::outcome_of(asked.how.code) == raftkit::outcome::done;
                if (!done && raftkit::outcome_of(asked.how.code) == raftkit::outcome::unknown)
                    return false;
            }
        }
        return true;
    }

    raftkit::prng dice_;
    raftkit::instant now_ = raftkit::instant{} + raftkit::seconds(1);
    post_office office_;
    std::array<seat, count> seats_;
};

}  // namespace custom
