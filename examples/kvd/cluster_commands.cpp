// CLUSTER and SENTINEL: what makes the cluster and sentinel modes of client libraries follow the
// leader by themselves. There is one shard: all slots belong to the leader, the others are its
// replicas.

#include <string>
#include <utility>
#include <vector>

#include "info.hpp"
#include "local_commands.hpp"
#include "server.hpp"
#include "session.hpp"

namespace kvd {

namespace {

struct place {
    raftkit::node_id id;
    std::string host, port, name;
};

// Redis names nodes by 40 hexadecimal digits.
std::string node_name(raftkit::node_id id) {
    static const char* digits = "0123456789abcdef";
    std::string name(40, '0');
    for (std::size_t at = 40; id.value != 0 && at > 0; id.value /= 16)
        name[--at] = digits[id.value % 16];
    return name;
}

place place_of(session& self, raftkit::node_id id) {
    const auto [host, port] = split_address(self.host().client_address(id));
    return {id, host, port, node_name(id)};
}

std::int64_t port_number(const place& of) {
    std::int64_t port = 0;
    parse_integer(of.port, port);
    return port;
}

// The leader first; empty without one.
std::vector<place> nodes(session& self, raftkit::node_id leader) {
    std::vector<place> made;
    if (leader) made.push_back(place_of(self, leader));
    for (const auto& [id, role] : self.host().members()) {
        if (id != leader) made.push_back(place_of(self, id));
    }
    return made;
}

void slots(session& self, raftkit::node_id leader) {
    reply_writer reply = self.answer();
    if (!leader) return reply.array(0);
    const std::vector<place> all = nodes(self, leader);
    reply.array(1);
    reply.array(2 + all.size());
    reply.integer(0);
    reply.integer(16383);
    for (const place& each : all) {
        reply.array(4);
        reply.bulk(each.host);
        reply.integer(port_number(each));
        reply.bulk(each.name);
        reply.array(0);
    }
}

void shards(session& self, raftkit::node_id leader) {
    reply_writer reply = self.answer();
    const std::vector<place> all = nodes(self, leader);
    reply.array(1);
    reply.map(2);
    reply.bulk("slots");
    reply.array(leader ? 2 : 0);
    if (leader) {
        reply.integer(0);
        reply.integer(16383);
    }
    reply.bulk("nodes");
    reply.array(all.size());
    for (const place& each : all) {
        reply.map(7);
        reply.bulk("id");
        reply.bulk(each.name);
        reply.bulk("port");
        reply.integer(port_number(each));
        reply.bulk("ip");
        reply.bulk(each.host);
        reply.bulk("endpoint");
        reply.bulk(each.host);
        reply.bulk("role");
        reply.bulk(each.id == leader ? "master" : "replica");
        reply.bulk("replication-offset");
        reply.integer(0);
        reply.bulk("health");
        reply.bulk("online");
    }
}

void node_lines(session& self, raftkit::node_id leader) {
    std::string text;
    for (const place& each : nodes(self, leader)) {
        const bool me = each.id == self.host().values().id;
        const bool leads = each.id == leader;
        std::string bus = split_address(self.host().peer_address(each.id)).second;
        text += each.name + " " + each.host + ":" + each.port + "@" + bus + " " +
                (me ? "myself," : "") +
                (leads ? "master - "
                       : "slave " + (leader ? node_name(leader) : std::string("-")) + " ") +
                "0 0 1 connected" + (leads ? " 0-16383" : "") + "\n";
    }
    self.answer().verbatim(text);
}

void cluster_info(session& self, const raftkit::node_status& now) {
    std::string text = "cluster_enabled:1\r\ncluster_state:";
    text += now.leader ? "ok" : "fail";
    text += "\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:";
    text += now.leader ? "16384" : "0";
    text += "\r\ncluster_slots_pfail:0\r\ncluster_slots_fail:0\r\ncluster_known_nodes:";
    text += std::to_string(self.host().members().size());
    text += "\r\ncluster_size:1\r\ncluster_current_epoch:" + std::to_string(now.term.value);
    text += "\r\ncluster_my_epoch:" + std::to_string(now.term.value) + "\r\n";
    self.answer().verbatim(text);
}

// A node as SENTINEL describes it; client libraries read name, ip, port and flags.
void describe_node(reply_writer& reply, const std::string& name, const place& of,
                   const char* flags) {
    reply.map(5);
    reply.bulk("name");
    reply.bulk(name);
    reply.bulk("ip");
    reply.bulk(of.host);
    reply.bulk("port");
    reply.bulk(of.port);
    reply.bulk("runid");
    reply.bulk(of.name);
    reply.bulk("flags");
    reply.bulk(flags);
}

}  // namespace

void do_cluster(session& self, words args) {
    const raftkit::node_status now = self.host().status();
    if (same_text(args[1], "slots")) return slots(self, now.leader);
    if (same_text(args[1], "shards")) return shards(self, now.leader);
    if (same_text(args[1], "nodes")) return node_lines(self, now.leader);
    if (same_text(args[1], "info")) return cluster_info(self, now);
    if (same_text(args[1], "myid")) return self.answer().bulk(node_name(self.host().values().id));
    if (same_text(args[1], "keyslot")) {
        if (args.size() != 3) return self.answer().error(wrong_arity("cluster|keyslot"));
        return self.answer().integer(key_slot(args[2]));
    }
    self.answer().error(unknown_subcommand("cluster", args[1]));
}

void do_sentinel(session& self, words args) {
    const raftkit::node_status now = self.host().status();
    const bool asks_address = same_text(args[1], "get-master-addr-by-name");
    const bool asks_master = same_text(args[1], "master"),
               asks_replicas = same_text(args[1], "replicas");
    const bool asks_sentinels = same_text(args[1], "sentinels");
    if (!asks_address && !asks_master && !asks_replicas && !asks_sentinels) {
        return self.answer().error(unknown_subcommand("sentinel", args[1]));
    }
    if (args.size() != 3) return self.answer().error(wrong_arity("sentinel|" + lower(args[1])));
    const std::string name(args[2]);
    if (name != self.host().values().cluster_name) {
        if (asks_address) return self.answer().null_array();
        return self.answer().error("ERR No such master with that name");
    }
    if (asks_address || asks_master) {
        if (!now.leader) {
            if (asks_address) return self.answer().null_array();
            return self.answer().error("ERR No such master with that name");
        }
        const place leader = place_of(self, now.leader);
        reply_writer reply = self.answer();
        if (asks_master) return describe_node(reply, name, leader, "master");
        reply.array(2);
        reply.bulk(leader.host);
        return reply.bulk(leader.port);
    }
    // Every other node is a replica, and every other node is a sentinel too: all answer on the same
    // port.
    std::vector<place> others;
    for (const place& each : nodes(self, {})) {
        const bool left_out =
            asks_replicas ? each.id == now.leader : each.id == self.host().values().id;
        if (!left_out) others.push_back(each);
    }
    reply_writer reply = self.answer();
    reply.array(others.size());
    for (const place& each : others) {
        describe_node(reply, each.host + ":" + each.port, each,
                      asks_replicas ? "slave" : "sentinel");
    }
}

}  // namespace kvd
