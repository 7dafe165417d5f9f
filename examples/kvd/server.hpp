#pragma once
// One kvd: a node of the kit, its clients' sockets on the node's own loop, and what both need of
// each other. Everything here runs on the loop thread.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <raftkit/io/poller.hpp>
#include <raftkit/node/status.hpp>
#include <raftkit/port/operation.hpp>

#include "keyspace.hpp"
#include "options.hpp"

namespace kvd {

class session;

class server {
public:
    explicit server(const options& values);
    server(server&&) = delete;
    ~server();

    // Opens the data directory and both ports. The error's message was printed; the value is the
    // exit code.
    int open();
    // Serves until somebody asks to stop; returns the exit code.
    int run();
    // From a signal handler or a command: hand over, save, leave.
    void ask_to_stop() noexcept;

    // For sessions and commands.
    const options& values() const { return options_; }
    raftkit::node_status status() const;
    bool serving() const { return serving_; }
    bool leading() const { return leading_; }
    const keyspace& data() const;
    raftkit::instant deadline() const;
    void propose(raftkit::byte_span entry, raftkit::operation& done);
    void read(raftkit::operation& done);
    void snapshot(raftkit::snapshot_ticket& done);
    void transfer(raftkit::leadership_transfer& done);
    std::vector<std::pair<raftkit::node_id, std::string>> members() const;  // id, role
    std::string member_ids() const;                                         // 1,2,3
    std::string peer_address(raftkit::node_id of) const;
    std::string client_address(raftkit::node_id of) const;  // its peer address if no other is known
    std::string moved(raftkit::node_id leader,
                      unsigned slot) const;  // the error for what only a leader does
    raftkit::u64 connections() const { return connections_; }
    raftkit::u64 commands_seen = 0, connections_seen = 0;
    std::string stopped_by = "SIGTERM";

    // Sockets. A session that wants to write says so once a turn.
    void change(session& who, raftkit::u32 events);
    void flush_later(session& who);
    void forget(session& who);

    // Requests that are under way; above it sessions read no more.
    raftkit::u64 bytes_under_way = 0;
    bool busy() const { return bytes_under_way > bytes_under_way_max; }

private:
    static constexpr raftkit::u64 bytes_under_way_max = 16u << 20;
    struct host;

    options options_;
    bool serving_ = false, leading_ = false;
    raftkit::u64 connections_ = 0;
    std::unique_ptr<host> host_;
};

}  // namespace kvd
