#include "commands.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "data_commands.hpp"
#include "local_commands.hpp"

namespace kvd {

namespace {

constexpr unsigned rf = read_flag | fast_flag, wm = write_flag | denyoom_flag;
constexpr unsigned any = stale_flag | loading_flag;  // every node, always
constexpr unsigned con = any | no_multi_flag;

// code, name, arity, flags, first key, last key, step, group, data handler, local handler
constexpr command_row table[] = {
    {1, "get", 2, rf, 1, 1, 1, "string", do_get, nullptr},
    {2, "set", -3, wm, 1, 1, 1, "string", do_set, nullptr},
    {3, "setnx", 3, wm | fast_flag, 1, 1, 1, "string", do_setnx, nullptr},
    {4, "mget", -2, rf, 1, -1, 1, "string", do_mget, nullptr},
    {5, "mset", -3, wm, 1, -1, 2, "string", do_mset, nullptr},
    {6, "del", -2, write_flag, 1, -1, 1, "generic", do_del, nullptr},
    {7, "exists", -2, rf, 1, -1, 1, "generic", do_exists, nullptr},
    {8, "incr", 2, wm | fast_flag, 1, 1, 1, "string", do_incr, nullptr},
    {9, "decr", 2, wm | fast_flag, 1, 1, 1, "string", do_decr, nullptr},
    {10, "incrby", 3, wm | fast_flag, 1, 1, 1, "string", do_incrby, nullptr},
    {11, "decrby", 3, wm | fast_flag, 1, 1, 1, "string", do_decrby, nullptr},
    {12, "append", 3, wm | fast_flag, 1, 1, 1, "string", do_append, nullptr},
    {13, "strlen", 2, rf, 1, 1, 1, "string", do_strlen, nullptr},
    {14, "scan", -2, read_flag, 0, 0, 0, "generic", do_scan, nullptr},
    {15, "flushall", -1, write_flag, 0, 0, 0, "server", do_flushall, nullptr},
    {16, "dbsize", 1, rf, 0, 0, 0, "server", do_dbsize, nullptr},

    {0, "ping", -1, any | fast_flag, 0, 0, 0, "connection", nullptr, do_ping},
    {0, "echo", 2, any | fast_flag, 0, 0, 0, "connection", nullptr, do_echo},
    {0, "quit", -1, con | fast_flag, 0, 0, 0, "connection", nullptr, do_quit},
    {0, "reset", 1, con | fast_flag, 0, 0, 0, "connection", nullptr, do_reset},
    {0, "select", 2, any | fast_flag, 0, 0, 0, "connection", nullptr, do_select},
    {0, "hello", -1, con | fast_flag, 0, 0, 0, "connection", nullptr, do_hello},
    {0, "readonly", 1, con | fast_flag, 0, 0, 0, "cluster", nullptr, do_readonly},
    {0, "readwrite", 1, con | fast_flag, 0, 0, 0, "cluster", nullptr, do_readwrite},
    {0, "client", -2, con | admin_flag, 0, 0, 0, "connection", nullptr, do_client},
    {0, "command", -1, any, 0, 0, 0, "server", nullptr, do_command},
    {0, "config", -2, any | admin_flag, 0, 0, 0, "server", nullptr, do_config},
    {0, "info", -1, any, 0, 0, 0, "server", nullptr, do_info},
    {0, "role", 1, any | admin_flag, 0, 0, 0, "server", nullptr, do_role},
    {0, "shutdown", -1, con | admin_flag, 0, 0, 0, "server", nullptr, do_shutdown},
    {0, "multi", 1, con | fast_flag, 0, 0, 0, "transactions", nullptr, do_multi},
    {0, "exec", 1, con, 0, 0, 0, "transactions", nullptr, do_exec},
    {0, "discard", 1, con | fast_flag, 0, 0, 0, "transactions", nullptr, do_discard},
    {0, "cluster", -2, any, 0, 0, 0, "cluster", nullptr, do_cluster},
    {0, "sentinel", -2, any | admin_flag, 0, 0, 0, "sentinel", nullptr, do_sentinel},
    {0, "raft", -2, con | admin_flag, 0, 0, 0, "raft", nullptr, do_raft},
    {0, "snapshot", 1, con | admin_flag, 0, 0, 0, "raft", nullptr, do_snapshot},
};

constexpr std::array<std::uint16_t, 256> make_crc16() {
    std::array<std::uint16_t, 256> made{};
    for (unsigned byte = 0; byte < 256; ++byte) {
        unsigned crc = byte << 8;
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1;
        made[byte] = static_cast<std::uint16_t>(crc);
    }
    return made;
}
constexpr std::array<std::uint16_t, 256> crc16_table = make_crc16();

}  // namespace

std::span<const command_row> command_table() { return table; }

const command_row* find_command(std::string_view name) {
    // SET and GET are most of all traffic, and the rows are few: a scan that looks at the length
    // first is enough.
    for (const command_row& row : table) {
        if (same_text(row.name, name)) return &row;
    }
    return nullptr;
}

const command_row* find_command(std::uint8_t code) {
    for (const command_row& row : table) {
        if (row.code == code && code != 0) return &row;
    }
    return nullptr;
}

bool arity_fits(const command_row& row, std::size_t count) {
    const auto have = static_cast<long>(count);
    return row.arity >= 0 ? have == row.arity : have >= -row.arity;
}

std::string unknown_command(words args) {
    std::string text = "ERR unknown command '" + std::string(args[0].substr(0, 128)) +
                       "', with args beginning with: ";
    for (std::size_t k = 1; k < args.size() && text.size() < 256; ++k) {
        text += "'" + std::string(args[k].substr(0, 128)) + "' ";
    }
    // An error is one line, whatever the client sent.
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
    return text;
}

std::string unknown_subcommand(std::string_view container, std::string_view subcommand) {
    std::string name(container);
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    std::string text = "ERR unknown subcommand '" + std::string(subcommand.substr(0, 128)) +
                       "'. Try " + name + " HELP.";
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
    return text;
}

std::string wrong_arity(std::string_view name) {
    return "ERR wrong number of arguments for '" + lower(name) + "' command";
}

void describe(const command_row& row, reply_writer& reply) {
    static constexpr std::pair<unsigned, const char*> names[] = {
        {write_flag, "write"},     {read_flag, "readonly"},    {denyoom_flag, "denyoom"},
        {fast_flag, "fast"},       {admin_flag, "admin"},      {stale_flag, "stale"},
        {loading_flag, "loading"}, {no_multi_flag, "no_multi"}};
    reply.array(10);
    reply.bulk(row.name);
    reply.integer(row.arity);
    reply.set(
        static_cast<std::size_t>(std::count_if(std::begin(names), std::end(names), [&](auto& each) {
            return (row.flags & each.first) != 0;
        })));
    for (const auto& [flag, name] : names) {
        if ((row.flags & flag) != 0) reply.status(name);
    }
    reply.integer(row.first_key);
    reply.integer(row.last_key);
    reply.integer(row.step);
    reply.set(1);
    reply.status("@" + std::string(row.group));
    for (int empty = 0; empty < 3; ++empty) reply.set(0);  // tips, key specifications, subcommands
}

unsigned key_slot(std::string_view key) {
    if (const std::size_t open = key.find('{'); open != std::string_view::npos) {
        const std::size_t close = key.find('}', open + 1);
        if (close != std::string_view::npos && close != open + 1)
            key = key.substr(open + 1, close - open - 1);
    }
    unsigned crc = 0;
    for (const char c : key) {
        crc =
            ((crc << 8) & 0xffff) ^ crc16_table[(crc >> 8 ^ static_cast<unsigned char>(c)) & 0xff];
    }
    return crc % 16384;
}

unsigned slot_of(const command_row& row, words args) {
    const auto first = static_cast<std::size_t>(row.first_key);
    return first != 0 && first < args.size() ? key_slot(args[first]) : 0;
}

std::string lower(std::string_view text) {
    std::string made(text);
    for (char& c : made) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return made;
}

bool same_text(std::string_view a, std::string_view b) {
    const auto fold = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                              [&](char x, char y) { return fold(x) == fold(y); });
}

