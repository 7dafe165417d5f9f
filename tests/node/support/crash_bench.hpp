#pragma once
// What crash_test.cpp cuts off: one member of three with its log and snapshots on a simulated disk,
// the work that it is put through, and what clients were told meanwhile.

#include <doctest/doctest.h>

#include <cstdlib>
#include <optional>

#include <raftkit/snapshot/store/file.hpp>
#include <raftkit/storage/wal/wal.hpp>
#include <raftkit/testing/crash_points.hpp>
#include <raftkit/testing/sim/disk_actions.hpp>

#include <node/support/cluster.hpp>

using namespace node_tests;
using testing::sim_disk;
using testing::sim_files;

namespace crash_tests {

// Commits where it is flushed, in virtual time.
struct virtual_clock {
    const instant* at = nullptr;
    instant now() const noexcept { return *at; }
};
class prompt_runner {
public:
    using clock_type = virtual_clock;
    explicit prompt_runner(const instant* at) noexcept : at_(at) {}
    clock_type clock() const noexcept { return {at_}; }
    result<void> start(const wal_work& work) noexcept {
        work_ = work;
        return {};
    }
    persisted flush() noexcept { return work_.waiting() ? work_.commit() : work_.watermark(); }
    bool flush_waits() const noexcept { return work_.waiting(); }
    instant tick(instant now) noexcept {
        const instant idle = work_.idle(now);
        return earliest(idle, work_.prepare(now));
    }
    void stop() noexcept { work_ = {}; }

private:
    const instant* at_;
    wal_work work_;
};
static_assert(wal_runner<prompt_runner>);

using crashing_node = node<basic_wal<sim_files, prompt_runner>, inproc_transport,
                           testing::register_map, basic_file_snapshots<sim_files>, test_policies>;
constexpr u64 victim = 2;

struct padded_command : asked<proposal> {
    explicit padded_command(u32 key)
        : bytes(testing::register_command(testing::register_op::set, key, key * 7 + 1, 1500)) {
        command = byte_span(bytes);
    }
    std::vector<std::byte> bytes;
};

// Three places, each on a disk that outlives it.
struct trio {
    struct seat {
        sim_disk* disk = nullptr;
        witness heard;
        std::unique_ptr<crashing_node> up;
    };
    ~trio() {
        for (u64 id = 1; id <= 3; ++id) drop(id);
    }
    seat& at(u64 id) { return seats[id - 1]; }
    crashing_node& node(u64 id) { return *at(id).up; }
    node_status status(u64 id) { return node(id).status(); }

    error start(u64 id) {
        node_options options;
        options.who.self = {id};
        options.bootstrap = voters({1, 2, 3});
        options.seed = id;
        options.heartbeat_interval = milliseconds(5);
        options.apply_slice = milliseconds(5);
        // The victim stands back while the others are well.
        options.election_timeout_min = milliseconds(id == victim ? 60 : 30);
        options.election_timeout_max = milliseconds(id == victim ? 90 : 50);
        options.snapshot_lease = milliseconds(500);
        options.snapshot_free_min = 0;
        options.close_timeout = {};
        wal_options log;
        log.directory = "log";
        log.segment_bytes = 16u << 10;
        log.spare_segments = 1;
        log.seed = id;
        test_policies rules;
        rules.compaction = {.entries = 1, .bytes = 1u << 30};
        rules.retention.count = 2;
        rules.observer.to = &at(id).heard;
        at(id).up = std::make_unique<crashing_node>(
            options,
            basic_wal<sim_files, prompt_runner>(log, at(id).disk->files(), prompt_runner(&now)),
            inproc_transport(hub), testing::register_map{},
            basic_file_snapshots<sim_files>("snap", at(id).disk->files()), std::move(rules));
        return at(id).up->open().why();
    }
    // As a process death: what it would still do to its disk does not happen.
    void drop(u64 id) {
        if (at(id).up == nullptr) return;
        if (!at(id).disk->crashed()) at(id).disk->crash_at(1);
        at(id).up.reset();
    }
    // Stops early when the victim's disk has ended its process.
    template <class Enough>
    bool run_until(Enough&& enough, duration most = seconds(3)) {
        for (const instant end = now + most; now < end; now = now + microseconds(500)) {
            for (seat& each : seats) {
                if (each.up != nullptr) each.up->poll(now);
            }
            if (at(victim).disk->crashed()) return false;
            if (enough()) return true;
        }
        return false;
    }
    u64 leader() {
        for (u64 id = 1; id <= 3; ++id) {
            if (at(id).up != nullptr && status(id).serving_reads) return id;
        }
        return 0;
    }
    bool elect() {
        return run_until([&] { return leader() != 0; });
    }
    bool level(u64 id, u64 with) {
        return run_until([&] {
            return status(id).applied == status(with).applied &&
                   node(id).machine().digest() == node(with).machine().digest();
        });
    }
    // Told to the client: true.
    bool write(u32 key) {
        const u64 led = leader();
        if (led == 0) return false;
        auto wish = std::make_unique<padded_command>(key);
        node(led).propose(*wish);
        const bool told = run_until([&] { return wish->done(); }) && wish->ok();
        unfinished.push_back(std::move(wish));
        return told;
    }
    bool save(u64 id) {
        auto ticket = std::make_unique<asked<snapshot_ticket>>();
        node(id).snapshot_now(*ticket);
        const bool made = run_until([&] { return ticket->done(); }) && ticket->ok();
        tickets.push_back(std::move(ticket));
        return made;
    }
    void cut(u64 id, bool off) {
        for (u64 other = 1; other <= 3; ++other) {
            if (other == id) continue;
            hub.cut({id}, {other}, off);
            hub.cut({other}, {id}, off);
        }
    }

