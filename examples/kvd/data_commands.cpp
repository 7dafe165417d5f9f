#include "data_commands.hpp"

#include <limits>
#include <optional>
#include <vector>

#include "keyspace.hpp"

namespace kvd {

namespace {

using raftkit::as_bytes;
using raftkit::as_text;

constexpr const char* not_an_integer = "ERR value is not an integer or out of range";
constexpr const char* syntax = "ERR syntax error";

std::optional<std::string_view> value_of(data_call& call, std::string_view key) {
    const auto found = call.data.values().find(key);
    if (!found) return std::nullopt;
    return as_text(*found);
}

void bulk_or_null(reply_writer& reply, const std::optional<std::string_view>& value) {
    if (value) {
        reply.bulk(*value);
    } else {
        reply.null();
    }
}

struct set_options {
    bool only_new = false, only_old = false, get = false;
};

// NX, XX and GET; everything else that Redis knows needs clocks, and is refused before it is
// logged.
bool parse(words args, set_options& options) {
    for (std::size_t k = 3; k < args.size(); ++k) {
        if (same_text(args[k], "nx") && !options.only_old) {
            options.only_new = true;
        } else if (same_text(args[k], "xx") && !options.only_new) {
            options.only_old = true;
        } else if (same_text(args[k], "get")) {
            options.get = true;
        } else {
            return false;
        }
    }
    return true;
}

void add(data_call& call, std::int64_t by) {
    const auto before = value_of(call, call.args[1]);
    std::int64_t value = 0;
    if (before && !parse_integer(*before, value)) return call.reply.error(not_an_integer);
    if (__builtin_add_overflow(value, by, &value)) {
        return call.reply.error("ERR increment or decrement would overflow");
    }
    call.data.values().insert(call.args[1], as_bytes(std::to_string(value)));
    call.reply.integer(value);
}

struct scan_options {
    std::uint64_t cursor = 0;
    std::int64_t count = 10;
    std::string_view pattern = "*";
    bool strings = true;  // TYPE of anything else finds nothing
};

const char* parse(words args, scan_options& options) {
    std::uint64_t cursor = 0;
    if (args[1].empty() || args[1].size() > 20) return "ERR invalid cursor";
    for (const char c : args[1]) {
        if (c < '0' || c > '9') return "ERR invalid cursor";
        cursor = cursor * 10 + static_cast<std::uint64_t>(c - '0');
    }
    options.cursor = cursor;
    for (std::size_t k = 2; k < args.size(); k += 2) {
        if (k + 1 == args.size()) return syntax;
        if (same_text(args[k], "count")) {
            if (!parse_integer(args[k + 1], options.count)) return not_an_integer;
            if (options.count < 1) return syntax;
        } else if (same_text(args[k], "match")) {
            options.pattern = args[k + 1];
        } else if (same_text(args[k], "type")) {
            options.strings = same_text(args[k + 1], "string");
        } else {
            return syntax;
        }
    }
    return nullptr;
}

bool flushall_fits(words args) {
    return args.size() == 1 ||
           (args.size() == 2 && (same_text(args[1], "sync") || same_text(args[1], "async")));
}

}  // namespace

std::string syntax_error(const command_row& row, words args) {
    const std::string_view name = row.name;
    std::int64_t number = 0;
    if (name == "set") {
        set_options options;
        return parse(args, options) ? "" : syntax;
    }
    if (name == "mset" && args.size() % 2 == 0) return wrong_arity(name);
    if ((name == "incrby" || name == "decrby") && !parse_integer(args[2], number))
        return not_an_integer;
    if (name == "decrby" && number == std::numeric_limits<std::int64_t>::min()) {
        return "ERR decrement would overflow";
    }
    if (name == "scan") {
        scan_options options;
        const char* why = parse(args, options);
        return why != nullptr ? why : "";
    }
    if (name == "flushall" && !flushall_fits(args)) return syntax;
    return "";
}

void do_get(data_call& call) { bulk_or_null(call.reply, value_of(call, call.args[1])); }

void do_set(data_call& call) {
    set_options options;
    if (!parse(call.args, options)) return call.reply.error(syntax);
    const auto before = value_of(call, call.args[1]);
    const bool refused = (options.only_new && before) || (options.only_old && !before);
    if (options.get) {
        bulk_or_null(call.reply, before);
    } else if (refused) {
        call.reply.null();
    } else {
        call.reply.status("OK");
    }
    if (!refused) call.data.values().insert(call.args[1], as_bytes(call.args[2]));
}

void do_setnx(data_call& call) {
    const bool fresh = !call.data.values().contains(call.args[1]);
    if (fresh) call.data.values().insert(call.args[1], as_bytes(call.args[2]));
    call.reply.integer(fresh ? 1 : 0);
}

void do_mget(data_call& call) {
    call.reply.array(call.args.size() - 1);
    for (const std::string_view key : call.args.subspan(1))
        bulk_or_null(call.reply, value_of(call, key));
}

void do_mset(data_call& call) {
    if (call.args.size() % 2 == 0) return call.reply.error(wrong_arity("mset"));
    for (std::size_t k = 1; k + 1 < call.args.size(); k += 2) {
        call.data.values().insert(call.args[k], as_bytes(call.args[k + 1]));
    }
    call.reply.status("OK");
}

void do_del(data_call& call) {
    std::int64_t gone = 0;
    for (const std::string_view key : call.args.subspan(1))
        gone += call.data.values().erase(key) ? 1 : 0;
    call.reply.integer(gone);
}

void do_exists(data_call& call) {
    std::int64_t found = 0;
    for (const std::string_view key : call.args.subspan(1))
        found += call.data.values().contains(key) ? 1 : 0;
    call.reply.integer(found);
}

void do_incr(data_call& call) { add(call, 1); }
void do_decr(data_call& call) { add(call, -1); }

void do_incrby(data_call& call) {
    std::int64_t by = 0;
    if (!parse_integer(call.args[2], by)) return call.reply.error(not_an_integer);
    add(call, by);
}

void do_decrby(data_call& call) {
    std::int64_t by = 0;
    if (!parse_integer(call.args[2], by)) return call.reply.error(not_an_integer);
    if (by == std::numeric_limits<std::int64_t>::min())
        return call.reply.error("ERR decrement would overflow");
    add(call, -by);
}

void do_append(data_call& call) {
    std::string value(value_of(call, call.args[1]).value_or(""));
    value += call.args[2];
    call.data.values().insert(call.args[1], as_bytes(value));
    call.reply.integer(static_cast<std::int64_t>(value.size()));
}

void do_strlen(data_call& call) {
    const auto value = value_of(call, call.args[1]);
    call.reply.integer(value ? static_cast<std::int64_t>(value->size()) : 0);
}

void do_scan(data_call& call) {
    scan_options options;
    if (const char* why = parse(call.args, options)) return call.reply.error(why);
    std::vector<std::string_view> keys;
    const auto count = static_cast<raftkit::u32>(std::min<std::int64_t>(options.count, 1'000'000));
    const std::uint64_t next = call.data.values().scan(
        options.cursor, count, [&](std::string_view key, raftkit::byte_span) {
            if (options.strings && glob_matches(options.pattern, key)) keys.push_back(key);
        });
    call.reply.array(2);
    call.reply.bulk(std::to_string(next));
    call.reply.array(keys.size());
    for (const std::string_view key : keys) call.reply.bulk(key);
}

void do_flushall(data_call& call) {
    if (!flushall_fits(call.args)) return call.reply.error(syntax);
    call.data.values().clear();
    call.reply.status("OK");
}

void do_dbsize(data_call& call) {
    call.reply.integer(static_cast<std::int64_t>(call.data.values().size()));
}

}  // namespace kvd
