// The file store on the simulated disk, cut off at every call of every operation. Whatever the
// moment, the store that is opened afterwards has the state before the operation or the one after
// it, every listed snapshot reads back, nothing is left over but an install that may be gone on
// with (store_resume_test.cpp), and what it lists survives a power cut that follows at once.
#include <doctest/doctest.h>

#include <raftkit/snapshot/store/file.hpp>
#include <raftkit/testing/conform/snapshot_store.hpp>
#include <raftkit/testing/crash_points.hpp>

#include <map>
#include <optional>
#include <string>

using namespace raftkit;
using testing::crash_report;
using testing::sim_disk;

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

// What the store may list: what was acknowledged, or what the operation that failed was to make of
// it.
struct promise {
    listing state, next;
    u32 done = 0;
};

promise work(sim_disk& disk) {
    store made("snap", disk.files());
    promise now;
    const auto step = [&](listing after, auto&& act) {
        now.next = std::move(after);
        if (!act()) return false;
        now.state = now.next;
        ++now.done;
        return true;
    };
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
    return now;
}
constexpr u32 steps_in_work = 9;

// No temporary files older than one recover(), but for one install that waits for its next offer.
std::string left_over(sim_disk& disk, const listing& seen, const store_report& report) {
    std::vector<std::string> wanted{"store.lock"};
    for (const auto& [index, installing] : seen)
        wanted.push_back("snap-" + snapshot_disk::name_of(id_at(index)));
    if (report.resumable > 1) return "more than one install waits";
    if (report.resumable == 1) wanted.push_back("staging-" + snapshot_disk::name_of(id_at(9)));
    auto names = disk.files().list("snap");
    if (!names) return "can't be listed";
    std::erase_if(
        *names, [](const std::string& name) { return name.find(".corrupt") != std::string::npos; });
    std::sort(wanted.begin(), wanted.end());
    return *names == wanted ? "" : "something is left over, or missing";
}

// Opens the store and checks all that does not depend on where it was cut off, then that it lists
// what it may.
std::string check(sim_disk& disk, promise& now) {
    store made("snap", disk.files());
    const result<store_report> report = made.recover(conform::store_owner);
    if (!report) return "does not open";
    if (!report->found.empty() || report->quarantined != 0) return "a crash damaged something";
    const result<std::vector<snapshot_manifest>> list = made.list();
    if (!list || list->size() != report->published) return "lists other snapshots than it reports";
    listing seen;
    for (const snapshot_manifest& each : *list) {
        const u64 index = each.meta.id.at.index.value;
        seen[index] = each.meta.installing;
        const result<conform::contents> read = conform::read_snapshot(made, each.meta.id, 400);
        if (!read || *read != contents_at(index)) return "a listed snapshot does not verify";
    }
    if (std::string why = left_over(disk, seen, *report); !why.empty()) return why;
    if (seen != now.state && seen != now.next) return "neither the state before nor the one after";
    now.state = now.next = seen;
    return "";
}

std::string go_on(sim_disk& disk, promise& now) {
    store again("snap", disk.files());
    if (!again.recover(conform::store_owner)) return "does not open again";
    if (!conform::save(again, captured_at(20), contents_at(20), 500)) return "does not save";
    now.state[20] = now.next[20] = false;
    const auto names = disk.files().list("snap");
    if (!names) return "can't be listed";
    for (const std::string& each : *names) {
        if (each.starts_with("staging-")) return "a save leaves " + each;
    }
    return "";
}

}  // namespace

TEST_CASE("the work runs to its end on a healthy disk") {
    sim_disk disk(1);
    promise all = work(disk);
    CHECK(all.done == steps_in_work);
    CHECK(all.state == listing{{15, false}});
    disk.process_crash();
    CHECK(check(disk, all) == "");
}

// scenarios I134, D40, D47, D59, D75, S000-18, S000-38; known bugs 43, 44, 45, 59, 64
TEST_CASE("a crash at any call leaves the state before or the state after") {
    u32 before = 0, after = 0;
    const auto counted = [&](sim_disk& disk, promise& now) {
        const promise was = now;
        std::string why = check(disk, now);
        if (why.empty() && was.state != was.next) ++(now.state == was.state ? before : after);
        return why;
    };
    const crash_report seen = testing::enumerate(
        {.tears_max = 4}, [](sim_disk&) {}, work, counted, go_on);
    CHECK(seen.why() == "");
    CHECK(seen.calls > 100);
    CHECK(before > 100);
    CHECK(after > 20);
}

// scenario D47: recover() itself is cut off, twice.
TEST_CASE("a crash at any call of recover() loses nothing, and the next one finishes") {
    const auto setup = [](sim_disk& disk) {
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
    const auto steps = [](sim_disk& disk) {
        store made("snap", disk.files());
        (void)made.recover(conform::store_owner);
        const listing both{{5, false}, {9, true}};
        return promise{both, both};
    };
    const crash_report seen = testing::enumerate({.recoveries = 10}, setup, steps, check, go_on);
    CHECK(seen.why() == "");
    CHECK(seen.calls > 20);
}
