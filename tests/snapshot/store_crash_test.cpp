// The file store on the simulated disk: a crash at every call of every operation. Whatever the
// moment, the store that is opened afterwards has the state before the operation or the one after
// it, every listed snapshot reads back, nothing is left over but an install that may be gone on
// with (store_resume_test.cpp), and what it lists survives a power cut that follows at once.
#include <doctest/doctest.h>

#include <raftkit/snapshot/store/file.hpp>
#include <raftkit/testing/conform/snapshot_store.hpp>
#include <raftkit/testing/sim/disk.hpp>

#include <map>
#include <optional>
#include <string>

using namespace raftkit;

namespace {

using store = basic_file_snapshots<testing::sim_files>;
using listing = std::map<u64, bool>;  // index -> installing

constexpr std::array<u64, 2> sizes{1300, 90};
conform::contents contents_at(u64 index) { return conform::some_contents(sizes, index); }
constexpr snapshot_id id_at(u64 index) { return {{{index}, {2}}, index * 3}; }
snapshot_manifest captured_at(u64 index) {
    return conform::captured_manifest(index, 2, index * 3, 500);
}

result<void> as_void(const result<snapshot_manifest>& of) {
    return of ? result<void>() : result<void>(of.why());
}

result<void> install(store& to, u64 index) {
    const conform::contents all = contents_at(index);
    result<store::writer> writer =
        to.create(conform::described_manifest(index, 2, index * 3, 500, all));
    if (!writer) return writer.why();
    for (const auto& [section, offset] : {std::pair<u32, u64>{0, 1000}, {0, 0}, {1, 0}, {0, 500}}) {
        const u64 size = std::min<u64>(500, all[section].size() - offset);
        const result<void> written = writer->write(conform::piece_of(all, section, offset, size));
        if (!written) return written;
    }
    return as_void(writer->publish());
}

result<void> remove_under_reader(store& from, u64 index) {
    {
        const result<store::reader> reader = from.open(id_at(index));
        if (!reader) return reader.why();
        const result<void> removed = from.remove(id_at(index));
        if (!removed) return removed;
    }
    const result<std::vector<snapshot_manifest>> swept = from.list();
    return swept ? result<void>() : result<void>(swept.why());
}

// Runs until something fails; `state` is then what was acknowledged, `next` what the failed
// operation was to make of it.
struct script {
    testing::sim_disk& disk;
    listing state, next;
    u32 done = 0;

    template <class Act>
    bool step(listing after, Act&& act) {
        next = std::move(after);
        if (!act()) return false;
        state = next;
        ++done;
        return true;
    }
    void run() {
        store made("snap", disk.files());
        (void)(step({}, [&] { return bool(made.recover(conform::store_owner)); }) &&
               step({{5, false}},
                    [&] { return conform::save(made, captured_at(5), contents_at(5), 170); }) &&
               step({{5, false}, {9, true}}, [&] { return install(made, 9); }) &&
               step({{5, false}, {9, false}}, [&] { return made.settle(id_at(9)); }) &&
               step({{5, false}, {9, false}, {12, false}},
                    [&] { return conform::save(made, captured_at(12), contents_at(12), 500); }) &&
               step({{9, false}, {12, false}}, [&] { return made.remove(id_at(5)); }) &&
               step({{9, false}}, [&] { return made.quarantine(id_at(12)); }) &&
               step({{9, false}, {15, false}},
                    [&] { return conform::save(made, captured_at(15), contents_at(15), 2000); }) &&
               step({{15, false}}, [&] { return remove_under_reader(made, 9); }));
    }
    static constexpr u32 steps = 9;
};

// Opens the store after a crash and checks all that does not depend on where it happened.
listing reopened(testing::sim_disk& disk) {
    store made("snap", disk.files());
    const result<store_report> report = made.recover(conform::store_owner);
    REQUIRE(report);
    CHECK(report->found.empty());  // a crash damages nothing
    CHECK(report->quarantined == 0);
    const result<std::vector<snapshot_manifest>> list = made.list();
    REQUIRE(list);
    CHECK(list->size() == report->published);
    listing seen;
    std::vector<std::string> wanted{"store.lock"};
    for (const snapshot_manifest& each : *list) {
        const u64 index = each.meta.id.at.index.value;
        seen[index] = each.meta.installing;
        wanted.push_back("snap-" + snapshot_disk::name_of(each.meta.id));
        const result<conform::contents> read = conform::read_snapshot(made, each.meta.id, 400);
        REQUIRE(read);  // a listed snapshot always verifies
        CHECK(*read == contents_at(index));
    }
    auto names = disk.files().list("snap");
    REQUIRE(names);
    std::erase_if(
        *names, [](const std::string& name) { return name.find(".corrupt") != std::string::npos; });
    // An install that was cut off waits for its next offer; one, and only that.
    CHECK(report->resumable <= 1);
    const std::string waits = "staging-" + snapshot_disk::name_of(id_at(9));
    if (report->resumable == 1) wanted.push_back(waits);
    std::sort(wanted.begin(), wanted.end());
    CHECK(*names == wanted);  // no temporary files older than one recover()
    return seen;
}

void crash(testing::sim_disk& disk, u64 kind) {
    if (kind == 0) disk.process_crash();
    if (kind == 1) disk.power_cut({.survive_per_million = 0});
    if (kind == 2) disk.power_cut({.survive_per_million = 500'000, .garbage_per_million = 300'000});
    if (kind >= 3) disk.power_cut();
}

}  // namespace

