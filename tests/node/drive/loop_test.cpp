// Real threads, sockets and files: the default way to run a node. Also the test that
// ThreadSanitizer looks at.

#include <doctest/doctest.h>

#include <node/support/loop_cluster.hpp>

using namespace node_tests;

namespace {

struct compacting_policies : loop_policies {
    compaction::trailing compaction{.entries = 1, .bytes = 1u << 30};
};
struct threaded_policies : compacting_policies {
    thread_executor apply_on{};
};

}  // namespace

TEST_CASE("three nodes over TCP and WAL serve other threads, and know everything after a restart") {
    loop_cluster c(3);
    c.start_all();
    std::atomic<bool> over{false};
    u64 looked = 0;
    std::thread watcher_of_status([&] {
        while (!over) {
            for (u64 id = 1; id <= 3; ++id) {
                const node_status seen = c.node(id).status();
                CHECK(seen.applied <= seen.commit);
                CHECK(seen.commit <= seen.last);
                ++looked;
            }
        }
    });
    for (u32 i = 0; i < 50; ++i) CHECK(c.set(i, i + 100).code == errc::ok);
    over = true;
    watcher_of_status.join();
    CHECK(looked > 0);

    awaited<snapshot_ticket> ticket;
    c.node(c.leader()).snapshot_now(ticket);
    CHECK(ticket.wait().code == errc::ok);
    CHECK(ticket.id.at.index >= index_t{50});
    for (u64 id : {1U, 2U, 3U}) c.stop(id);

    c.start_all();
    CHECK(c.set(60, 160).code == errc::ok);
    for (u64 id : {1U, 2U, 3U}) {
        CHECK(loop_cluster::eventually([&] { return c.value(id, 60) == 160; }));
        CHECK(c.value(id, 49) == 149);
    }
}

TEST_CASE("proposals of many threads are all applied") {
    loop_cluster c(3);
    c.start_all();
    const u64 leader = c.leader();
    std::vector<std::thread> threads;
    for (u32 thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&, thread] {
            for (u32 i = 0; i < 50; ++i) {
                const auto bytes =
                    testing::register_command(testing::register_op::add, 1000 + thread, 1);
                awaited<proposal> wish;
                wish.command = bytes;
                c.node(leader).propose(wish);
                CHECK(wish.wait().code == errc::ok);
            }
        });
    }
    for (std::thread& each : threads) each.join();
    for (u32 thread = 0; thread < 4; ++thread) CHECK(c.value(leader, 1000 + thread) == 50);
}

