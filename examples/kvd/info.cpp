#include "info.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <raftkit/config.hpp>
#include <raftkit/io/clock.hpp>

#include "server.hpp"

namespace kvd {

namespace {

using raftkit::node_status;
using raftkit::role_kind;

class lines {
public:
    void title(const char* name) {
        text += (text.empty() ? "# " : "\r\n# ") + std::string(name) + end;
    }
    template <class Value>
    void add(const char* name, const Value& value) {
        if constexpr (std::is_arithmetic_v<Value>) {
            text += std::string(name) + ":" + std::to_string(value) + end;
        } else {
            text += std::string(name) + ":" + std::string(value) + end;
        }
    }
    const char* end = "\r\n";
    std::string text;
};

void server_section(server& of, lines& out) {
    out.title("Server");
    out.add("redis_version", "7.0.15");
    out.add("kvd_version", RAFTKIT_VERSION_STRING);
    out.add("redis_mode", "cluster");
    out.add("process_id", static_cast<long>(::getpid()));
    out.add("tcp_port", split_address(of.values().client).second);
}

void clients_section(server& of, lines& out) {
    out.title("Clients");
    out.add("connected_clients", of.connections());
}

void memory_section(server& of, lines& out) {
    out.title("Memory");
    out.add("used_memory", of.data().values().bytes());
    out.add("maxmemory", of.values().max_memory);
}

// Client libraries wait until `loading` is 0 and a replica's link is up.
void persistence_section(server& of, lines& out) {
    out.title("Persistence");
    out.add("loading", of.serving() ? 0 : 1);
    out.add("aof_enabled", 1);
}

void stats_section(server& of, lines& out) {
    out.title("Stats");
    out.add("total_connections_received", of.connections_seen);
    out.add("total_commands_processed", of.commands_seen);
}

void replication_section(server& of, lines& out) {
    const node_status now = of.status();
    const bool leads = now.role == role_kind::leader;
    out.title("Replication");
    out.add("role", leads ? "master" : "slave");
    if (leads) {
        out.add("connected_slaves", now.peer_count);
    } else if (now.leader) {
        const auto [host, port] = split_address(of.client_address(now.leader));
        out.add("master_host", host);
        out.add("master_port", port);
        out.add("master_link_status", "up");
    }
    out.add("master_repl_offset", now.applied.value);
}

void cluster_section(server&, lines& out) {
    out.title("Cluster");
    out.add("cluster_enabled", 1);
}

void keyspace_section(server& of, lines& out) {
    out.title("Keyspace");
    const raftkit::u64 keys = of.data().values().size();
    if (keys != 0) out.add("db0", "keys=" + std::to_string(keys) + ",expires=0,avg_ttl=0");
}

// As the files are now: recycled ones leave, and a node that only reads adds none.
raftkit::u64 log_file_bytes(const std::string& directory) {
    raftkit::u64 bytes = 0;
    std::error_code ignored;
    for (const auto& each : std::filesystem::directory_iterator(directory, ignored)) {
        if (!each.path().filename().string().starts_with("wal-")) continue;
        const auto size = each.file_size(ignored);  // it may just have gone
        if (!ignored) bytes += size;
    }
    return bytes;
}

void raft_lines(server& of, lines& out) {
    const node_status now = of.status();
    out.title("Raft");
    out.add("role", raftkit::name_of(now.role));
    out.add("term", now.term.value);
    out.add("leader_id", now.leader.value);
    out.add("commit_index", now.commit.value);
    out.add("applied_index", now.applied.value);
    out.add("last_log_index", now.last.value);
    out.add("first_log_index", now.first.value);
    out.add("snapshot_index", now.newest_snapshot.at.index.value);
    out.add("snapshot_term", now.newest_snapshot.at.term.value);
    out.add("members", of.member_ids());
    out.add("wal_bytes", log_file_bytes(of.values().data));
    out.add("snapshot_bytes", now.snapshot_bytes);
    out.add("snapshots_saved", now.snapshots_saved);
    out.add("snapshots_installed", now.snapshots_installed);
}

struct section {
    const char* name;
    void (*write)(server&, lines&);
};
constexpr section sections[] = {{"server", server_section},   {"clients", clients_section},
                                {"memory", memory_section},   {"persistence", persistence_section},
                                {"stats", stats_section},     {"replication", replication_section},
                                {"cluster", cluster_section}, {"keyspace", keyspace_section},
                                {"raft", raft_lines}};

}  // namespace

std::string info_text(server& of, words wanted) {
    const auto named = [&](std::string_view name) {
        return std::any_of(wanted.begin(), wanted.end(),
                           [&](std::string_view each) { return same_text(each, name); });
    };
    const bool all = wanted.empty() || named("all") || named("everything") || named("default");
    lines out;
    for (const section& each : sections) {
        // Libraries take INFO for one dictionary of CRLF lines, and want Redis's `role` in it
        // (master or slave), not Raft's, which comes later. Its section has lines all the same.
        if (all && each.write == raft_lines) out.end = "\n";
        if (all || named(each.name)) each.write(of, out);
    }
    return out.text;
}

std::string raft_section(server& of) {
    lines out;
    raft_lines(of, out);
    return out.text;
}

std::vector<std::string> member_lines(server& of) {
    const node_status now = of.status();
    std::vector<std::string> made;
    for (const auto& [id, role] : of.members()) {
        const std::string what = id == now.leader ? "leader" : role;
        made.push_back(std::to_string(id.value) + " " + what + " " + of.peer_address(id) + " " +
                       of.client_address(id));
    }
    return made;
}

std::pair<std::string, std::string> split_address(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    if (colon == std::string::npos) return {address, "0"};
    std::string host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    return {host, address.substr(colon + 1)};
}

}  // namespace kvd
