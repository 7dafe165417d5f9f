#include "options.hpp"

#include <charconv>
#include <fstream>
#include <limits>
#include <set>

#include <raftkit/io/socket.hpp>

namespace kvd {

namespace {

using raftkit::u64;

struct row {
    const char* name;
    const char* value;
    const char* help;
    std::string (*take)(options&, const std::string&);  // why not, or empty
};

bool number(const std::string& text, u64& value) {
    const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), value);
    return why == std::errc{} && end == text.data() + text.size() && !text.empty();
}

std::string take_number(const std::string& text, u64 low, u64 high, u64& into) {
    u64 value = 0;
    if (!number(text, value) || value < low || value > high) {
        const bool open = high == std::numeric_limits<u64>::max();
        return "give a whole number of at least " + std::to_string(low) +
               (open ? "" : " and at most " + std::to_string(high)) + ", not '" + text + "'";
    }
    into = value;
    return {};
}

constexpr u64 no_limit = std::numeric_limits<u64>::max();
constexpr u64 milliseconds_max = 600'000;

std::string take_milliseconds(const std::string& text, u64 low, raftkit::duration& into) {
    u64 value = 0;
    std::string why = take_number(text, low, milliseconds_max, value);
    if (why.empty()) into = raftkit::milliseconds(static_cast<raftkit::i64>(value));
    return why;
}

std::string check_address(const std::string& text) {
    if (raftkit::parse_address(text)) return {};
    return "give an address as HOST:PORT with a numeric host, not '" + text + "'";
}

std::string take_addresses(const std::string& text, std::map<raftkit::node_id, std::string>& into) {
    into.clear();
    std::size_t at = 0;
    while (at <= text.size()) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        const std::string one = text.substr(at, comma - at);
        const std::size_t equals = one.find('=');
        u64 id = 0;
        if (equals == std::string::npos || !number(one.substr(0, equals), id) || id == 0) {
            return "give a list like 1=127.0.0.1:7101,2=127.0.0.1:7102, ids from 1 on, not '" +
                   one + "'";
        }
        if (std::string why = check_address(one.substr(equals + 1)); !why.empty()) return why;
        if (!into.emplace(raftkit::node_id{id}, one.substr(equals + 1)).second) {
            return "id " + std::to_string(id) + " is there twice";
        }
        at = comma + 1;
    }
    if (into.size() > raftkit::peers_max)
        return "at most " + std::to_string(raftkit::peers_max) + " members";
    return {};
}

std::string take_range(options& into, const std::string& text) {
    const std::size_t dash = text.find('-');
    if (dash == std::string::npos) return "give MIN-MAX in milliseconds, not '" + text + "'";
    raftkit::duration low, high;
    if (std::string why = take_milliseconds(text.substr(0, dash), 5, low); !why.empty()) return why;
    if (std::string why = take_milliseconds(text.substr(dash + 1), 5, high); !why.empty())
        return why;
    if (low >= high) return "MIN must be below MAX in '" + text + "'";
    into.election_min = low;
    into.election_max = high;
    return {};
}

std::string take_text(const std::string& text, std::string& into) {
    if (text.empty()) return "must not be empty";
    into = text;
    return {};
}

std::string take_address(const std::string& text, std::string& into) {
    into = text;
    return check_address(text);
}

// The widest row of help says what the default is.
constexpr row table[] = {
    {"id", "N", "this node's id in --cluster (required)",
     [](options& o, const std::string& t) { return take_number(t, 1, no_limit - 1, o.id.value); }},
    {"cluster", "LIST", "id=host:port of every member's peer address (required)",
     [](options& o, const std::string& t) { return take_addresses(t, o.cluster); }},
    {"client", "ADDR", "host:port for clients (required)",
     [](options& o, const std::string& t) { return take_address(t, o.client); }},
    {"data", "DIR", "directory of the log and the snapshots, created if missing (required)",
     [](options& o, const std::string& t) { return take_text(t, o.data); }},
    {"client-peers", "LIST", "id=host:port of the members' client addresses, for redirects",
     [](options& o, const std::string& t) { return take_addresses(t, o.client_peers); }},
    {"cluster-name", "NAME", "nodes of another name are refused (kvd)",
     [](options& o, const std::string& t) { return take_text(t, o.cluster_name); }},
    {"listen", "ADDR", "peer address to bind, where it differs from the one in --cluster",
     [](options& o, const std::string& t) { return take_address(t, o.listen); }},
    {"snapshot-entries", "N", "save a snapshot every N applied entries; 0: by hand only (100000)",
     [](options& o, const std::string& t) {
         return take_number(t, 0, no_limit, o.snapshot_entries);
     }},
    {"trailing", "N", "entries kept in the log behind its end after a save (10000)",
     [](options& o, const std::string& t) { return take_number(t, 0, no_limit, o.trailing); }},
    {"segment-bytes", "N", "size of a log file, 16384 or more (67108864)",
     [](options& o, const std::string& t) {
         return take_number(t, 16 * 1024, u64{4} << 30, o.segment_bytes);
     }},
    {"election-ms", "MIN-MAX", "election timeout (1000-2000)",
     [](options& o, const std::string& t) { return take_range(o, t); }},
    {"heartbeat-ms", "N", "at most MIN/5 (MIN/10)",
     [](options& o, const std::string& t) { return take_milliseconds(t, 1, o.heartbeat); }},
    {"request-ms", "N", "how long a client's request may take (5000)",
     [](options& o, const std::string& t) { return take_milliseconds(t, 1, o.request); }},
    {"max-memory", "BYTES", "keys and values beyond it are refused; 0: no limit (0)",
     [](options& o, const std::string& t) { return take_number(t, 0, no_limit, o.max_memory); }},
    {"value-bytes-max", "N", "longest value (4194304)",
     [](options& o, const std::string& t) {
         return take_number(t, 1, 60u << 20, o.value_bytes_max);
     }},
    {"follower", "redirect|stale", "what a follower does with reads (redirect)",
     [](options& o, const std::string& t) -> std::string {
         if (t != "redirect" && t != "stale") return "give redirect or stale, not '" + t + "'";
         o.stale_followers = t == "stale";
         return {};
     }},
};

