// A crash at every call to the disk, in every act of the log, by process crash and by power cut;
// and again while the log recovers. What was acknowledged is there, what was not is there as a
// whole or not at all, and a log that was never damaged always opens.

#include "support/sanitizer.hpp"
#include "support/wal_fixture.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <raftkit/testing/crash_points.hpp>

using namespace wal_test;
using raftkit::testing::crash_plan;
using raftkit::testing::crash_report;
using raftkit::testing::disk_trace_line;
using raftkit::testing::enumerate;

namespace {

struct script {
    const char* name;
    std::vector<step> steps;
    u32 group = 1;  // steps a commit
};

// What a log may hold after a crash: the state after each step, from the last acknowledged one on.
struct promise {
    std::vector<log_model> states;
};

// The last start closes its log: a mark is synced, the lock goes.
promise play(sim_disk& disk, const script& of) {
    promise made;
    made.states.emplace_back();
    process node(disk);
    const auto found = node.open();
    for (std::size_t i = 0; found && i < of.steps.size() && !disk.crashed(); ++i) {
        node.ask(of.steps[i]);
        made.states.push_back(node.model);
        if ((i + 1) % of.group != 0 && i + 1 < of.steps.size()) continue;
        if (!node.commit().status) made.states.erase(made.states.begin(), made.states.end() - 1);
        if (i % 3 == 2) node.settle();
    }
    node.close();
    return made;
}

// What open() reports is one of the states that may be, and every entry of it can be read.
std::string look(process& node, promise& made) {
    const auto found = node.open();
    if (!found) return std::string("open failed: ") + found.why().where;
    if (found->found) return std::string("refused: ") + found->found->where;
    std::optional<log_model> seen = node.read_back(*found);
    if (!seen) return "an entry can't be read";
    for (const log_model& each : made.states) {
        if (!seen->same(each)) continue;
        node.model = *seen;
        made.states = {*std::move(seen)};
        return "";
    }
    return "a state that never was, or lost what was acknowledged";
}
std::string check(sim_disk& disk, promise& made) {
    process node(disk);
    return look(node, made);
}

std::string go_on(sim_disk& disk, promise& made) {
    process node(disk);
    if (std::string why = look(node, made); !why.empty()) return why;
    const u64 last = node.model.last().index.value;
    const u64 term = std::max(node.model.hard.term.value, u64{1});
    for (const step& each :
         {append(last + 1, term, 2), vote(term + 1, 9), append(last + 3, term + 1)}) {
        if (node.run(each).status) return "does not go on";
    }
    made.states = {node.model};
    return "";
}

crash_report enumerated(const script& of, const crash_plan& plan) {
    const auto steps = [&of](sim_disk& disk) { return play(disk, of); };
    return enumerate(
        plan, [](sim_disk&) {}, steps, check, go_on);
}

const std::vector<script>& scripts() {
    static const std::vector<script> all = {
        {"first start", {append(1, 1)}, 1},
        {"groups", {append(1, 1, 2), append(3, 1), vote(2, 2), append(4, 2, 3), append(7, 2)}, 2},
        {"votes", {vote(1, 1), vote(2, 2), vote(3, 3), vote(3, 3), vote(5, 1)}, 1},
        {"rotation",
         {append(1, 1, 4, 2000), vote(2, 1), append(5, 2, 4, 2000), append(9, 2, 4, 2000),
          vote(3, 2), append(13, 3)},
         1},
        {"superseding",
         {append(1, 1, 4), append(5, 1, 3, 1500), append(3, 2, 3), append(6, 2),
          append(2, 3, 2, 3000), append(4, 3, 3, 2500), append(4, 4)},
         2},
        {"compaction",
         {append(1, 1, 4, 2500), append(5, 1, 4, 2500), compact(6, 1), append(9, 1, 4, 2500),
          compact(12, 1), append(13, 2, 4, 2500), compact(13, 2), append(17, 2)},
         1},
        {"reset",
         {append(1, 1, 4, 2500), append(5, 1, 2), reset(20, 2), append(21, 2, 4, 2500),
          reset(40, 3)},
         1},
        {"peer book", {peers(1), append(1, 1), peers(2), vote(2, 1), peers(3)}, 1},
        {"fence",
         {append(1, 2, 3, 2500), fence(2), append(4, 2, 3, 2500), compact(4, 2),
          append(7, 2, 3, 2500), fence(0)},
         1},
        // Recovery rule R4: an install while the fence is up retires the segment that held its
        // record.
        {"fence and reset",
         {append(1, 2, 3, 2500), fence(2), append(4, 2, 3, 2500), reset(20, 2),
          append(21, 2, 3, 2500), append(24, 2, 3, 2500)},
         1},
        {"recycling",
         {append(1, 1, 4, 2800), compact(4, 1), append(5, 1, 4, 2800), compact(8, 1),
          append(9, 1, 4, 2800), compact(12, 1), append(13, 1, 4, 2800), compact(16, 1),
          append(17, 1)},
         1},
        {"large frame",
         {append(1, 1), append(2, 1, 1, 40'000), append(3, 1), append(4, 1, 1, 30'000),
          compact(3, 1)},
         1},
    };
    return all;
}

// Builds with a sanitizer draw some of the calls.
constexpr u64 calls_max = RAFTKIT_TEST_SANITIZED ? 12 : 2000;

}  // namespace

