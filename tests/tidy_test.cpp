// The house rules that can be read off the source: every rule is first shown text that breaks it,
// then the tree.

#include "support/source_rules.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using tidy::findings;

struct source {
    std::string path;
    std::string text;
};

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    REQUIRE_MESSAGE(file.is_open(), path.string());
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The files below `folder` with one of these endings; what tools install or build is not ours.
std::vector<source> sources_in(const std::string& folder, const std::set<std::string>& endings) {
    const fs::path root = RAFTKIT_SOURCE_DIRECTORY;
    std::vector<source> sources;
    if (!fs::exists(root / folder)) return sources;
    fs::recursive_directory_iterator walk(root / folder);
    for (; walk != fs::recursive_directory_iterator(); ++walk) {
        const std::string name = walk->path().filename().string();
        if (walk->is_directory() && (name == "node_modules" || name == "build")) {
            walk.disable_recursion_pending();
        } else if (walk->is_regular_file() && endings.contains(walk->path().extension().string())) {
            sources.push_back(
                {fs::relative(walk->path(), root).generic_string(), read(walk->path())});
        }
    }
    return sources;
}

const std::vector<source>& headers() {
    static const std::vector<source> all = sources_in("include/raftkit", {".hpp"});
    return all;
}

std::vector<source> all_code() {
    std::vector<source> all = headers();
    for (const char* folder : {"tests", "examples", "bench"}) {
        for (source& file : sources_in(folder, {".hpp", ".cpp"})) all.push_back(std::move(file));
    }
    return all;
}

using rule = findings (*)(const std::string&, std::string_view);

void check_all(const std::vector<source>& sources, rule check) {
    REQUIRE_FALSE(sources.empty());
    for (const source& file : sources) {
        for (const tidy::finding& bad : check(file.path, file.text)) {
            FAIL_CHECK(bad.path << ":" << bad.line << ": " << bad.what);
        }
    }
}

bool refuses(rule check, const std::string& path, std::string_view text) {
    return !check("include/raftkit/" + path, text).empty();
}

}  // namespace

TEST_CASE("includes point to the own layer or to layers below") {
    using tidy::layer_arrows;
    CHECK(refuses(layer_arrows, "base/ring.hpp", "#include <raftkit/core/log.hpp>\n"));
    CHECK(refuses(layer_arrows, "core/log.hpp", "#include <raftkit/io/files.hpp>\n"));
    CHECK(refuses(layer_arrows, "core/log.hpp", "  #  include <raftkit/port/events.hpp>\n"));
    CHECK(refuses(layer_arrows, "storage/memory.hpp", "#include <raftkit/snapshot/pins.hpp>\n"));
    CHECK(refuses(layer_arrows, "node/node.hpp", "#include <raftkit/testing/script.hpp>\n"));
    CHECK(refuses(layer_arrows, "raftkit.hpp", "#include <raftkit/testing/script.hpp>\n"));
    CHECK(refuses(layer_arrows, "config.hpp", "#include <raftkit/base/result.hpp>\n"));
    CHECK(refuses(layer_arrows, "fwd.hpp", "#include <raftkit/core/log.hpp>\n"));
    CHECK(refuses(layer_arrows, "core/log.hpp", "#include \"types.hpp\"\n"));
    CHECK(refuses(layer_arrows, "utilities/log.hpp", ""));
    CHECK_FALSE(refuses(layer_arrows, "core/log.hpp",
                        "#include <vector>\n#include <raftkit/base/ring.hpp>\n"
                        "#include <raftkit/core/types.hpp>\n#include <raftkit/config.hpp>\n"));
    CHECK_FALSE(refuses(layer_arrows, "node/node.hpp", "#include <raftkit/snapshot/pins.hpp>\n"));
    check_all(headers(), layer_arrows);
}

TEST_CASE("base, core, port and concepts include no expensive standard header") {
    using tidy::banned_headers;
    CHECK(refuses(banned_headers, "core/log.hpp", "#include <functional>\n"));
    CHECK(refuses(banned_headers, "base/ring.hpp", "#include <memory>\n"));
    CHECK(refuses(banned_headers, "port/events.hpp", "#include <mutex>\n"));
    CHECK_FALSE(refuses(banned_headers, "port/mailbox.hpp", "#include <mutex>\n"));
    CHECK_FALSE(refuses(banned_headers, "io/files.hpp", "#include <memory>\n"));
    check_all(headers(), banned_headers);
}

TEST_CASE("no virtual functions, std::function, exceptions or RTTI outside the adapters") {
    using tidy::banned_words;
    CHECK(refuses(banned_words, "core/log.hpp", "struct a { virtual int f(); };"));
    CHECK(refuses(banned_words, "core/log.hpp", "std::function<void()> f;"));
    CHECK(refuses(banned_words, "core/log.hpp", "int f() { throw 1; }"));
    CHECK(refuses(banned_words, "core/log.hpp", "int f() { try\n { } catch (...) { } }"));
    CHECK(refuses(banned_words, "core/log.hpp", "auto* b = dynamic_cast<b*>(a);"));
    CHECK(refuses(banned_words, "core/log.hpp", "auto x = typeid(int).name();"));
    CHECK_FALSE(refuses(banned_words, "core/log.hpp",
                        "// never throw; try { } is for others\n"
                        "/* virtual */ auto a = \"typeid \\\" throw\"; auto b = R\"(virtual)\";\n"
                        "int c = 1'000; auto d = new (std::nothrow) int; bool try_lock();"));
    CHECK(refuses(banned_words, "core/log.hpp", "int a = 1'000; virtual f(); int b = 1'000;"));
    CHECK_FALSE(refuses(banned_words, "core/log.hpp", "auto a = R\"x(\" virtual)x\";"));
    CHECK_FALSE(refuses(banned_words, "adapters/a.hpp", "struct a { virtual int f(); };"));
    check_all(headers(), banned_words);
}