    // Requests outlive the nodes that may still hold them.
    std::vector<std::unique_ptr<padded_command>> unfinished;
    std::vector<std::unique_ptr<asked<snapshot_ticket>>> tickets;
    instant now{seconds(1).ns};
    inproc_hub hub;
    std::array<seat, 3> seats;
};

using disk_files = std::map<std::string, std::vector<std::byte>>;
disk_files files_on(const sim_disk& disk) {
    disk_files made;
    for (const std::string& path : disk.paths()) made[path] = disk.content(path);
    return made;
}

struct promise {
    std::vector<u32> told;  // keys of the writes that clients were told of
    std::shared_ptr<const disk_files>
        third;                 // the disk of the member that was cut off early; null: not
    u64 other = 0;             // its id
    const char* reached = "";  // how far the work came
};

using other_disks = std::array<sim_disk, 2>;  // of members 1 and 3

// What `work` goes through; false: the victim's process has ended.
bool act(trio& t, promise& now, other_disks& disks) {
    const auto write = [&](u32 first, u32 last) {
        for (u32 key = first; key <= last; ++key) {
            if (!t.write(key)) return false;
            now.told.push_back(key);
        }
        return true;
    };
    now.reached = "first start";
    for (const u64 id : {u64{1}, u64{3}, victim}) {
        if (t.start(id)) return false;
    }
    if (!t.elect()) return false;
    const u64 led = t.leader();
    REQUIRE(led != victim);
    now.other = 4 - led;
    if (!write(1, 2) || !t.level(victim, led)) return false;
    now.reached = "left behind";
    t.cut(victim, true);
    if (!write(3, 12) || !t.save(led)) return false;
    if (!t.run_until([&] { return t.status(led).first > index_t{8}; })) return false;
    if (!t.level(now.other, led)) return false;
    t.cut(now.other, true);
    now.third = std::make_shared<disk_files>(files_on(disks[now.other == 1 ? 0 : 1]));
    now.reached = "install";
    t.cut(victim, false);
    t.cut(now.other, true);
    if (!t.run_until([&] { return t.leader() != 0 && t.status(victim).snapshots_installed == 1; }))
        return false;
    if (!t.level(victim, t.leader())) return false;
    now.reached = "save";
    if (!write(13, 22) || !t.save(victim)) return false;
    now.reached = "retention";
    if (!write(23, 30) || !t.save(victim)) return false;
    if (!t.run_until([&] { return t.status(victim).first > index_t{14}; })) return false;
    if (!write(31, 42)) return false;
    (void)t.run_until([] { return false; }, milliseconds(200));  // a spare is prepared
    now.reached = "close";
    t.node(victim).close(t.now);
    if (!t.run_until([&] { return t.node(victim).closed(); })) return false;
    now.reached = "end";
    return true;
}

promise work(sim_disk& disk, other_disks& disks) {
    promise now;
    trio t;
    t.at(1).disk = &disks[0];
    t.at(victim).disk = &disk;
    t.at(3).disk = &disks[1];
    (void)act(t, now, disks);
    if (now.third == nullptr && now.other != 0)
        now.third = std::make_shared<disk_files>(files_on(disks[now.other == 1 ? 0 : 1]));
    t.at(victim).up.reset();
    return now;
}
promise work(sim_disk& disk) {
    other_disks disks{sim_disk(1001), sim_disk(1003)};
    return work(disk, disks);
}

std::string lost_of(const std::vector<u32>& told, const crashing_node& at) {
    const auto& values = at.machine().state().values;
    for (const u32 key : told) {
        const auto found = values.find(key);
        if (found == values.end() || found->second != key * 7 + 1)
            return "write " + std::to_string(key) + " was told and is lost";
    }
    return "";
}

// The victim comes back with the third member as it was, without the leader. `writes`: and goes on.
std::string come_back(sim_disk& disk, promise& now, bool writes) {
    sim_disk third(2000);
    if (now.third != nullptr) {
        for (const auto& [path, bytes] : *now.third) third.plant(path, bytes);
    }
    sim_disk none(2001);
    trio t;
    const u64 other = now.other != 0 ? now.other : 1;
    t.at(other).disk = &third;
    t.at(victim).disk = &disk;
    t.at(4 - other).disk = &none;
    if (const error why = t.start(victim)) return std::string("does not open: ") + why.where;
    if (t.start(other)) return "the third does not open";
    // A voter on an empty directory waits for every other one.
    if (now.third == nullptr && t.start(4 - other)) return "the first does not open";
    if (!t.elect()) return "nobody leads";
    if (writes) {
        const u32 key = 100 + static_cast<u32>(now.told.size());
        if (!t.write(key)) return "does not go on";
        now.told.push_back(key);
    }
    const u64 led = t.leader();
    if (!t.level(victim, led)) return "does not come to rest";
    if (std::string why = lost_of(now.told, t.node(victim)); !why.empty()) return why;
    if (now.third != nullptr) return "";
    // It has started once, so it must not come back empty; later it stays as it is now.
    if (!t.level(other, led)) return "the third does not come to rest";
    now.other = other;
    now.third = std::make_shared<disk_files>(files_on(third));
    return "";
}

// 0: refused, by name, with nothing changed; 1: came back with all that was told; 2: neither.
int start_damaged(sim_disk& disk, const std::string& path, testing::disk_fault what, promise& now) {
    const disk_files before = files_on(disk);
    trio t;
    t.at(victim).disk = &disk;
    error why = t.start(victim);
    if (!why) {  // a snapshot is read behind open(), and what the disk does not give is not damage
        (void)t.run_until([&] { return t.node(victim).closed(); }, milliseconds(20));
        why = t.status(victim).stop_cause;
    }
    const damage* found = t.node(victim).found();
    const std::string named = found != nullptr ? found->file : std::string(why.where);
    t.drop(victim);
    disk.process_crash();
    if (!why) {
        const std::string lost = come_back(disk, now, false);
        CHECK(lost == "");
        return lost.empty() ? 1 : 2;
    }
    if (what == testing::disk_fault::broken_sector) {
        CHECK(why.code == errc::io);  // not the end of the log
    } else {
        CHECK(why.code == errc::corrupt);
        // A bad header below the newest segments shows as entries that are missing before them.
        const auto kind = testing::kind_of(path);
        const char* mark = testing::mark_of(*kind);
        CHECK(named.find(mark + 1) != std::string::npos);
    }
    const bool untouched = files_on(disk) == before;
    CHECK(untouched);
    return untouched ? 0 : 2;
}

u64 number_from(const char* name, u64 otherwise) {
    const char* text = std::getenv(name);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace crash_tests
