#pragma once
// Nodes as a server has them: WAL and snapshots in directories, TCP on loopback, a loop drive each.

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <raftkit/node/drive/loop.hpp>
#include <raftkit/snapshot/store/file.hpp>
#include <raftkit/storage/wal/wal.hpp>
#include <raftkit/testing/machine/register_map.hpp>
#include <raftkit/transport/tcp_transport.hpp>

namespace node_tests {

using namespace raftkit;

struct directory {
    directory() {
        std::string name = std::filesystem::temp_directory_path() / "raftkit-node-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~directory() { std::filesystem::remove_all(path); }
    std::string path;
};

// A port of loopback that was free a moment ago.
inline std::string free_address() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&at), size) == 0);
    REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    ::close(fd);
    return "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
}

struct loop_policies : default_policies {
    trigger::manual trigger{};
};
template <class Policies>
using basic_loop_node = node<wal, tcp_transport, testing::register_map, file_snapshots, Policies>;

// A request that another thread waits for.
template <class Request>
struct awaited : Request {
    awaited() : Request(&awaited::end) {}
    static void end(operation& self, error why, byte_span) noexcept {
        awaited& mine = static_cast<awaited&>(self);
        const std::lock_guard hold(mine.guard);
        mine.how = why;
        mine.done = true;
        mine.ended.notify_all();
    }
    error wait() {
        std::unique_lock hold(guard);
        if (!ended.wait_for(hold, std::chrono::seconds(30), [&] { return done; }))
            return {errc::busy, 0, "test"};
        return how;
    }
    std::mutex guard;
    std::condition_variable ended;
    bool done = false;
    error how;
};

template <class Policies>
class basic_loop_cluster {
public:
    using loop_node = basic_loop_node<Policies>;

    explicit basic_loop_cluster(u64 count) : seats_(count) {
        options.heartbeat_interval = milliseconds(20);
        options.election_timeout_min = milliseconds(200);
        options.election_timeout_max = milliseconds(400);
        for (u64 id = 1; id <= count; ++id) {
            addresses_.push_back({{id}, free_address()});
            members_.members.push_back(
                {{id}, member_role::voter, member_role::none, 0, addresses_.back().second});
        }
    }
    ~basic_loop_cluster() {
        for (u64 id = 1; id <= seats_.size(); ++id) stop(id);
    }

    loop_node& node(u64 id) { return *seats_[id - 1].up; }
    drive::loop<loop_node>& drive(u64 id) { return *seats_[id - 1].drive; }
    std::string path(u64 id) const { return files_.path + "/" + std::to_string(id); }

    void make(u64 id) { REQUIRE(try_make(id).why().code == errc::ok); }
    result<void> try_make(u64 id) {
        seat& one = seats_[id - 1];
        options.who.self = {id};
        options.bootstrap = members_;
        wal_options log;
        log.directory = path(id);
        log.segment_bytes = 1u << 20;
        log.spare_segments = 1;
        tcp_options wire;
        wire.listen = addresses_[id - 1].second;
        wire.addresses = addresses_;
        one.up = std::make_unique<loop_node>(options, wal(log), tcp_transport(wire),
                                             testing::register_map{},
                                             file_snapshots(path(id) + "/snap"), Policies{});
        one.drive = std::make_unique<drive::loop<loop_node>>(*one.up);
        return one.drive->open();
    }
    void start(u64 id) {
        make(id);
        REQUIRE(drive(id).start().why().code == errc::ok);
    }
    void start_all() {
        for (u64 id = 1; id <= seats_.size(); ++id) start(id);
    }
    void stop(u64 id) {
        seat& one = seats_[id - 1];
        if (one.drive == nullptr) return;
        one.drive->stop(seconds(2));
        one.drive->join();
        one.drive.reset();
        one.up.reset();
    }
    // One that did not open.
    void drop(u64 id) {
        seats_[id - 1].drive.reset();
        seats_[id - 1].up.reset();
    }
    // 0 if nobody leads for half a minute.
    u64 leader() {
        for (u32 tries = 0; tries < 3000; ++tries) {
            for (u64 id = 1; id <= seats_.size(); ++id) {
                if (seats_[id - 1].drive != nullptr && node(id).status().serving_reads) return id;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return 0;
    }
    error set(u32 key, u64 value) {
        const auto bytes = testing::register_command(testing::register_op::set, key, value);
        for (u32 tries = 0; tries < 500; ++tries) {
            awaited<proposal> wish;
            wish.command = bytes;
            node(leader()).propose(wish);
            const error how = wish.wait();
            if (outcome_of(how.code) != outcome::not_done) return how;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return {errc::busy, 0, "test"};
    }
    // Where the machine is applied, as the end of a stale read.
    u64 applied_value(u64 id, u32 key) {
        struct look : awaited<operation> {
            basic_loop_cluster* of = nullptr;
            u64 id = 0, seen = 0;
            u32 key = 0;
        } barrier;
        barrier.of = this;
        barrier.id = id;
        barrier.key = key;
        barrier.finish = [](operation& self, error how, byte_span bytes) noexcept {
            look& mine = static_cast<look&>(self);
            const auto& values = mine.of->node(mine.id).machine().state().values;
            const auto found = values.find(mine.key);
            if (!how && found != values.end()) mine.seen = found->second;
            awaited<operation>::end(self, how, bytes);
        };
        node(id).read_stale(barrier);
        (void)barrier.wait();
        return barrier.seen;
    }
    // On the loop of `id`, behind a stale read.
    u64 value(u64 id, u32 key) {
        struct look : awaited<operation> {
        } barrier;
        node(id).read_stale(barrier);
        if (barrier.wait()) return 0;
        u64 seen = 0;
        on_loop_of(id, [&] {
            const auto& values = node(id).machine().state().values;
            const auto found = values.find(key);
            seen = found != values.end() ? found->second : 0;
        });
        return seen;
    }
    template <class Do>
    void on_loop_of(u64 id, Do&& act) {
        struct job : awaited<operation> {
            Do* act = nullptr;
        } work;
        work.act = &act;
        work.finish = [](operation& self, error how, byte_span bytes) noexcept {
            (*static_cast<job&>(self).act)();
            awaited<operation>::end(self, how, bytes);
        };
        drive(id).run(work);
        CHECK(work.wait().code == errc::ok);
    }
    node_options options;  // of the next one that is made

    template <class Enough>
    static bool eventually(Enough&& enough) {
        for (u32 tries = 0; tries < 2000; ++tries) {
            if (enough()) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return false;
    }

private:
    struct seat {
        std::unique_ptr<loop_node> up;
        std::unique_ptr<drive::loop<loop_node>> drive;
    };
    directory files_;
    std::vector<std::pair<node_id, std::string>> addresses_;
    configuration members_;
    std::vector<seat> seats_;
};
using loop_node = basic_loop_node<loop_policies>;
using loop_cluster = basic_loop_cluster<loop_policies>;

}  // namespace node_tests
