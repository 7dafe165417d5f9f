#include "options.hpp"

#include <charconv>

#include <raftkit/io/socket.hpp>

namespace kvload {

namespace {

using raftkit::u64;

struct row {
    const char* name;
    const char* value;
    const char* help;
    std::string (*take)(options&, const std::string&);  // why not, or empty
};

std::string take_number(const std::string& text, u64 low, u64 high, u64& into) {
    const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), into);
    const bool whole = why == std::errc{} && end == text.data() + text.size();
    if (whole && into >= low && into <= high) return {};
    return "give a whole number from " + std::to_string(low) + " to " + std::to_string(high) +
           ", not '" + text + "'";
}

std::string take_nodes(const std::string& text, std::vector<std::string>& into) {
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        into.push_back(text.substr(at, comma - at));
        if (!raftkit::parse_address(into.back())) {
            return "give a list like 127.0.0.1:6101,127.0.0.1:6102, not '" + into.back() + "'";
        }
        at = comma + 1;
    }
    return {};
}

// Keys stand in a file of `key value` lines and in a command, so they hold no spaces.
std::string take_prefix(const std::string& text, std::string& into) {
    for (const char c : text) {
        if (c <= ' ' || c > '~') return "only printable characters without spaces";
    }
    into = text;
    return text.empty() ? "must not be empty" : "";
}

std::string take_file(const std::string& text, std::string& into) {
    into = text;
    return text.empty() ? "give a file name" : "";
}

constexpr row table[] = {
    {"nodes", "LIST", "host:port of the nodes' clients, separated by commas (required)",
     [](options& o, const std::string& t) { return take_nodes(t, o.nodes); }},
    {"seconds", "N", "write for so long",
     [](options& o, const std::string& t) { return take_number(t, 1, 86'400, o.seconds); }},
    {"keys", "N", "write until so many keys are acknowledged",
     [](options& o, const std::string& t) { return take_number(t, 1, 100'000'000, o.keys); }},
    {"clients", "N", "connections that write at the same time (8)",
     [](options& o, const std::string& t) { return take_number(t, 1, 1000, o.clients); }},
    {"prefix", "TEXT", "keys begin with it (load); give each run its own",
     [](options& o, const std::string& t) { return take_prefix(t, o.prefix); }},
    {"value-bytes", "N", "length of a value (64)",
     [](options& o, const std::string& t) { return take_number(t, 1, 64u << 20, o.value_bytes); }},
    {"acknowledged", "FILE", "append every acknowledged key and its value to it",
     [](options& o, const std::string& t) { return take_file(t, o.acknowledged); }},
    {"verify", "FILE", "read all keys of such a file back instead of writing",
     [](options& o, const std::string& t) { return take_file(t, o.verify); }},
    {"patience", "N", "seconds that the cluster may take for one key (30)",
     [](options& o, const std::string& t) { return take_number(t, 1, 3600, o.patience_seconds); }},
};

const row* find(const std::string& name) {
    for (const row& each : table) {
        if (name == std::string("--") + each.name) return &each;
    }
    return nullptr;
}

}  // namespace

std::string parse_options(int count, char** words, options& into) {
    for (int k = 1; k < count; k += 2) {
        const std::string name = words[k];
        const row* known = find(name);
        if (known == nullptr) return "unknown option '" + name + "'; see --help";
        if (k + 1 == count) return name + " needs a value; see --help";
        if (std::string why = known->take(into, words[k + 1]); !why.empty()) {
            return name + ": " + why;
        }
    }
    if (into.nodes.empty()) return "--nodes is missing: name the nodes' client addresses";
    if (into.verify.empty() && into.seconds == 0 && into.keys == 0) {
        return "say how long: --seconds or --keys, or what to read back: --verify";
    }
    return {};
}

std::string usage() {
    std::string text =
        "kvload: writes to a kvd cluster, remembers what was acknowledged, and reads it back\n"
        "usage: kvload --nodes HOST:PORT,... --seconds 10 --acknowledged FILE\n"
        "       kvload --nodes HOST:PORT,... --verify FILE\n\n";
    for (const row& each : table) {
        std::string left = "  --" + std::string(each.name) + " " + each.value;
        left.resize(std::max<std::size_t>(left.size() + 1, 24), ' ');
        text += left + each.help + "\n";
    }
    text +=
        "\nexit codes: 0 all is well, 1 an acknowledged key is missing, wrong or unreadable, or "
        "nothing was acknowledged,\n2 bad options\n";
    return text;
}

}  // namespace kvload