TEST_CASE("a host's own descriptor is served on the loop, and its turn ends after the operations") {
    loop_cluster c(1);
    c.make(1);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    struct client : watcher {
        loop_node* node = nullptr;
        std::vector<std::byte> bytes = testing::register_command(testing::register_op::set, 1, 42);
        struct wish_t : operation {
            client* owner = nullptr;
        } wish;
        bool asked = false, finished = false;
        std::atomic<bool> turn_ended_after{false};
    } host;
    host.fd = ends[0];
    host.node = &c.node(1);
    host.wish.owner = &host;
    host.ready = [](watcher& self, u32) noexcept {
        client& mine = static_cast<client&>(self);
        char got;
        CHECK(::read(mine.fd, &got, 1) == 1);
        mine.wish.finish = [](operation& op, error how, byte_span) noexcept {
            CHECK(how.code == errc::ok);
            static_cast<client::wish_t&>(op).owner->finished = true;
        };
        mine.node->propose(mine.bytes, mine.wish);
        CHECK_FALSE(mine.finished);  // never inside the call
        mine.asked = true;
    };
    CHECK(c.drive(1).watch(host, poll_in));
    c.drive(1).on_turn_end(
        [](void* with) noexcept {
            client& mine = *static_cast<client*>(with);
            if (mine.finished) mine.turn_ended_after = true;
        },
        &host);
    REQUIRE(c.drive(1).start());
    REQUIRE(c.leader() == 1);
    REQUIRE(::write(ends[1], "x", 1) == 1);
    CHECK(loop_cluster::eventually([&] { return host.turn_ended_after.load(); }));
    c.on_loop_of(1, [&] { c.drive(1).unwatch(host); });
    CHECK(c.value(1, 1) == 42);
    c.stop(1);
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_CASE("a proposal of the turn's end goes out at once, and not when the node would wake again") {
    struct host_t {
        loop_node* node = nullptr;
        std::vector<std::byte> bytes = testing::register_command(testing::register_op::set, 1, 42);
        awaited<operation> wish;
        bool asked = false;
        std::atomic<bool> ask{false};
    } host;  // the loop's thread ends before it
    loop_cluster c(1);
    c.make(1);
    host.node = &c.node(1);
    c.drive(1).on_turn_end(
        [](void* with) noexcept {
            host_t& mine = *static_cast<host_t*>(with);
            if (!mine.ask || mine.asked) return;
            mine.asked = true;
            mine.node->propose(mine.bytes, mine.wish);
        },
        &host);
    REQUIRE(c.drive(1).start());
    REQUIRE(c.leader() == 1);
    node_options sleepy = c.options;
    sleepy.heartbeat_interval = seconds(10);
    sleepy.election_timeout_min = seconds(50);
    sleepy.election_timeout_max = seconds(51);
    sleepy.snapshot_lease = minutes(5);
    REQUIRE(c.node(1).reconfigure(sleepy));
    std::this_thread::sleep_for(std::chrono::milliseconds(1300));  // the log has settled, too
    host.ask = true;
    c.on_loop_of(1, [] {});  // a turn
    const instant began = monotonic_now();
    CHECK(host.wish.wait().code == errc::ok);
    CHECK(monotonic_now() - began < seconds(2));
}

TEST_CASE("log_bytes are the sizes of the log's files, from the start on and when some have gone") {
    basic_loop_cluster<compacting_policies> c(1);
    const auto on_disk = [&] {
        u64 bytes = 0;
        for (const auto& each : std::filesystem::directory_iterator(c.path(1))) {
            if (each.path().filename().string().starts_with("wal-")) bytes += each.file_size();
        }
        return bytes;
    };
    c.start_all();
    REQUIRE(c.leader() == 1);
    const std::vector<std::byte> large(300'000);
    for (u32 k = 0; k < 8; ++k) {
        awaited<proposal> wish;
        wish.command = large;
        c.node(1).propose(wish);
        REQUIRE(wish.wait().code == errc::ok);
    }
    // What another thread sees is a moment old while the node is busy.
    CHECK(loop_cluster::eventually([&] { return c.node(1).status().log_bytes == on_disk(); }));
    const u64 grown = c.node(1).status().log_bytes;
    CHECK(grown >= 2u << 20);
    c.stop(1);

    c.make(1);
    CHECK(c.node(1).status().log_bytes == on_disk());
    REQUIRE(c.drive(1).start());
    REQUIRE(c.leader() == 1);
    awaited<snapshot_ticket> ticket;
    c.node(1).snapshot_now(ticket);
    REQUIRE(ticket.wait().code == errc::ok);
    CHECK(loop_cluster::eventually([&] {
        return c.node(1).status().log_bytes < grown && c.node(1).status().log_bytes == on_disk();
    }));
}

TEST_CASE("what the start plan misses is refused with the file that an operator must look at") {
    namespace fs = std::filesystem;
    basic_loop_cluster<compacting_policies> c(1);
    const std::string snap = c.path(1) + "/snap";
    c.start_all();
    REQUIRE(c.leader() == 1);
    for (u32 k = 0; k < 20; ++k) REQUIRE(c.set(k, k).code == errc::ok);
    awaited<snapshot_ticket> ticket;
    c.node(1).snapshot_now(ticket);
    REQUIRE(ticket.wait().code == errc::ok);
    REQUIRE(loop_cluster::eventually([&] { return c.node(1).status().first.value > 10; }));
    c.stop(1);
    fs::path manifest;
    for (const auto& each : fs::recursive_directory_iterator(snap)) {
        if (each.path().filename() == "manifest.snap") manifest = each.path();
    }
    REQUIRE_FALSE(manifest.empty());
    fs::resize_file(manifest, fs::file_size(manifest) / 2);
    CHECK(c.try_make(1).why().code == errc::corrupt);
    REQUIRE(c.node(1).found() != nullptr);
    CHECK(c.node(1).found()->part == damaged_part::no_snapshot);
    CHECK(c.node(1).found()->file.find("snap-") != std::string::npos);
    c.drop(1);

    fs::remove_all(snap);  // nothing is left that could be named: where the log begins
    CHECK(c.try_make(1).why().code == errc::corrupt);
    REQUIRE(c.node(1).found() != nullptr);
    CHECK(c.node(1).found()->file.find("/wal-") != std::string::npos);
    CHECK(fs::exists(c.node(1).found()->file));
    c.drop(1);
}

TEST_CASE("three nodes whose machines have threads of their own") {
    basic_loop_cluster<threaded_policies> c(3);
    c.start_all();
    std::atomic<bool> over{false};
    const u64 first = c.leader();
    REQUIRE(first != 0);
    std::thread reader([&] {
        while (!over) {
            awaited<operation> read, stale;
            read.deadline = monotonic_now() + seconds(5);
            c.node(first).read(read);
            c.node(first % 3 + 1).read_stale(stale);
            (void)read.wait();
            CHECK(stale.wait().code == errc::ok);
        }
    });
    std::vector<std::thread> writers;
    for (u32 writer = 0; writer < 3; ++writer) {
        writers.emplace_back([&, writer] {
            for (u32 k = 0; k < 60; ++k) CHECK(c.set(100 * writer + k, k + 1).code == errc::ok);
        });
    }
    for (std::thread& each : writers) each.join();
    over = true;
    reader.join();
    awaited<snapshot_ticket> ticket;
    c.node(c.leader()).snapshot_now(ticket);
    CHECK(ticket.wait().code == errc::ok);
    CHECK(ticket.id.at.index >= index_t{180});
    c.stop(first);  // what it applied, captured and answered ends in order
    CHECK(c.set(7, 77).code == errc::ok);
    c.start(first);
    for (u64 id : {1U, 2U, 3U}) {
        CHECK(loop_cluster::eventually([&] { return c.applied_value(id, 7) == 77; }));
        CHECK(c.applied_value(id, 259) == 60);
    }
}

TEST_CASE("a stopped loop refuses what comes late instead of keeping it") {
    loop_cluster c(1);
    c.start_all();
    REQUIRE(c.leader() == 1);
    c.drive(1).stop(seconds(1));
    c.drive(1).join();
    CHECK(c.drive(1).ended());
    awaited<operation> late;
    c.node(1).read(late);
    c.drive(1).refuse_late();
    CHECK(late.wait().code == errc::stopped);
}

TEST_CASE("a directory in use, of another node or of another cluster is refused") {
    loop_cluster c(1);
    c.start_all();
    REQUIRE(c.leader() == 1);
    wal_options log;
    log.directory = c.path(1);
    log.segment_bytes = 1u << 20;
    node_options options = c.node(1).options();
    tcp_options wire;
    wire.listen = "127.0.0.1:0";
    const auto open_again = [&] {
        loop_node other(options, wal(log), tcp_transport(wire), testing::register_map{},
                        file_snapshots(c.path(1) + "/snap"));
        drive::loop<loop_node> drive(other);
        return drive.open().why();
    };
    CHECK(open_again().code == errc::busy);
    c.stop(1);
    options.cluster_name = "another";
    CHECK(open_again().code == errc::foreign);
    options.cluster_name = "";
    options.who.self = {2};
    options.bootstrap->members.push_back({{2}, member_role::voter, member_role::none, 0, ""});
    CHECK(open_again().code == errc::foreign);
    // Another list at a later start is not read.
    options.who.self = {1};
    CHECK(open_again().code == errc::ok);
}
