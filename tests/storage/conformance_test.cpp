// Memory storage and the WAL, with every runner, do what the concept says.

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <thread>

#include <raftkit/storage/memory_storage.hpp>
#include <raftkit/storage/wal/wal.hpp>
#include <raftkit/testing/conform/storage.hpp>
#include <raftkit/testing/sim/disk.hpp>

using namespace raftkit;

namespace {

void check_report(const char* name, bool ok, const char* why) {
    INFO(std::string(name) << ": " << why);
    CHECK(ok);
}

struct memory_places {
    std::optional<memory_storage> held;
    memory_storage& fresh() { return held.emplace(); }
    memory_storage& again() { return *held; }
    void wait() {}
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

}  // namespace

TEST_CASE("memory storage does what a storage must do") {
    // known bug 70: an install makes a gap, and that is what reset is for
    memory_places places;
    conform::check_storage(places, check_report);
}

TEST_CASE("the WAL does what a storage must do, all in one thread") {
    // known bug 70
    simulated_places<inline_runner> places;
    conform::check_storage(places, check_report);
}

TEST_CASE("the WAL does what a storage must do, with a thread that commits") {
    simulated_places<thread_runner> places;
    conform::check_storage(places, check_report);
}

TEST_CASE("the WAL does what a storage must do, on the files of the operating system") {
    real_places places;
    conform::check_storage(places, check_report);
}
