// Log and snapshots together, through a whole node: one of three members is cut off at the calls to
// its disk, through elections, appends, an install, a save, compaction, retention and close. The
// leader it acknowledged to is gone for good then. What clients were told must be in the cluster
// that it makes with the third member, which has seen nothing of it. I-5, I-13; the start plan's
// rows 3, 5 and 7.

#include <doctest/doctest.h>

#include <node/support/crash_bench.hpp>
#include <support/sanitizer.hpp>

using namespace crash_tests;

TEST_CASE("the work of the victim goes through all that is to be cut off") {
    sim_disk disk(1);
    disk.keep_trace(true);
    const promise all = work(disk);
    CHECK(std::string(all.reached) == "end");
    CHECK(all.told.size() == 42);
    u64 segments = 0, manifests = 0, removed = 0;
    for (const testing::disk_trace_line& each : disk.trace()) {
        if (each.call == testing::disk_call::rename &&
            each.path.find("spare-") != std::string::npos)
            ++segments;
        if (each.call == testing::disk_call::rename &&
            each.path.find("staging-") != std::string::npos)
            ++manifests;
        if (each.call == testing::disk_call::remove) ++removed;
    }
    CHECK(manifests == 3);  // an install and two saves
    CHECK(segments >= 3);   // rotations and recycling
    CHECK(removed > 2);     // the oldest snapshot, the installing marker
}

// RAFTKIT_CRASH_CALLS=n: at n calls of the victim's, spread over all; RAFTKIT_CRASH_SEEDS as in
// storage/wal/crash_test.
TEST_CASE("what was told survives a crash of log and snapshots at any call") {
    // scenarios D40, D47, I130 and I134
    testing::crash_plan plan;
    plan.calls_max = number_from("RAFTKIT_CRASH_CALLS", RAFTKIT_TEST_SANITIZED ? 16 : 40);
    plan.tears_max = 2;
    for (plan.seed = 1; plan.seed <= number_from("RAFTKIT_CRASH_SEEDS", 1); ++plan.seed) {
        std::map<std::string, u32> reached;
        const testing::crash_report seen = testing::enumerate(
            plan, [](sim_disk&) {},
            [&](sim_disk& disk) {
                promise now = work(disk);
                ++reached[now.reached];
                return now;
            },
            [](sim_disk& disk, promise& now) { return come_back(disk, now, false); },
            [](sim_disk& disk, promise& now) { return come_back(disk, now, true); });
        CHECK(seen.why() == "");
        CHECK(seen.calls > 200);
        for (const char* each : {"first start", "install", "save", "retention", "close", "end"}) {
            CHECK(reached[each] > 0);
        }
    }
}

TEST_CASE("when power fails everywhere at once, whatever was told is there again") {
    // scenario I130; known bug 82
    sim_disk healthy(1);
    (void)work(healthy);
    u64 cuts = 0, most = 0;
    for (u64 call = 1; call <= healthy.calls(); call += 3) {
        CAPTURE(call);
        sim_disk disk(call);
        other_disks disks{sim_disk(call + 1000), sim_disk(call + 2000)};
        disk.crash_at(call, testing::crash_moment::inside);
        const promise now = work(disk, disks);
        REQUIRE(disk.crashed());
        trio t;
        for (u64 id = 1; id <= 3; ++id) {
            sim_disk& of = id == victim ? disk : disks[id == 1 ? 0 : 1];
            of.power_cut();
            t.at(id).disk = &of;
        }
        for (u64 id = 1; id <= 3; ++id) REQUIRE(!t.start(id));
        REQUIRE(t.elect());
        for (u64 id = 1; id <= 3; ++id) {
            REQUIRE(t.level(id, t.leader()));
            CHECK(lost_of(now.told, t.node(id)) == "");
        }
        ++cuts;
        most = std::max<u64>(most, now.told.size());
    }
    CHECK(cuts > 80);
    CHECK(most > 40);
}

TEST_CASE("one bad sector in any file of a node is refused by name or repaired, never believed") {
    // scenarios I120, I123, I125 and I127: segments, spares, identity, manifests, sections
    using testing::disk_fault;
    constexpr std::array faults{disk_fault::flipped_bit,    disk_fault::garbage,
                                disk_fault::zeros,          disk_fault::lost_write,
                                disk_fault::foreign_sector, disk_fault::misdirected_write,
                                disk_fault::broken_sector};
    sim_disk healthy(1);
    (void)work(healthy);
    std::map<testing::stored_file, std::array<u32, 2>> ends;  // refused, came back
    prng dice(7);
    for (const std::string& path : healthy.paths()) {
        const auto kind = testing::kind_of(path);
        const u64 sectors = (healthy.content(path).size() + 511) / 512;
        for (u64 sector = 0; kind && sector < sectors; ++sector) {
            // The large files' sectors get one each.
            const bool large = sectors > 16;
            for (std::size_t k = 0; k < (large ? 1 : faults.size()); ++k) {
                const disk_fault what =
                    faults[large ? static_cast<std::size_t>(dice.below(faults.size())) : k];
                sim_disk disk(1);
                promise now = work(disk);
                disk.process_crash();
                if (!testing::damage_sector(disk, what, path, sector, dice.next())) continue;
                INFO(std::string(testing::name_of(what)) << " " << path << ", sector " << sector);
                const int end = start_damaged(disk, path, what, now);
                CHECK(end != 2);
                ++ends[*kind][end == 0 ? 0 : 1];
            }
        }
    }
    using testing::stored_file;
    CHECK(ends[stored_file::segment][0] > 50);
    CHECK(ends[stored_file::segment][1] > 8);  // where nothing was written yet, or no more needed
    CHECK(ends[stored_file::spare][0] <= ends[stored_file::spare][1] / 4);  // but a broken sector
    CHECK(ends[stored_file::spare][1] > 10);
    CHECK(ends[stored_file::identity][0] >= 4);
    CHECK(ends[stored_file::identity][1] == 0);
    CHECK(ends[stored_file::manifest][1] >= 4);  // an older one, and the log behind it
    CHECK(ends[stored_file::section][1] >= 4);
}
