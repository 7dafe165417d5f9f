// The conformance suite over every store of the kit, and over stores that are wrong on purpose.
#include <doctest/doctest.h>

#include <raftkit/snapshot/store/file.hpp>
#include <raftkit/snapshot/store/memory.hpp>
#include <raftkit/snapshot/store/none.hpp>
#include <raftkit/testing/conform/snapshot_store.hpp>
#include <raftkit/testing/sim/disk.hpp>

#include <cstdlib>
#include <filesystem>

using namespace raftkit;

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

    basic_file_snapshots<testing::sim_files> fresh() {
        ++count;
        return again();
    }
    basic_file_snapshots<testing::sim_files> again() {
        return basic_file_snapshots<testing::sim_files>("snap" + std::to_string(count),
                                                        disk.files());
    }
};

template <class Places>
int failures_of(Places&& places) {
    int failures = 0, checks = 0;
    conform::check_snapshot_store(places, [&](const char* name, bool ok, const char* why) {
        ++checks;
        if (ok) return;
        ++failures;
        MESSAGE(std::string(name), ": ", std::string(why));
    });
    CHECK(checks >= 20);
    return failures;
}

// A store whose listing is oldest first.
struct careless_places {
    struct store : memory_snapshots {
        result<std::vector<snapshot_manifest>> list() noexcept {
            auto all = memory_snapshots::list();
            if (all) std::reverse(all->begin(), all->end());
            return all;
        }
    };
    store fresh() { return {}; }
};

}  // namespace

TEST_CASE("memory_snapshots conforms") { CHECK(failures_of(memory_places()) == 0); }
TEST_CASE("file_snapshots conforms on a real file system") {
    CHECK(failures_of(posix_places()) == 0);
}
TEST_CASE("file_snapshots conforms on the simulated disk") {
    CHECK(failures_of(sim_places()) == 0);
}
TEST_CASE("the suite notices a store that lists in another order") {
    CHECK(failures_of(careless_places()) > 0);
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
