#pragma once
// The rules of the house that a machine can check. Each is a function from a path and a text to
// findings, so that the tidy test can show it bad text as well as the tree. Paths are relative to
// the project, with slashes.

#include "support/source_text.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tidy {

struct finding {
    std::string path;
    std::size_t line;
    std::string what;
};

using findings = std::vector<finding>;

inline constexpr std::string_view header_root = "include/raftkit/";

// The folder below include/raftkit; empty for headers at the top.
inline std::string_view layer_of(std::string_view path) {
    if (!path.starts_with(header_root)) return {};
    path.remove_prefix(header_root.size());
    const std::size_t slash = path.find('/');
    return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// base <- {core io} <- port <- concepts <- {policy storage snapshot transport session} <- node <-
// testing
inline const std::map<std::string_view, std::set<std::string_view>>& layers_below() {
    using layers = std::set<std::string_view>;
    static const layers common = {"base", "core", "io", "port", "concepts"};
    static const layers under_node = {"base",   "core",    "io",       "port",      "concepts",
                                      "policy", "storage", "snapshot", "transport", "session"};
    static const layers under_testing = [] {
        layers all = under_node;
        all.insert("node");
        return all;
    }();
    static const std::map<std::string_view, layers> below = {
        {"base", {}},
        {"core", {"base"}},
        {"io", {"base"}},
        {"port", {"base", "core", "io"}},
        {"concepts", {"base", "core", "io", "port"}},
        {"policy", common},
        {"storage", common},
        {"snapshot", common},
        {"transport", common},
        {"session", common},
        {"node", under_node},
        {"testing", under_testing},
        {"adapters", under_testing},
    };
    return below;
}

// Arrows point down. config.hpp knows nobody; fwd.hpp names types for everybody, so it stands on
// base alone.
inline findings layer_arrows(const std::string& path, std::string_view text) {
    findings found;
    const std::string_view layer = layer_of(path);
    if (!layer.empty() && !layers_below().contains(layer)) {
        return {{path, 1, "the folder is no layer of the design"}};
    }
    for (const include_line& include : includes_of(text)) {
        if (include.quoted) {
            found.push_back({path, include.line, "headers are included as <raftkit/...>"});
            continue;
        }
        if (!include.name.starts_with("raftkit/")) continue;
        const std::string target = "include/" + include.name;
        const std::string_view target_layer = layer_of(target);
        const bool floor =
            target == "include/raftkit/config.hpp" || target == "include/raftkit/fwd.hpp";
        bool allowed = false;
        if (path == "include/raftkit/config.hpp") {
            allowed = false;
        } else if (path == "include/raftkit/fwd.hpp") {
            allowed = target_layer == "base" || target == "include/raftkit/config.hpp";
        } else if (layer.empty()) {
            allowed = target_layer != "testing";
        } else {
            allowed =
                floor || target_layer == layer || layers_below().at(layer).contains(target_layer);
        }
        if (!allowed)
            found.push_back({path, include.line, "must not include <" + include.name + ">"});
    }
    return found;
}

// Headers that cost 165 to 430 ms of parsing each, in the layers that everybody includes.
inline findings banned_headers(const std::string& path, std::string_view text) {
    static const std::set<std::string_view> dear = {
        "functional",         "ranges",     "memory", "chrono", "thread", "iostream",
        "condition_variable", "filesystem", "future"};
    static const std::set<std::string_view> strict_layers = {"base", "core", "port", "concepts"};
    findings found;
    if (!strict_layers.contains(layer_of(path))) return found;
    for (const include_line& include : includes_of(text)) {
        const bool lock = include.name == "mutex" && path != "include/raftkit/port/mailbox.hpp";
        if (lock || dear.contains(include.name)) {
            found.push_back({path, include.line, "<" + include.name + "> is banned in this layer"});
        }
    }
    return found;
}

// No virtual functions, std::function, exceptions or RTTI outside adapters/.
inline findings banned_words(const std::string& path, std::string_view text) {
    findings found;
    if (layer_of(path) == "adapters") return found;
    const std::string code = code_of(text);
    const auto report = [&](std::size_t at, std::string_view word) {
        found.push_back({path, line_at(code, at), "'" + std::string(word) + "' is banned"});
    };
    for (std::string_view word : {"virtual", "throw", "dynamic_cast", "typeid"}) {
        for (std::size_t at : places_of(code, word)) report(at, word);
    }
    for (std::size_t at : places_of(code, "std::function")) report(at, "std::function");
    for (std::size_t at : places_of(code, "try")) {
        if (next_after(code, at + 3) == '{') report(at, "try");
    }
    return found;
}

// System calls live in io/, where the simulator can replace them. `::name(` is how the house writes
// one.
inline findings system_calls(const std::string& path, std::string_view text) {
    static const std::set<std::string_view> system_headers = {
        "unistd.h", "fcntl.h",  "poll.h",  "netdb.h", "dirent.h", "pthread.h",
        "sched.h",  "signal.h", "csignal", "spawn.h", "termios.h"};
    static constexpr std::array<std::string_view, 20> names = {
        "pread",     "pwrite",     "preadv",    "pwritev", "readv",   "writev",       "fsync",
        "fdatasync", "ftruncate",  "fallocate", "mmap",    "munmap",  "ioctl",        "fcntl",
        "eventfd",   "epoll_wait", "epoll_ctl", "syscall", "recvmsg", "clock_gettime"};
    findings found;
    if (layer_of(path) == "io") return found;
    for (const include_line& include : includes_of(text)) {
        const std::string_view name = include.name;
        const bool folder = name.starts_with("sys/") || name.starts_with("netinet/") ||
                            name.starts_with("arpa/") || name.starts_with("linux/");
        if (folder || system_headers.contains(name)) {
            found.push_back({path, include.line, "<" + include.name + "> belongs to io/"});
        }
    }
    const std::string code = code_of(text);
    for (std::size_t at = code.find("::"); at != std::string::npos; at = code.find("::", at + 2)) {
        const char before = at == 0 ? '\0' : code[at - 1];
        std::size_t end = at + 2;
        while (end < code.size() && is_word(code[end])) ++end;
        const bool global = !is_word(before) && before != '>';
        if (!global || end == at + 2 || next_after(code, end) != '(') continue;
        const std::string call = code.substr(at, end - at);
        found.push_back({path, line_at(code, at), "the system call " + call + " belongs to io/"});
    }
    for (std::string_view name : names) {
        for (std::size_t at : places_of(code, name)) {
            const char before = last_before(code, at);
            const bool member = before == '.' || before == '>' || before == ':' || is_word(before);
            if (member || next_after(code, at + name.size()) != '(') continue;
            found.push_back({path, line_at(code, at),
                             "the system call " + std::string(name) + " belongs to io/"});
        }
    }
    return found;
}

// A header's functions and variables are one for the whole program: inline, never per translation
// unit.
inline findings internal_linkage(const std::string& path, std::string_view text) {
    findings found;
    const std::string code = declarations_of(text);
    std::vector<bool> scopes;  // true: a namespace, false: anything else in braces
    std::size_t begin = 0;     // of the statement that is being read
    for (std::size_t at = 0; at < code.size(); ++at) {
        const char c = code[at];
        if (c == '{') {
            const std::string_view head = std::string_view(code).substr(begin, at - begin);
            const bool is_namespace = !places_of(head, "namespace").empty();
            if (is_namespace && is_word(last_before(head, head.size())) &&
                head.substr(0, head.find_last_not_of(" \n\t") + 1).ends_with("namespace")) {
                found.push_back({path, line_at(code, at), "an anonymous namespace in a header"});
            }
            scopes.push_back(is_namespace);
        } else if (c == '}' && !scopes.empty()) {
            scopes.pop_back();
        }
        if (c == '{' || c == '}' || c == ';') begin = at + 1;
        const bool word_begins = is_word(c) && (at == 0 || !is_word(code[at - 1]));
        if (!word_begins || std::ranges::find(scopes, false) != scopes.end()) continue;
        const std::string_view rest = std::string_view(code).substr(at);
        if (rest.starts_with("static") && (rest.size() == 6 || !is_word(rest[6]))) {
            found.push_back({path, line_at(code, at), "'static' at namespace scope in a header"});
        }
    }
    return found;
}

inline findings too_long(const std::string& path, std::string_view text) {
    constexpr std::size_t lines_max = 400;
    const std::size_t count = lines_of(text).size();
    if (count <= lines_max) return {};
    return {{path, count, std::to_string(count) + " lines; 400 are the limit"}};
}

inline findings too_wide(const std::string& path, std::string_view text) {
    constexpr std::ptrdiff_t columns_max = 100;
    findings found;
    std::size_t number = 0;
    for (std::string_view line : lines_of(text)) {
        ++number;
        // A UTF-8 character is one column, however many bytes continue it.
        const auto columns = std::ranges::count_if(
            line, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
        if (columns > columns_max) {
            found.push_back(
                {path, number, std::to_string(columns) + " columns; 100 are the limit"});
        }
    }
    return found;
}

// Unfinished work is finished or written down elsewhere. (The words are spelt in halves to pass
// themselves.)
inline findings unfinished(const std::string& path, std::string_view text) {
    findings found;
    for (std::string_view word : {"TO"
                                  "DO",
                                  "FIX"
                                  "ME",
                                  "XX"
                                  "X"}) {
        for (std::size_t at : places_of(text, word)) {
            found.push_back({path, line_at(text, at), std::string(word) + " is left in the file"});
        }
    }
    return found;
}

// A header begins with #pragma once and a paragraph that says what it is, in either order.
inline findings header_opening(const std::string& path, std::string_view text) {
    findings found;
    bool pragma = false;
    bool paragraph = false;
    for (std::string_view line : lines_of(text)) {
        if (line == "#pragma once") {
            pragma = true;
        } else if (line.starts_with("//")) {
            paragraph = true;
        } else if (!line.empty()) {
            break;
        }
    }
    if (!pragma) found.push_back({path, 1, "#pragma once is missing at the top"});
    if (!paragraph) found.push_back({path, 1, "no paragraph says what the header is"});
    return found;
}

}  // namespace tidy
