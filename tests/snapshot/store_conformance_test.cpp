// The conformance suite over every store of the kit, and over stores that are wrong on purpose.
#include <doctest/doctest.h>

#include <raftkit/snapshot/store/file.hpp>
#include <raftkit/snapshot/store/memory.hpp>
#include <raftkit/snapshot/store/none.hpp>
#include <raftkit/testing/conform/snapshot_store.hpp>
#include <raftkit/testing/sim/disk.hpp>

#include <cstdlib>
#include <filesystem>

#include <support/conform_checks.hpp>
#include <support/crooked_store.hpp>

using namespace raftkit;
using conform_support::each_check;

namespace {

struct memory_places {
    memory_snapshots fresh() { return memory_snapshots(); }
};

struct posix_places {
    std::filesystem::path root;
    int count = 0;

    posix_places() {
        std::string name =
            (std::filesystem::temp_directory_path() / "raftkit-store-XXXXXX").string();
        root = ::mkdtemp(name.data());
    }
    ~posix_places() { std::filesystem::remove_all(root); }
    posix_places(posix_places&&) = delete;

    file_snapshots fresh() {
        ++count;
        return again();
    }
    file_snapshots again() {
        return file_snapshots((root / ("snap" + std::to_string(count))).string());
    }
};

struct sim_places {
    testing::sim_disk disk{1};
    int count = 0;
    bool dying = false;

    basic_file_snapshots<testing::sim_files> fresh() {
        ++count;
        return again();
    }
    basic_file_snapshots<testing::sim_files> again() {
        if (std::exchange(dying, false)) {
            if (!disk.crashed()) disk.crash_at(1);
            (void)disk.files().list("snap");  // the call at which it dies, if nothing came before
            disk.power_cut();
        }
        return basic_file_snapshots<testing::sim_files>("snap" + std::to_string(count),
                                                        disk.files());
    }
    void crash(u32 n) {
        dying = true;
        disk.crash_at(n == 0 ? 1 : n, testing::crash_moment::inside);
    }
};

using enum conform_support::store_defect;

constexpr conform_support::defect_case<conform_support::store_defect> crooked_cases[] = {
    {finds_what_is_not_there, "finds what is not there",
     "recover() of an empty place finds nothing"},
    {lists_what_is_not_there, "lists what is not there", "an empty store lists nothing"},
    {refuses_small_chunks, "refuses small chunks",
     "a save is published whatever the sizes of pieces and chunks"},
    {refuses_nothing, "refuses an empty state", "an empty state is a snapshot"},
    {tells_no_sections, "tells no sections", "publish() tells lengths and digests"},
    {spoils_saves, "spoils a save", "what was saved reads back"},
    {lists_oldest_first, "lists the oldest first",
     "list() is newest first, by index, term and nonce"},
    {lists_unpublished, "lists what is not published", "nothing is listed before publish()"},
    {opens_half, "opens a half one", "nothing can be opened before publish()"},
    {hides_published, "does not list what it published", "publish() lists"},
    {lists_dropped, "lists what was dropped", "a dropped writer leaves nothing"},
    {remembers_ids, "keeps ids for ever", "its id can be written again"},
    {remembers_ids, "keeps ids for ever", "a removed id can be written again while it is read"},
    {takes_gaps, "takes a save with gaps", "a gap in a save is an error"},
    {goes_on_after_an_error, "goes on after an error", "a writer ends with its first error"},
    {publishes_moved_from, "publishes what was moved away",
     "publish() of a moved-from writer is an error"},
    {publishes_twice, "publishes twice", "publish() succeeds once"},
    {ends_by_itself, "publishes a save without an end", "a save without its end is not published"},
    {refuses_repeats, "refuses what comes twice",
     "pieces of an install come in any order, twice, cut anywhere"},
    {changes_the_manifest, "changes the manifest",
     "an install keeps the manifest that it was given"},
    {spoils_installs, "spoils an install", "what was installed reads back"},
    {publishes_damage, "publishes what is damaged",
     "a wrong byte of an install is found by its digest"},
    {publishes_damage, "publishes what is not whole",
     "an install without one of its pieces is not published"},
    {takes_anything, "takes pieces from elsewhere",
     "pieces outside of what the manifest describes are refused"},
    {removes_the_unknown, "removes what is not there",
     "open, remove and settle of an unknown id are not_found"},
    {replaces, "replaces a snapshot", "an id is stored once"},
    {keeps_removed, "keeps a removed one", "remove() unlists at once"},
    {ends_readers, "ends readers of what is removed", "an open reader outlives removal"},
    {ignores_settle, "ignores settle()",
     "an install is marked until settle(), which may come twice"},
    {spoils_settled, "spoils what is settled", "settle() keeps the bytes"},
    {ignores_quarantine, "ignores quarantine()", "quarantine() hides a snapshot"},
    {reads_outside, "reads outside", "reading outside of a snapshot, or nothing, is an error"},
    {fails_at_the_end, "fails at the end of a section",
     "reading at the end of a section gives its end"},
    {forgets_at_restart, "forgets all at a restart",
     "what was published survives, what was removed or not published does not"},
    {settles_at_restart, "settles installs at a restart", "the marker survives"},
    {spoils_at_restart, "spoils bytes at a restart", "bytes survive"},
    {loses_the_configuration, "loses the manifest's configuration",
     "a save keeps its configuration and its time"},
    {tells_otherwise, "lists another manifest", "list() and open() tell what publish() told"},
    {forgets_the_time, "forgets how long it took", "a save knows how long it took"},
    {acknowledges_early, "publishes before it is durable",
     "what was published survives a power cut"},
    {publishes_half, "makes its name durable first", "a snapshot is there whole or not at all"},
    {suspends_never, "suspends nothing", "an install can be suspended"},
    {lists_suspended, "lists what is suspended", "a suspended install is not listed"},
    {loses_staged, "loses what was staged", "what was staged need not come again"},
    {spoils_resumed, "spoils what was staged", "an install that went on is what the leader has"},
    {remembers_forgotten, "keeps what it should forget", "what is forgotten has to come again"},
};

}  // namespace

TEST_CASE("memory_snapshots conforms") {
    conform::check_snapshot_store(memory_places(), each_check);
}
TEST_CASE("file_snapshots conforms on a real file system") {
    conform::check_snapshot_store(posix_places(), each_check);
}
TEST_CASE("file_snapshots conforms on the simulated disk") {
    conform::check_snapshot_store(sim_places(), each_check);
}

TEST_CASE("what is wrong about a snapshot store is caught by name") {
    conform_support::check_each_is_caught(
        crooked_cases, [](conform_support::store_defect how, auto& report) {
            conform::check_snapshot_store(conform_support::crooked_store_places{how, {}}, report);
        });
}

TEST_CASE("no_snapshots keeps nothing and says why") {
    no_snapshots none;
    CHECK(none.recover({})->published == 0);
    CHECK(none.list()->empty());
    CHECK(none.create({}).why().code == errc::no_snapshot);
    CHECK(none.open({}).why().code == errc::no_snapshot);
    CHECK(none.remove({}).why().code == errc::no_snapshot);
    CHECK(none.settle({}).why().code == errc::no_snapshot);
}