TEST_CASE("the script runs to its end on a healthy disk") {
    testing::sim_disk disk(1);
    script all{disk, {}, {}};
    all.run();
    CHECK(all.done == script::steps);
    disk.process_crash();
    CHECK(reopened(disk) == listing{{15, false}});
}

// scenarios D40, D47, D59, D75, S000-18, S000-38; known bugs 43, 44, 45, 59, 64
TEST_CASE("a crash at any call leaves the state before or the state after") {
    testing::sim_disk counted(1);
    script{counted, {}, {}}.run();
    const u64 calls = counted.calls();
    CHECK(calls > 100);
    u32 before = 0, after = 0;
    for (u64 call = 1; call <= calls; ++call) {
        for (const testing::crash_moment moment :
             {testing::crash_moment::before, testing::crash_moment::inside}) {
            for (u64 kind = 0; kind < 8; ++kind) {
                CAPTURE(call);
                CAPTURE(kind);
                testing::sim_disk disk(call * 10 + kind);
                script run{disk, {}, {}};
                disk.crash_at(call, moment);
                run.run();
                REQUIRE(disk.crashed());
                crash(disk, kind);
                const listing seen = reopened(disk);
                CHECK((seen == run.state || seen == run.next));
                ++(seen == run.state ? before : after);
                disk.power_cut({.survive_per_million = 0});  // what was listed must not vanish now
                CHECK(reopened(disk) == seen);
                disk.process_crash();
                store again("snap", disk.files());
                REQUIRE(again.recover(conform::store_owner));
                CHECK(conform::save(again, captured_at(20), contents_at(20), 500));
                const auto names = disk.files().list("snap");
                REQUIRE(names);
                for (const std::string& each : *names) CHECK_FALSE(each.starts_with("staging-"));
            }
        }
    }
    CHECK(before > 100);
    CHECK(after > 20);
}

// scenario D47: recover() itself is cut off, twice.
TEST_CASE("a crash at any call of recover() loses nothing, and the next one finishes") {
    const auto prepare = [](testing::sim_disk& disk) {
        {
            store made("snap", disk.files());
            REQUIRE(made.recover(conform::store_owner));
            REQUIRE(conform::save(made, captured_at(5), contents_at(5), 500));
            REQUIRE(install(made, 9));
        }
        const std::vector<std::byte> junk(3000, std::byte{7});
        disk.plant("snap/staging-" + snapshot_disk::name_of(id_at(11)) + "/section-000.snap", junk);
        disk.plant("snap/trash-" + snapshot_disk::name_of(id_at(3)) + "-1/section-000.snap", junk);
        disk.plant("snap/trash-" + snapshot_disk::name_of(id_at(3)) + "-1/manifest.snap", junk);
        disk.process_crash();
    };
    testing::sim_disk counted(1);
    prepare(counted);
    const u64 start = counted.calls();
    CHECK(reopened(counted) == listing{{5, false}, {9, true}});
    const u64 calls = counted.calls() - start;
    for (u64 call = 1; call <= calls; ++call) {
        for (u64 kind = 0; kind < 4; ++kind) {
            CAPTURE(call);
            CAPTURE(kind);
            testing::sim_disk disk(call * 10 + kind);
            prepare(disk);
            disk.crash_at(call, call % 2 == 0 ? testing::crash_moment::before
                                              : testing::crash_moment::inside);
            {
                store made("snap", disk.files());
                (void)made.recover(conform::store_owner);
            }
            crash(disk, kind);
            CHECK(reopened(disk) == listing{{5, false}, {9, true}});
        }
    }
}
