// The enumeration itself: a small store that is right passes, and each way in which it could be
// wrong is found, with the call that shows it.
#include <raftkit/testing/crash_points.hpp>

#include <set>
#include <string>

#include <doctest/doctest.h>

using namespace raftkit;
using namespace raftkit::testing;

namespace {

// One value, replaced as a whole: written beside the old one, synced, renamed. Each mistake leaves
// one step out.
enum class mistake : u8 {
    none,
    in_place,           // several sectors, torn
    no_sync,            // the name is durable before the contents are
    no_directory_sync,  // acknowledged before the name is durable
    early_answer,       // acknowledged before anything is
    eager_recovery,     // reports a finished copy whose name it has not synced
    greedy_recovery,    // removes the old value before the new one has its name
    trusting_recovery,  // takes a copy for whole because it is there
};

constexpr std::size_t value_bytes = 1300;  // three sectors
constexpr file_mode fresh{.write = true, .create = true};

struct small_store {
    sim_files files;
    mistake made;

    bool put(const std::string& path, char letter) {
        auto file = files.open(path, fresh);
        const std::string text(value_bytes, letter);
        const byte_span piece = as_bytes(text);
        return file && files.write_at(*file, 0, {&piece, 1}) &&
               (made == mistake::no_sync || files.sync_data(*file));
    }
    bool replace(char letter) {
        if (made == mistake::in_place) return put("value", letter);
        return put("copy", letter) && files.rename("copy", "value") &&
               (made == mistake::no_directory_sync || files.sync_directory(""));
    }
    // The letter that all bytes are; '?': they are not; '-': no file.
    char read(const std::string& path) {
        auto file = files.open(path, {});
        if (!file) return '-';
        std::string text(value_bytes, '\0');
        const auto got =
            files.read_at(*file, 0, {reinterpret_cast<std::byte*>(text.data()), text.size()});
        const bool whole = got && *got == value_bytes && text[0] != '\0' &&
                           text == std::string(value_bytes, text[0]);
        return whole ? text[0] : '?';
    }
    char recover() {
        if (made == mistake::greedy_recovery && read("copy") > '?') {
            (void)files.remove("value");
            (void)files.sync_directory("");
            (void)files.rename("copy", "value");
        }
        if (made == mistake::eager_recovery && read("copy") > '?')
            (void)files.rename("copy", "value");
        if (made == mistake::trusting_recovery && read("copy") != '-')
            (void)files.rename("copy", "value");
        if (made != mistake::eager_recovery) {
            auto value = files.open("value", {.write = true});
            if (value) (void)files.sync_data(*value);
            (void)files.sync_directory("");
        }
        return read("value");
    }
};

struct promise {
    std::string may_be = "a";  // one of these letters
};

void setup(sim_disk& disk) { REQUIRE(small_store{disk.files(), mistake::none}.replace('a')); }

promise work(sim_disk& disk, mistake made) {
    small_store store{disk.files(), made};
    promise now;
    for (const char letter : {'b', 'c'}) {
        now.may_be += letter;
        if (made == mistake::early_answer) now.may_be = letter;
        if (!store.replace(letter)) break;
        now.may_be = letter;
    }
    return now;
}

std::string look(sim_disk& disk, promise& now, mistake made) {
    const char seen = small_store{disk.files(), made}.recover();
    if (now.may_be.find(seen) == std::string::npos)
        return std::string("'") + seen + "' instead of one of " + now.may_be;
    now.may_be = seen;
    return "";
}

crash_report enumerated(mistake made, crash_plan plan = {}) {
    return enumerate(
        plan, setup, [made](sim_disk& disk) { return work(disk, made); },
        [made](sim_disk& disk, promise& now) { return look(disk, now, made); },
        [made](sim_disk& disk, promise& now) -> std::string {
            if (!small_store{disk.files(), made}.replace('z')) return "does not go on";
            now.may_be = 'z';
            return "";
        });
}

}  // namespace

TEST_CASE("a store that is right survives every cut") {
    const crash_report seen = enumerated(mistake::none);
    CHECK(seen.why() == "");
    CHECK(seen.calls == 10);  // two times open, write, sync, rename, sync_directory
    // Five ends for each call and the end, and for each write: two prefixes of whole sectors, both
    // for a process and for a device, three inside of a sector, and four subsets that are no prefix
    // or all.
    CHECK(seen.crashes == 11 * 5 + 2 * (2 * 2 + 3 + 5));
    CHECK(seen.recoveries == seen.crashes);
}

// S002-20: a check that can't fail proves nothing.
TEST_CASE("each mistake of a store is found, and the call that shows it is named") {
    for (const auto& [made, call, path] :
         {std::tuple{mistake::in_place, disk_call::write, "value"},
          std::tuple{mistake::no_sync, disk_call::open, "copy"},
          std::tuple{mistake::no_directory_sync, disk_call::open, "copy"},
          std::tuple{mistake::early_answer, disk_call::open, "copy"},
          std::tuple{mistake::eager_recovery, disk_call::sync, "copy"},
          std::tuple{mistake::greedy_recovery, disk_call::sync, "copy"},
          std::tuple{mistake::trusting_recovery, disk_call::write, "copy"}}) {
        const crash_report seen = enumerated(made, {.recoveries = 20});
        CAPTURE(static_cast<int>(made));
        REQUIRE_FALSE(seen.ok());
        INFO(seen.why());
        CHECK(std::string(name_of(seen.first->at.call)) == std::string(name_of(call)));
        CHECK(seen.first->at.path == path);
        CHECK(seen.why().find("call " + std::to_string(seen.first->cut.call) + " of ") == 0);
        CHECK(seen.why().find(seen.first->outcome) != std::string::npos);
    }
}