// scenarios I130, I131 and I134; I-13; known bugs 1, 76, 77, 78 and 82. RAFTKIT_CRASH_SEEDS=n
// tries n plans.
TEST_CASE("a crash at any call loses nothing that was acknowledged, and the log opens again") {
    const char* more = std::getenv("RAFTKIT_CRASH_SEEDS");
    const u64 seeds = more != nullptr ? std::strtoull(more, nullptr, 10) : 1;
    for (u64 seed = 1; seed <= seeds; ++seed) {
        for (const script& each : scripts()) {
            CAPTURE(std::string(each.name));
            const crash_report seen =
                enumerated(each, {.seed = seed, .calls_max = calls_max, .tears_max = 8});
            CHECK(seen.why() == "");
            CHECK(seen.calls >= 25);
            CHECK(seen.crashes > std::min(seen.calls, calls_max) * 5);
            CHECK(seen.recoveries == seen.crashes);
        }
    }
}

// scenario I132: kill -9 between the new segment's name and its directory's sync, then power lost
// while open() writes the seal: the seal must not outlive the name of what it promises.
TEST_CASE("a crash at any two calls of a rotation and its recovery damages nothing") {
    const script rotation = {"rotation", {append(1, 1, 4, 2000), append(5, 1, 4, 2000)}, 1};
    const u64 each = RAFTKIT_TEST_SANITIZED ? 2 : 45;
    const crash_report seen = enumerated(rotation, {.tears_max = 1, .recoveries = each});
    CHECK(seen.why() == "");
    CHECK(seen.recoveries > each * 170);
}

// scenario I119: the torn part is cut off, what was there before it stays, and the log goes on.
TEST_CASE("the last record torn at every byte leaves the log without it, or with it") {
    const std::vector<step> steps = {append(1, 1, 2), append(3, 1, 2, 300)};
    disk_trace_line write;
    u64 nth = 0;
    {
        sim_disk disk(1);
        disk.keep_trace(true);
        process node(disk);
        REQUIRE(node.open());
        REQUIRE_FALSE(node.run(steps[0]).status);
        nth = disk.calls();
        node.ask(steps[1]);
        REQUIRE_FALSE(node.commit().status);
        write = disk.trace()[static_cast<std::size_t>(nth)];
        REQUIRE(write.call == disk_call::write);
    }
    u64 whole = 0, cut = 0;
    for (u64 bytes = 0; bytes <= write.bytes; ++bytes) {
        for (const bool power : {false, true}) {
            sim_disk disk(bytes);
            promise made;
            {
                process node(disk);
                REQUIRE(node.open());
                REQUIRE_FALSE(node.run(steps[0]).status);
                made.states = {node.model};
                disk.crash_at(1, {.bytes = bytes, .on_medium = power});
                node.ask(steps[1]);
                REQUIRE(node.commit().status);
                made.states.push_back(node.model);
            }
            power ? disk.power_cut({0, 0}) : disk.process_crash();
            CAPTURE(bytes);
            CHECK(check(disk, made) == "");
            ++(made.states[0].entries.size() == 4 ? whole : cut);
            disk.power_cut({0, 0});
            CHECK(go_on(disk, made) == "");
        }
    }
    CHECK(write.bytes > 600);  // two sectors
    CHECK(cut > 2 * (write.bytes - 8));
    CHECK(whole >= 2);  // padding of the last record may be missing: the place was zeroed
}

TEST_CASE(
    "after a crash in a rotation the seal is written again: the newest file can't vanish unseen") {
    const script rotation = {"rotation", {append(1, 1, 4, 2000), append(5, 1, 4, 2000)}, 1};
    int resealed = 0;
    for (u64 nth = 1;; ++nth) {
        sim_disk disk(nth);
        disk.crash_at(nth, crash_moment::inside);
        (void)play(disk, rotation);
        if (!disk.crashed()) break;
        disk.power_cut({0, 0});
        {
            process node(disk);
            const auto found = node.open();
            REQUIRE(found);
            if (!disk.exists(wal_path(2))) continue;
            ++resealed;
            REQUIRE_FALSE(node.run(append(found->last.index.value + 1, 1)).status);
            disk.power_cut({0, 0});
        }
        REQUIRE(disk.files().remove(wal_path(2)));
        process node(disk);
        const auto found = node.open();
        CHECK((!found || found->found));
    }
    CHECK(resealed >= 3);
}