TEST_CASE("system calls stay in the io layer") {
    using tidy::system_calls;
    CHECK(refuses(system_calls, "storage/wal/wal.hpp", "#include <unistd.h>\n"));
    CHECK(refuses(system_calls, "storage/wal/wal.hpp", "#include <sys/socket.h>\n"));
    CHECK(refuses(system_calls, "storage/wal/wal.hpp", "int f() { return ::open(path, 0); }"));
    CHECK(refuses(system_calls, "storage/wal/wal.hpp", "int f() { return ::unknown_call (1); }"));
    CHECK(refuses(system_calls, "storage/wal/wal.hpp", "int f() { if (fsync(3)) {} }"));
    CHECK_FALSE(refuses(system_calls, "storage/wal/wal.hpp",
                        "auto r = files_.open(path); std::move(r); s<int>::make(); // ::open(\n"
                        "f.fsync(1); result<int> fsync(int); int writev(int);"));
    CHECK_FALSE(refuses(system_calls, "io/files.hpp", "#include <unistd.h>\nint a = ::fsync(1);"));
    check_all(headers(), system_calls);
}

TEST_CASE("nothing in a header has internal linkage") {
    using tidy::internal_linkage;
    CHECK(refuses(internal_linkage, "core/log.hpp", "namespace {\nint f();\n}"));
    CHECK(refuses(internal_linkage, "core/log.hpp", "namespace a { namespace\n{ int f(); } }"));
    CHECK(refuses(internal_linkage, "core/log.hpp", "static int f() { return 1; }"));
    CHECK(
        refuses(internal_linkage, "core/log.hpp",
                "#define OPEN namespace x {\nnamespace a { struct b { int c; }; static int d; }"));
    CHECK_FALSE(
        refuses(internal_linkage, "core/log.hpp",
                "#define OPEN \\\n namespace {\nnamespace a::b { struct c { static int d(); };\n"
                "inline int f() { static const int once = 1; return once; }\n"
                "static_assert(true); }"));
    check_all(headers(), internal_linkage);
}

TEST_CASE("a header begins with pragma once and a paragraph") {
    using tidy::header_opening;
    CHECK(refuses(header_opening, "core/log.hpp", "// A log.\n#include <vector>\n#pragma once\n"));
    CHECK(refuses(header_opening, "core/log.hpp", "#pragma once\n#include <vector>\n// A log.\n"));
    CHECK_FALSE(refuses(header_opening, "core/log.hpp", "#pragma once\n// A log.\n\nint a;\n"));
    CHECK_FALSE(refuses(header_opening, "core/log.hpp", "// A log.\n#pragma once\nint a;\n"));
    check_all(headers(), header_opening);
}

TEST_CASE("no file is longer than 400 lines") {
    std::string text;
    for (int line = 0; line < 400; ++line) text += "int a;\n";
    CHECK_FALSE(refuses(tidy::too_long, "core/log.hpp", text));
    CHECK(refuses(tidy::too_long, "core/log.hpp", text + "\n"));
    check_all(all_code(), tidy::too_long);
}

TEST_CASE("the first program that a user reads has at most 25 lines of code") {
    std::size_t count = 0;
    const std::string program = read(fs::path(RAFTKIT_SOURCE_DIRECTORY) / "examples/hello.cpp");
    const auto code = tidy::code_of(program);  // the lines are views into it
    for (std::string_view line : tidy::lines_of(code)) {
        count += line.find_first_not_of(" \t") != std::string_view::npos;
    }
    CHECK(count > 5);
    CHECK(count <= 25);
}

TEST_CASE("no line is wider than 100 columns") {
    const std::string wide(100, 'a');
    CHECK_FALSE(refuses(tidy::too_wide, "core/log.hpp", wide + "\n" + wide));
    CHECK_FALSE(refuses(tidy::too_wide, "core/log.hpp", std::string(99, 'a') + "\u2190"));
    CHECK(refuses(tidy::too_wide, "core/log.hpp", "\n" + wide + "a"));
    check_all(all_code(), tidy::too_wide);
}

TEST_CASE("nothing is marked as unfinished") {
    CHECK(refuses(tidy::unfinished, "core/log.hpp",
                  "// TO"
                  "DO: later\n"));
    CHECK(refuses(tidy::unfinished, "core/log.hpp",
                  "int a;  // FIX"
                  "ME"));
    CHECK_FALSE(refuses(tidy::unfinished, "core/log.hpp", "// a MASTODON\n"));
    for (const char* folder : {"include", "tests", "examples", "bench"}) {
        for (const source& file :
             sources_in(folder, {".hpp", ".cpp", ".md", ".txt", ".cmake", ".sh", ".py", ".js"})) {
            for (const tidy::finding& bad : tidy::unfinished(file.path, file.text)) {
                FAIL_CHECK(bad.path << ":" << bad.line << ": " << bad.what);
            }
        }
    }
}

TEST_CASE("every layer folder has a README with a picture") {
    std::set<std::string> layers;
    for (const source& file : headers()) layers.emplace(tidy::layer_of(file.path));
    layers.erase("");
    REQUIRE_FALSE(layers.empty());
    for (const std::string& layer : layers) {
        const fs::path readme =
            fs::path(RAFTKIT_SOURCE_DIRECTORY) / "include/raftkit" / layer / "README.md";
        CHECK_MESSAGE(fs::exists(readme), readme.string());
        if (!fs::exists(readme)) continue;
        CHECK_MESSAGE(read(readme).find("```") != std::string::npos, readme.string());
    }
}