TEST_CASE("some mistakes need a crash of the recovery, or the power cut behind it") {
    const crash_report greedy = enumerated(mistake::greedy_recovery, {.recoveries = 20});
    REQUIRE_FALSE(greedy.ok());
    CHECK(greedy.first->recovery.has_value());
    CHECK(greedy.why().find("of the recovery") != std::string::npos);
    CHECK(enumerated(mistake::greedy_recovery, {.recoveries = 0}).ok());
    const crash_report eager = enumerated(mistake::eager_recovery);
    REQUIRE_FALSE(eager.ok());
    CHECK(eager.first->outcome.find("a power cut took back what it reported") == 0);
}

TEST_CASE("a workload that differs from run to run, or fails by itself, is no proof") {
    u64 runs = 0;
    const auto wild = [&runs](sim_disk& disk) {
        if (++runs % 3 == 0) (void)disk.files().list("");
        return work(disk, mistake::none);
    };
    const auto check = [](sim_disk& disk, promise& now) { return look(disk, now, mistake::none); };
    CHECK(enumerate({}, setup, wild, check).why().find("same calls") != std::string::npos);
    const auto never = [](sim_disk&, promise&) -> std::string { return "never right"; };
    const auto sane = [](sim_disk& disk) { return work(disk, mistake::none); };
    const crash_report seen = enumerate({}, setup, sane, never);
    CHECK(seen.why().find("without any crash: never right") != std::string::npos);
    CHECK(seen.crashes == 0);
}

TEST_CASE("a long workload is cut off at as many calls as the plan allows, all over it") {
    std::set<u64> struck;
    u64 calls = 0;
    const auto steps = [&](sim_disk& disk) {
        small_store store{disk.files(), mistake::none};
        const u64 before = disk.calls();
        for (int i = 0; i < 100 && store.replace('b'); ++i) {
        }
        (disk.crashed() ? (void)struck.insert(disk.calls() - before)
                        : (void)(calls = disk.calls() - before));
        return promise{"ab"};
    };
    const auto check = [](sim_disk& disk, promise& now) { return look(disk, now, mistake::none); };
    const crash_report seen = enumerate({.calls_max = 10, .tears_max = 2}, setup, steps, check);
    CHECK(seen.why() == "");
    CHECK(calls == 500);
    CHECK(seen.calls == 500);
    CHECK(struck.size() == 10);
    for (u64 part = 0; part < 10; ++part) {
        const auto in = struck.lower_bound(1 + 501 * part / 10);
        CHECK((in != struck.end() && *in <= 501 * (part + 1) / 10));
    }
}

TEST_CASE("the same plan cuts in the same way, another seed in another") {
    const auto trail = [](u64 seed) {
        std::string seen;
        const auto steps = [](sim_disk& disk) { return work(disk, mistake::none); };
        const auto check = [&seen](sim_disk& disk, promise& now) {
            const std::string why = look(disk, now, mistake::none);
            seen += now.may_be;
            return why;
        };
        CHECK(enumerate({.seed = seed}, setup, steps, check).ok());
        return seen;
    };
    CHECK(trail(1) == trail(1));
    CHECK(trail(1) != trail(2));
}

// Scenario I119, on the level of the disk: which sectors and bytes arrive is exactly as asked.
TEST_CASE("a planned tear leaves the bytes and sectors that it names") {
    for (const bool power : {false, true}) {
        const auto torn = [power](const tear& how) {
            sim_disk disk(5);
            small_store store{disk.files(), mistake::none};
            REQUIRE(store.put("a", 'a'));
            REQUIRE(disk.files().sync_directory(""));
            disk.crash_at(2, how);
            CHECK_FALSE(store.put("a", 'b'));
            CHECK(disk.crashed());
            CHECK(disk.crashed_in().call == disk_call::write);
            power ? disk.power_cut({.survive_per_million = 0}) : disk.process_crash();
            const auto bytes = disk.content("a");
            return std::string(as_text(bytes));
        };
        const std::string a(value_bytes, 'a'), b(value_bytes, 'b');
        CHECK(torn({.bytes = 700, .on_medium = true}) == b.substr(0, 700) + a.substr(700));
        CHECK(torn({.sectors = 2, .on_medium = true}) ==
              a.substr(0, 512) + b.substr(0, 512) + a.substr(1024));
        CHECK(torn({.bytes = 1, .sectors = 4, .on_medium = true}) ==
              "b" + a.substr(1, 1023) + b.substr(1024));
        CHECK(torn({.sectors = 5, .on_medium = false}) ==
              (power ? a : b.substr(0, 512) + a.substr(0, 512) + b.substr(1024)));
        CHECK(torn({}) == a);
    }
}