const row* find(const std::string& name) {
    for (const row& each : table) {
        if (name == each.name) return &each;
    }
    return nullptr;
}

std::string trimmed(const std::string& text) {
    const std::size_t first = text.find_first_not_of(" \t\r");
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string read_file(const std::string& path, options& into) {
    std::ifstream file(path);
    if (!file) return "can't read the configuration file '" + path + "'";
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
        const std::string where = path + ":" + std::to_string(number) + ": ";
        // A path would end there for the system, and go on in every message.
        if (line.find('\0') != std::string::npos) return where + "there is a zero byte in it";
        line = trimmed(line);
        if (line.empty() || line[0] == '#') continue;
        const std::size_t equals = line.find('=');
        if (equals == std::string::npos) return where + "write it as key = value";
        const std::string name = trimmed(line.substr(0, equals));
        const row* known = find(name);
        if (known == nullptr) return where + "unknown option '" + name + "'; see --help";
        const std::string value = trimmed(line.substr(equals + 1));
        if (const std::string why = known->take(into, value); !why.empty())
            return where + name + ": " + why;
    }
    return {};
}

// What only all options together can say.
std::string check(options& values) {
    if (!values.id) return "--id is missing: give this node's id, e.g. --id 1";
    if (values.cluster.empty())
        return "--cluster is missing: give every member, e.g. --cluster 1=127.0.0.1:7101";
    if (values.cluster.count(values.id) == 0) {
        return "--id " + std::to_string(values.id.value) +
               " is not in --cluster: name one of its members";
    }
    if (values.client.empty())
        return "--client is missing: give an address for clients, e.g. --client 127.0.0.1:6101";
    if (values.data.empty()) return "--data is missing: give a directory for this node alone";
    for (const auto& [id, address] : values.client_peers) {
        if (values.cluster.count(id) == 0) {
            return "--client-peers names id " + std::to_string(id.value) +
                   ", which is not in --cluster";
        }
    }
    if (values.heartbeat.ns == 0) {
        values.heartbeat = std::max(values.election_min / 10, raftkit::milliseconds(1));
    }
    if (values.heartbeat * 5 > values.election_min) {
        return "--heartbeat-ms: at most a fifth of the shortest election timeout (--election-ms "
               "MIN-MAX)";
    }
    return {};
}

}  // namespace

parsed parse_options(int count, char** words) {
    parsed made;
    std::vector<std::pair<const row*, std::string>> given;
    std::string file;
    std::set<std::string> seen;
    const auto wrong = [&](std::string why) {
        made.message = std::move(why);
        return made;
    };
    for (int k = 1; k < count; ++k) {
        std::string name = words[k], value;
        if (name == "--help" || name == "-h") return made.want = wish::help, made;
        if (name == "--version") return made.want = wish::version, made;
        if (name.rfind("--", 0) != 0) return wrong("unexpected word '" + name + "'; see --help");
        name.erase(0, 2);
        const std::size_t equals = name.find('=');
        const bool inline_value = equals != std::string::npos;
        if (inline_value) {
            value = name.substr(equals + 1);
            name.erase(equals);
        }
        const row* known = find(name);
        if (known == nullptr && name != "config")
            return wrong("unknown option '--" + name + "'; see --help");
        if (!inline_value) {
            if (k + 1 == count) return wrong("--" + name + " needs a value; see --help");
            value = words[++k];
        }
        if (!seen.insert(name).second) return wrong("--" + name + " is there twice; give it once");
        if (known == nullptr) {
            file = value;
        } else {
            given.emplace_back(known, value);
        }
    }
    if (!file.empty()) {
        if (std::string why = read_file(file, made.values); !why.empty())
            return wrong(std::move(why));
    }
    for (const auto& [known, value] : given) {
        if (std::string why = known->take(made.values, value); !why.empty()) {
            return wrong("--" + std::string(known->name) + ": " + why);
        }
    }
    if (std::string why = check(made.values); !why.empty()) return wrong(std::move(why));
    made.want = wish::run;
    return made;
}

std::string usage() {
    std::string text =
        "kvd: a replicated key-value server that speaks the Redis protocol\n"
        "usage: kvd --id 1 --cluster 1=HOST:PORT,2=HOST:PORT,3=HOST:PORT --client HOST:PORT --data "
        "DIR\n\n";
    for (const row& each : table) {
        std::string left = "  --" + std::string(each.name) + " " + each.value;
        left.resize(std::max<std::size_t>(left.size() + 1, 28), ' ');
        text += left + each.help + "\n";
    }
    text +=
        "  --config FILE             the same as key = value lines, # comments; the command line "
        "wins\n";
    text +=
        "  --version                 print the version\n  --help                    print this\n\n";
    text +=
        "exit codes: 0 asked to stop, 1 stopped at run time, 2 bad options, 3 data directory "
        "unusable\n";
    return text;
}

}  // namespace kvd
