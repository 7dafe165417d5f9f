#include "local_commands.hpp"

#include <algorithm>

#include "info.hpp"
#include "server.hpp"
#include "session.hpp"

namespace kvd {

namespace {

constexpr const char* server_name = "redis";  // what client libraries look for in HELLO
constexpr const char* server_version = "7.0.15";
constexpr const char* syntax = "ERR syntax error";

void hello_reply(session& self) {
    reply_writer reply = self.answer();
    const raftkit::node_status now = self.host().status();
    reply.map(7);
    reply.bulk("server");
    reply.bulk(server_name);
    reply.bulk("version");
    reply.bulk(server_version);
    reply.bulk("proto");
    reply.integer(self.protocol);
    reply.bulk("id");
    reply.integer(static_cast<std::int64_t>(self.id()));
    reply.bulk("mode");
    reply.bulk("cluster");
    reply.bulk("role");
    reply.bulk(now.role == raftkit::role_kind::leader ? "master" : "replica");
    reply.bulk("modules");
    reply.array(0);
}

}  // namespace

void do_ping(session& self, words args) {
    if (args.size() > 2) return self.answer().error(wrong_arity("ping"));
    if (args.size() == 2) return self.answer().bulk(args[1]);
    self.answer().status("PONG");
}

void do_echo(session& self, words args) { self.answer().bulk(args[1]); }

void do_quit(session& self, words) {
    self.answer().status("OK");
    self.close_after_replies();
}

void do_reset(session& self, words) {
    self.reset();
    self.answer().status("RESET");
}

void do_select(session& self, words args) {
    std::int64_t number = 0;
    if (!parse_integer(args[1], number))
        return self.answer().error("ERR value is not an integer or out of range");
    if (number != 0) return self.answer().error("ERR SELECT is not allowed in cluster mode");
    self.answer().status("OK");
}

void do_hello(session& self, words args) {
    int protocol = self.protocol;
    std::string name = self.name;
    std::size_t at = 1;
    if (args.size() > 1) {
        std::int64_t wanted = 0;
        if (!parse_integer(args[1], wanted)) {
            return self.answer().error("ERR Protocol version is not an integer or out of range");
        }
        if (wanted != 2 && wanted != 3)
            return self.answer().error("NOPROTO unsupported protocol version");
        protocol = static_cast<int>(wanted);
        at = 2;
    }
    for (; at < args.size(); ++at) {
        if (same_text(args[at], "setname") && at + 1 < args.size()) {
            name = std::string(args[++at]);
        } else {
            return self.answer().error("ERR Syntax error in HELLO option '" +
                                       std::string(args[at]) + "'");
        }
    }
    self.protocol = protocol;
    self.name = name;
    hello_reply(self);
}

void do_readonly(session& self, words) {
    self.readonly = true;
    self.answer().status("OK");
}

void do_readwrite(session& self, words) {
    self.readonly = false;
    self.answer().status("OK");
}

void do_client(session& self, words args) {
    if (same_text(args[1], "setinfo")) {
        if (args.size() != 4) return self.answer().error(wrong_arity("client|setinfo"));
        return self.answer().status("OK");
    }
    if (same_text(args[1], "setname")) {
        if (args.size() != 3) return self.answer().error(wrong_arity("client|setname"));
        const bool printable =
            std::all_of(args[2].begin(), args[2].end(), [](char c) { return c > ' ' && c <= '~'; });
        if (!printable) {
            return self.answer().error(
                "ERR Client names cannot contain spaces, newlines or special characters.");
        }
        self.name = std::string(args[2]);
        return self.answer().status("OK");
    }
    if (same_text(args[1], "getname")) {
        if (args.size() != 2) return self.answer().error(wrong_arity("client|getname"));
        if (self.name.empty()) return self.answer().null();
        return self.answer().bulk(self.name);
    }
    if (same_text(args[1], "id")) {
        if (args.size() != 2) return self.answer().error(wrong_arity("client|id"));
        return self.answer().integer(static_cast<std::int64_t>(self.id()));
    }
    self.answer().error(unknown_subcommand("client", args[1]));
}

void do_command(session& self, words args) {
    if (args.size() == 1) {
        reply_writer reply = self.answer();
        reply.array(command_table().size());
        for (const command_row& row : command_table()) describe(row, reply);
        return;
    }
    if (same_text(args[1], "count")) {
        return self.answer().integer(static_cast<std::int64_t>(command_table().size()));
    }
    if (same_text(args[1], "docs")) return self.answer().map(0);
    if (same_text(args[1], "info")) {
        reply_writer reply = self.answer();
        reply.array(args.size() - 2);
        for (const std::string_view name : args.subspan(2)) {
            const command_row* row = find_command(name);
            if (row != nullptr) {
                describe(*row, reply);
            } else {
                reply.null_array();
            }
        }
        return;
    }
    self.answer().error(unknown_subcommand("command", args[1]));
}

void do_config(session& self, words args) {
    if (!same_text(args[1], "get"))
        return self.answer().error(unknown_subcommand("config", args[1]));
    if (args.size() < 3) return self.answer().error(wrong_arity("config|get"));
    const std::pair<std::string, std::string> known[] = {
        {"appendonly", "yes"},
        {"appendfsync", "always"},
        {"databases", "1"},
        {"maxmemory", std::to_string(self.host().values().max_memory)},
        {"proto-max-bulk-len", std::to_string(self.host().values().value_bytes_max)},
        {"save", ""}};
    std::vector<const std::pair<std::string, std::string>*> found;
    for (const auto& each : known) {
        for (const std::string_view pattern : args.subspan(2)) {
            if (!glob_matches(lower(pattern), each.first)) continue;
            found.push_back(&each);
            break;
        }
    }
    reply_writer reply = self.answer();
    reply.map(found.size());
    for (const auto* each : found) {
        reply.bulk(each->first);
        reply.bulk(each->second);
    }
}

void do_info(session& self, words args) {
    self.answer().verbatim(info_text(self.host(), args.subspan(1)));
}

void do_role(session& self, words) {
    const raftkit::node_status now = self.host().status();
    reply_writer reply = self.answer();
    const auto place = [&](raftkit::node_id of) {
        return split_address(self.host().client_address(of));
    };
    if (now.role == raftkit::role_kind::leader) {
        reply.array(3);
        reply.bulk("master");
        reply.integer(static_cast<std::int64_t>(now.commit.value));
        reply.array(now.peer_count);
        for (raftkit::u32 k = 0; k < now.peer_count; ++k) {
            const auto [host, port] = place(now.peers[k].id);
            reply.array(3);
            reply.bulk(host);
            reply.bulk(port);
            reply.bulk(std::to_string(now.peers[k].match.value));
        }
        return;
    }
    const auto [host, port] =
        now.leader ? place(now.leader) : std::pair<std::string, std::string>{"", "0"};
    reply.array(5);
    reply.bulk("slave");
    reply.bulk(host);
    std::int64_t number = 0;
    parse_integer(port, number);
    reply.integer(number);
    reply.bulk(now.leader ? "connected" : "connect");
    reply.integer(static_cast<std::int64_t>(now.applied.value));
}

void do_shutdown(session& self, words args) {
    for (const std::string_view each : args.subspan(1)) {
        const bool known = same_text(each, "nosave") || same_text(each, "save") ||
                           same_text(each, "now") || same_text(each, "force");
        if (!known) return self.answer().error(syntax);
    }
    self.host().stopped_by = "SHUTDOWN";
    self.host().ask_to_stop();
    self.close_after_replies();  // as Redis does: the end of the connection is the answer
}

void do_multi(session& self, words) {
    if (self.in_transaction()) return self.answer().error("ERR MULTI calls can not be nested");
    self.begin_transaction();
    self.answer().status("OK");
}

void do_exec(session& self, words) {
    if (!self.in_transaction()) return self.answer().error("ERR EXEC without MULTI");
    self.run_transaction();
}

void do_discard(session& self, words) {
    if (!self.in_transaction()) return self.answer().error("ERR DISCARD without MULTI");
    self.drop_transaction();
    self.answer().status("OK");
}

void do_raft(session& self, words args) {
    const raftkit::node_status now = self.host().status();
    if (same_text(args[1], "status")) return self.answer().verbatim(raft_section(self.host()));
    if (same_text(args[1], "leader")) {
        return self.answer().integer(static_cast<std::int64_t>(now.leader.value));
    }
    if (same_text(args[1], "members")) {
        reply_writer reply = self.answer();
        const std::vector<std::string> lines = member_lines(self.host());
        reply.array(lines.size());
        for (const std::string& each : lines) reply.bulk(each);
        return;
    }
    if (same_text(args[1], "snapshot")) return self.begin_snapshot();
    if (same_text(args[1], "transfer")) {
        std::int64_t to = 0;
        if (args.size() > 3) return self.answer().error(wrong_arity("raft|transfer"));
        if (args.size() == 3 && (!parse_integer(args[2], to) || to <= 0)) {
            return self.answer().error("ERR RAFT TRANSFER: give the id of a member");
        }
        return self.begin_transfer({static_cast<raftkit::u64>(to)});
    }
    self.answer().error(unknown_subcommand("raft", args[1]));
}

void do_snapshot(session& self, words) { self.begin_snapshot(); }

}  // namespace kvd
