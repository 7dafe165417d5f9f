// Memory storage and the WAL, with every runner, do what the concept says.

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <thread>

#include <raftkit/storage/memory_storage.hpp>
#include <raftkit/storage/wal/wal.hpp>
#include <raftkit/testing/conform/storage.hpp>
#include <raftkit/testing/sim/disk.hpp>

#include <support/conform_checks.hpp>
#include <support/crooked_storage.hpp>
#include <support/sanitizer.hpp>

using namespace raftkit;
using conform_support::each_check;

namespace {

struct memory_places {
    std::optional<memory_storage> held;
    memory_storage& fresh() { return held.emplace(); }
    memory_storage& again() { return *held; }
    void wait() {}
    void fail() { held->fail({errc::io, 5, "the test"}); }
    void mend() {}
};

wal_options options_at(std::string directory) {
    wal_options options;
    options.directory = std::move(directory);
    options.segment_bytes = 16u << 10;
    options.spare_segments = 1;
    return options;
}

template <class Runner>
struct simulated_places {
    using store = basic_wal<testing::sim_files, Runner>;
    u64 made = 0;
    testing::sim_disk disk{3};
    std::optional<store> held;
    store& make() { return held.emplace(options_at("/data" + std::to_string(made)), disk.files()); }
    store& fresh() { return ++made, make(); }
    store& again() { return make(); }
    void wait() { std::this_thread::sleep_for(std::chrono::microseconds(50)); }
};

// A disk that can fail and lose its power, and nobody beside the caller who works on it.
struct mortal_places : simulated_places<inline_runner> {
    bool dying = false;
    store& again() {
        if (std::exchange(dying, false)) {
            if (!disk.crashed()) disk.crash_at(1);
            held.reset();
            disk.power_cut();
        }
        return make();
    }
    void crash(u32 n) {
        dying = true;
        disk.crash_at(n == 0 ? 1 : n, testing::crash_moment::inside);
    }
    void fail() {
        disk.fail_by_chance(testing::disk_call::write, 1'000'000, EIO);
        disk.fail_by_chance(testing::disk_call::sync, 1'000'000, EIO);
    }
    void mend() { disk.clear_faults(); }
};

struct real_places {
    std::filesystem::path root;
    u64 made = 0;
    std::optional<wal> held;
    real_places() {
        std::string name = (std::filesystem::temp_directory_path() / "raftkit-wal-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        root = name;
    }
    ~real_places() {
        held.reset();
        std::filesystem::remove_all(root);
    }
    wal& make() { return held.emplace(options_at((root / std::to_string(made)).string())); }
    wal& fresh() { return ++made, make(); }
    wal& again() { return make(); }
    void wait() { std::this_thread::sleep_for(std::chrono::microseconds(50)); }
};

using conform_support::crooked_storage;
using enum conform_support::storage_defect;

struct crooked_places {
    conform_support::storage_defect how;
    std::optional<crooked_storage> held;
    crooked_storage& fresh() { return held.emplace(how); }
    crooked_storage& again() {
        held->power_is_back();
        return *held;
    }
    void wait() { held->late_turn(); }
    void crash(u32 n) { held->lose_power_after(n); }
    void fail() { held->broken = true; }
    void mend() { held->broken = false; }
};

constexpr conform_support::defect_case<conform_support::storage_defect> crooked_cases[] = {
    {not_fresh, "finds a term that nobody wrote", "a fresh place holds nothing"},
    {no_incarnation, "draws no incarnation", "a fresh place draws an incarnation"},
    {invents_entries, "answers a load of nothing", "a load of nothing is an error"},
    {never_durable, "never says that a batch is durable", "a batch becomes durable"},
    {never_durable, "never says that a vote is durable", "votes become durable"},
    {never_durable, "never ends a truncation", "superseding batches become durable"},
    {never_durable, "never ends a reset", "a reset becomes durable, and the log goes on behind it"},
    {never_durable, "never ends a bootstrap", "a configuration can be the base at index 0"},
    {mixes_up_entries, "mixes up entries", "entries are loaded as they were written"},
    {loads_from_its_start, "loads from its start", "a load may begin anywhere"},
    {forgets_memberships, "forgets memberships", "a restart finds last, term runs and memberships"},
    {forgets_entries, "forgets the last entries", "a restart finds the entries"},
    {forgets_the_vote, "forgets the vote", "a restart finds the newest term and its vote"},
    {drops_a_truncation, "drops a truncation", "what was superseded is gone"},
    {brings_old_terms_back, "returns entries of an old term",
     "a restart sees nothing of what was superseded"},
    {loads_without_bound, "loads without a bound", "a load keeps its bound"},
    {loads_nothing, "loads nothing under a small bound", "a load gives at least one entry"},
    {refuses_above_the_end, "refuses a load above the end",
     "a load above the end gives what there is"},
    {compacts_too_much, "compacts one entry more", "entries above the base stay"},
    {hides_a_compaction, "hides a compaction", "entries below the base are compacted"},
    {forgets_the_base, "loses the base's configuration",
     "a restart finds the base and its configuration"},
    {ignores_a_reset, "ignores a reset", "a restart finds only what follows the reset"},
    {keeps_what_was_reset, "keeps what was reset", "a restart finds only what follows the reset"},
    {ignores_a_bootstrap, "ignores a bootstrap", "a restart finds the bootstrap configuration"},
    {refuses_peers, "refuses a peer book", "peer book and fence become durable"},
    {compacts_the_fence, "loses the fence in a compaction",
     "a restart finds peer book and fence, also behind a compaction"},
    {lets_anyone_in, "lets anyone in", "another node is refused"},
    {draws_again, "draws an incarnation at every start",
     "the owner is let in, with its incarnation"},
    {posts_after_close, "posts after close()", "nothing is posted after close"},
    {reorders, "reorders completions", "tickets become durable in their order"},
    {promises, "acknowledges what was not asked", "nothing is durable that was not asked for"},
    {answers_twice, "answers a load twice", "a load is answered once"},
    {keeps_pointers, "keeps a pointer of a batch",
     "what a batch points to is not read after persist()"},
    {keeps_lent_bytes, "keeps lent bytes", "lent bytes are not read once they are durable"},
    {acknowledges_early, "acknowledges before it is durable",
     "what was acknowledged survives a power cut"},
    {tears_a_batch, "tears a batch", "a batch is there whole or not at all"},
    {hides_a_failure, "hides a failure", "a failure is told"},
    {recovers_from_failure, "goes on behind a failure", "nothing is acknowledged behind a failure"},
};

}  // namespace

TEST_CASE("memory storage does what a storage must do") {
    // known bug 70: an install makes a gap, and that is what reset is for
    memory_places places;
    conform::check_storage(places, each_check);
}

TEST_CASE("the WAL does what a storage must do, all in one thread") {
    // known bug 70
    mortal_places places;
    conform::check_storage(places, each_check);
}

TEST_CASE("the WAL does what a storage must do, with a thread that commits") {
    simulated_places<thread_runner> places;
    conform::check_storage(places, each_check);
}

TEST_CASE("the WAL does what a storage must do, on the files of the operating system") {
    real_places places;
    conform::check_storage(places, each_check);
}

// Some of the wrong ones read what was lent to them after its end, which a sanitizer ends with.
TEST_CASE("what is wrong about a storage is caught by name" *
          doctest::skip(RAFTKIT_TEST_SANITIZED)) {
    conform_support::check_each_is_caught(
        crooked_cases, [](conform_support::storage_defect how, auto& report) {
            crooked_places places{how, {}};
            conform::check_storage(places, [&report](const char* name, bool ok, const char* why) {
                report(name, ok, why);
            });
        });
}
