// What the kit ships and what its conformance tests take through the suites are the same: a new
// storage, transport, machine, store, policy or executor that no suite has seen fails here.

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <support/source_text.hpp>

namespace {

namespace fs = std::filesystem;
const fs::path root = RAFTKIT_SOURCE_DIRECTORY;

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    REQUIRE_MESSAGE(file.is_open(), path.string());
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A part is known by the member that only its concept asks for.
struct kind_of_part {
    const char* member;  // as the house writes it
    const char* test;    // where all of them have to be named
};
constexpr kind_of_part kinds[] = {
    {"persist(const persist_batch&", "tests/storage/conformance_test.cpp"},
    {"send(const bulk_envelope&", "tests/testing/conform/transport_test.cpp"},
    {"restore(const snapshot_meta&", "tests/testing/conform/state_machine_test.cpp"},
    {"next(std::span<std::byte>", "tests/testing/conform/state_machine_test.cpp"},
    {"<snapshot_manifest>> list()", "tests/snapshot/store_conformance_test.cpp"},
    {"trigger_verdict due(", "tests/testing/conform/policies_test.cpp"},
    {"index_t keep_from(", "tests/testing/conform/policies_test.cpp"},
    {"bool keeps(const kept_snapshot&", "tests/testing/conform/policies_test.cpp"},
    {"instant admit(", "tests/testing/conform/policies_test.cpp"},
    {"clash_verdict decide(", "tests/testing/conform/policies_test.cpp"},
    {"damage_verdict decide(", "tests/testing/conform/policies_test.cpp"},
    {"void run(operation&", "tests/testing/conform/executor_test.cpp"},
};

// Not parts that somebody chooses, and why no suite sees them alone.
const std::map<std::string, std::string> exempt = {
    {"worker", "the inside of thread_executor"},
    {"applier", "hands a machine its restores"},
    {"snapshot_desk", "orders restores"},
    {"loop", "runs what a node submits"},
    {"node", "hands its requests on"},
    {"core_disk", "the disk of bare cores, late on purpose"},
    {"observed_wal", "a witness around basic_wal: every simulated run judges it"},
    {"observed_snapshots", "a witness around file_snapshots: every simulated run judges it"},
    {"sim_machine", "a witness around register_map: every simulated run judges it"},
    {"sim_transport", "leaves its mail to the seat: every simulated run judges it"},
};

// The name in a line like `class name {`, `struct name : base {`; empty if it is no such line.
std::string class_begun_by(std::string_view line) {
    for (const std::string_view word : {"class ", "struct "}) {
        if (!line.starts_with(word) || line.find('{') == std::string_view::npos) continue;
        std::size_t end = word.size();
        while (end < line.size() && tidy::is_word(line[end])) ++end;
        return std::string(line.substr(word.size(), end - word.size()));
    }
    return {};
}

// The classes at namespace scope of one header that have the member, each with its other names.
std::map<std::string, std::set<std::string>> classes_with(const std::string& code,
                                                          std::string_view member) {
    std::map<std::string, std::set<std::string>> found;
    std::string around;
    for (const std::string_view line : tidy::lines_of(code)) {
        if (const std::string begun = class_begun_by(line); !begun.empty()) around = begun;
        if (line.starts_with("}")) around.clear();
        if (!around.empty() && line.find(member) != std::string_view::npos)
            found[around].insert(around);
    }
    for (const std::string_view line : tidy::lines_of(code)) {
        if (!line.starts_with("using ") || line.find(" = ") == std::string_view::npos) continue;
        const std::string name(line.substr(6, line.find(" = ") - 6));
        for (auto& [part, names] : found) {
            const std::string target(line.substr(line.find(" = ") + 3));
            if (target.starts_with(part + "<")) names.insert(name);
        }
    }
    return found;
}

// Path and code, without comments and literals.
std::map<std::string, std::string> shipped_headers() {
    std::map<std::string, std::string> all;
    for (const char* folder :
         {"storage", "transport", "snapshot", "policy", "node", "testing/machine", "testing/sim"}) {
        for (const auto& each :
             fs::recursive_directory_iterator(root / "include/raftkit" / folder)) {
            if (each.path().extension() == ".hpp")
                all[each.path().string()] = tidy::code_of(read(each.path()));
        }
    }
    return all;
}

}  // namespace

TEST_CASE("a class is found by a member, with its aliases, and not by a member of another") {
    const std::string code =
        "class basic_part {\npublic:\n    struct inner {\n        int x;\n    };\n"
        "    trigger_verdict due(int);\n};\nusing part = basic_part<int>;\n"
        "struct other : base {\n    int x;\n};\nint due_of(part&);\n";
    const auto found = classes_with(code, "trigger_verdict due(");
    REQUIRE(found.size() == 1);
    CHECK(found.begin()->first == "basic_part");
    CHECK(found.begin()->second == std::set<std::string>{"basic_part", "part"});
    CHECK(classes_with(code, "int y;").empty());
}

TEST_CASE("every part that the kit ships is named in its conformance test") {
    const std::map<std::string, std::string> headers = shipped_headers();
    std::size_t parts = 0;
    std::set<std::string> excused;
    for (const kind_of_part& kind : kinds) {
        const std::string test = tidy::code_of(read(root / kind.test));
        std::size_t of_this_kind = 0;
        for (const auto& [header, code] : headers) {
            for (const auto& [part, names] : classes_with(code, kind.member)) {
                if (exempt.contains(part)) {
                    excused.insert(part);
                    continue;
                }
                bool named = false;
                for (const std::string& name : names)
                    named = named || !tidy::places_of(test, name).empty();
                CHECK_MESSAGE(named, part, " of ", header, " is not in ", std::string(kind.test));
                ++of_this_kind;
            }
        }
        CHECK_MESSAGE(of_this_kind != 0, "nothing has `", std::string(kind.member),
                      "`: the member is written in another way now");
        parts += of_this_kind;
    }
    CHECK(parts >= 40);
    for (const auto& [part, why] : exempt)
        CHECK_MESSAGE(excused.contains(part), part, " needs no excuse (", why, ")");
}
