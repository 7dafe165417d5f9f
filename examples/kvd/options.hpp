#pragma once
// The command line and the configuration file: one table of options for both. The command line
// wins.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <raftkit/base/instant.hpp>
#include <raftkit/base/result.hpp>
#include <raftkit/core/types.hpp>

namespace kvd {

struct options {
    raftkit::node_id id;
    std::map<raftkit::node_id, std::string> cluster;       // peer addresses
    std::map<raftkit::node_id, std::string> client_peers;  // where the other nodes' clients are
    std::string client, data, listen, cluster_name = "kvd";
    raftkit::u64 snapshot_entries = 100'000;
    raftkit::u64 trailing = 10'000;
    raftkit::u64 segment_bytes = 64u << 20;
    raftkit::duration election_min = raftkit::seconds(1), election_max = raftkit::seconds(2);
    raftkit::duration heartbeat{};  // 0: election_min / 10
    raftkit::duration request = raftkit::seconds(5);
    raftkit::u64 max_memory = 0;  // 0: no limit
    raftkit::u64 value_bytes_max = 4u << 20;
    bool stale_followers = false;
};

enum class wish { run, help, version, wrong };

struct parsed {
    wish want = wish::wrong;
    options values;
    std::string message;  // wrong: what to do about it
};

parsed parse_options(int count, char** words);
std::string usage();

}  // namespace kvd