// Redis's rule: the whole text, no sign '+', no leading zeros, no spaces.
bool parse_integer(std::string_view text, std::int64_t& value) {
    if (text.empty() || text.size() > 20) return false;
    const std::string_view digits = text[0] == '-' ? text.substr(1) : text;
    if (digits.empty() || (digits[0] == '0' && text.size() > 1)) return false;
    const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), value);
    return why == std::errc{} && end == text.data() + text.size();
}

bool glob_matches(std::string_view pattern, std::string_view text) {
    // A star remembers where to go on from; only the last one ever needs to be tried again.
    std::size_t p = 0, t = 0, star = std::string_view::npos, star_text = 0;
    const auto one = [&](std::size_t& at,
                         char c) {  // does the element at `at` match c? moves behind it
        if (pattern[at] == '?') return ++at, true;
        if (pattern[at] == '[') {
            std::size_t k = at + 1;
            const bool negated = k < pattern.size() && pattern[k] == '^';
            if (negated) ++k;
            bool found = false;
            for (; k < pattern.size() && pattern[k] != ']'; ++k) {
                if (pattern[k] == '\\' && k + 1 < pattern.size()) ++k;
                if (k + 2 < pattern.size() && pattern[k + 1] == '-' && pattern[k + 2] != ']') {
                    const char low = std::min(pattern[k], pattern[k + 2]),
                               high = std::max(pattern[k], pattern[k + 2]);
                    found |= c >= low && c <= high;
                    k += 2;
                } else {
                    found |= pattern[k] == c;
                }
            }
            at = k < pattern.size() ? k + 1 : k;
            return found != negated;
        }
        if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
        return pattern[at++] == c;
    };
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = ++p;
            star_text = t;
            continue;
        }
        std::size_t behind = p;
        if (p < pattern.size() && one(behind, text[t])) {
            p = behind;
            ++t;
            continue;
        }
        if (star == std::string_view::npos) return false;
        p = star;
        t = ++star_text;
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

}  // namespace kvd
