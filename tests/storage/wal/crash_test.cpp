// A crash at every call to the disk, in every act of the log, by process crash and by power cut;
// and again while the log recovers. What was acknowledged is there, what was not is there as a
// whole or not at all, and a log that was never damaged always opens. scenarios 119, 130, 131, 132,
// 134; I-13; known bugs 1, 76, 78, 82.

#include "support/wal_fixture.hpp"

#include <doctest/doctest.h>

using namespace wal_test;

namespace {

struct script {
    const char* name;
    std::vector<step> steps;
    u32 group = 1;  // steps a commit
};

// What a log could hold after a crash: the state after each step, from the last acknowledged one
// on.
struct outcome {
    std::vector<log_model> states;
    std::size_t acknowledged = 0;
    bool opened = false, crashed = false;
};

outcome play(sim_disk& disk, const script& of) {
    outcome seen;
    seen.states.emplace_back();
    process node(disk);
    const auto found = node.open();
    seen.opened = bool(found);
    for (std::size_t i = 0; found && i < of.steps.size() && !disk.crashed(); ++i) {
        node.ask(of.steps[i]);
        seen.states.push_back(node.model);
        if ((i + 1) % of.group != 0 && i + 1 < of.steps.size()) continue;
        if (!node.commit().status) seen.acknowledged = i + 1;
        if (i % 3 == 2) node.settle();
    }
    node.close();
    seen.crashed = disk.crashed();
    return seen;
}

void end_of_power(sim_disk& disk, int how) {
    if (how == 0) {
        disk.process_crash();
    } else {
        const u32 survive = how == 1 ? 0u : how == 2 ? 500'000u : 900'000u;
        disk.power_cut({survive, how == 2 ? 300'000u : 0u});
    }
}

// What open() reports is one of the states that may be; the message names what is wrong.
std::string look(process& node, const outcome& before, std::optional<log_model>& seen) {
    const auto found = node.open();
    if (!found) return std::string("open failed: ") + found.why().where;
    if (found->found) return std::string("refused: ") + found->found->where;
    seen = node.read_back(*found);
    if (!seen) return "an entry can't be read";
    for (std::size_t i = before.acknowledged; i < before.states.size(); ++i) {
        if (seen->same(before.states[i])) return "";
    }
    return "a state that never was, or lost what was acknowledged";
}

// Opens, loses power at once, opens again, goes on, loses power, and opens again.
std::string judge(sim_disk& disk, const outcome& before) {
    std::optional<log_model> seen, again;
    {
        process node(disk);
        if (std::string why = look(node, before, seen); !why.empty()) return why;
        disk.power_cut({0, 0});  // what open() reported was durable (W2)
    }
    u64 last = 0;
    {
        process node(disk);
        if (std::string why = look(node, before, again); !why.empty()) return why;
        if (!again->same(*seen)) return "open() reported what a power cut took back";
        last = again->last().index.value;
        const u64 term = std::max(again->hard.term.value, u64{1});
        for (const step& each :
             {append(last + 1, term, 2), vote(term + 1, 9), append(last + 3, term + 1)}) {
            if (node.run(each).status) return "does not go on";
        }
        disk.power_cut({0, 0});
    }
    process node(disk);
    const auto found = node.open();
    if (!found || found->found) return "does not open after it went on";
    return found->last.index.value == last + 3 ? "" : "lost what it went on with";
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

void crash_everywhere(const script& of, int how, u64 seed) {
    u64 nested = 0;
    for (u64 nth = 1;; ++nth) {
        sim_disk disk(seed * 1000 + nth);
        disk.crash_at(nth, nth % 2 == 0 ? crash_moment::inside : crash_moment::before);
        const outcome before = play(disk, of);
        if (!before.crashed) {
            CHECK(before.acknowledged == of.steps.size());
            CHECK(nth > 10);
            return;
        }
        end_of_power(disk, how);
        // A crash while it recovers, somewhere; then it recovers.
        {
            disk.crash_at(1 + nested++ % 40, crash_moment::inside);
            process node(disk);
            (void)node.open();
        }
        end_of_power(disk, how);
        const std::string why = judge(disk, before);
        INFO("call " << nth << " of " << std::string(of.name) << ", power " << how << ", seed "
                     << seed);
        CHECK(why == "");
        if (!why.empty()) return;
    }
}

}  // namespace

TEST_CASE("a crash at any call loses nothing that was acknowledged, and the log opens again") {
    for (const script& each : scripts()) {
        for (int how = 0; how < 4; ++how) crash_everywhere(each, how, static_cast<u64>(how) + 1);
    }
}

TEST_CASE(
    "after a crash in a rotation the seal is written again: the newest file can't vanish unseen") {
    const script rotation = {"rotation", {append(1, 1, 4, 2000), append(5, 1, 4, 2000)}, 1};
    int resealed = 0;
    for (u64 nth = 1;; ++nth) {
        sim_disk disk(nth);
        disk.crash_at(nth, crash_moment::inside);
        if (!play(disk, rotation).crashed) break;
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
