// The table in tests/README.md: every scenario and every known bug of other systems, and the tests
// that cover it. The tests say so themselves, in comments; the table says it the other way round,
// and this test compares the two. RAFTKIT_REWRITE=1 writes the third column anew.
#include "support/coverage.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

namespace {

namespace fs = std::filesystem;
using namespace coverage;

const std::string readme_path = RAFTKIT_SOURCE_DIRECTORY "/tests/README.md";

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    REQUIRE_MESSAGE(file.is_open(), path.string());
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// What all tests claim, sorted.
std::vector<claim> all_claims() {
    const fs::path root = RAFTKIT_SOURCE_DIRECTORY "/tests";
    std::vector<claim> all;
    fs::recursive_directory_iterator walk(root);
    for (; walk != fs::recursive_directory_iterator(); ++walk) {
        const fs::path& path = walk->path();
        if (walk->is_directory() && path.filename() == "node_modules")
            walk.disable_recursion_pending();
        const std::string file = fs::relative(path, root).generic_string();
        const bool script =
            path.extension() == ".txt" && path.parent_path().filename() == "scripts";
        const bool cpp = file.ends_with("_test.cpp"), python = path.extension() == ".py";
        if (!walk->is_regular_file() || (!cpp && !python && !script)) continue;
        const language in = cpp ? language::cpp : python ? language::python : language::script;
        for (claim& each : claims_in(file, read(path), in)) all.push_back(std::move(each));
    }
    std::sort(all.begin(), all.end());
    return all;
}

std::string line_of(const row& of, const std::string& covered) {
    return "| " + of.number + " | " + of.what + " | " + covered + " | " + of.remark +
           (of.remark.empty() ? "|" : " |");
}

void rewrite(const std::string& readme, const std::vector<row>& rows,
             const std::vector<claim>& claims) {
    std::string made;
    std::size_t from = 0;
    for (const row& each : rows) {
        made.append(readme, from, each.begin - from);
        made += line_of(each, covered_by(claims, each.number));
        from = each.end;
    }
    made.append(readme, from);
    std::ofstream(readme_path, std::ios::binary) << made;
}

std::vector<std::string> numbers_of(const std::vector<claim>& claims) {
    std::vector<std::string> numbers;
    for (const claim& each : claims) numbers.push_back(each.number + " " + each.test);
    return numbers;
}

}  // namespace

TEST_CASE("every scenario and every known bug has its tests in the table, or the reason why not") {
    const std::vector<claim> claims = all_claims();
    CHECK(claims.size() > 300);
    const std::string readme = read(readme_path);
    const std::vector<row> rows = rows_in(readme);
    if (std::getenv("RAFTKIT_REWRITE") != nullptr) return rewrite(readme, rows, claims);

    std::set<std::string> known;
    int scenarios = 0, bugs = 0;
    for (const row& each : rows) {
        CAPTURE(each.number);
        CHECK(known.insert(each.number).second);
        (is_number(each.number, true) ? scenarios : bugs) += 1;
        CHECK_FALSE(each.what.empty());
        CHECK_MESSAGE(each.covered == covered_by(claims, each.number),
                      "the sources differ: RAFTKIT_REWRITE=1 writes the table anew");
        CHECK_MESSAGE((!each.covered.empty() || !each.remark.empty()),
                      "neither a test nor a reason");
    }
    // The lists that they come from: 106 scenarios, the last of them K147, and bugs 1 to 100.
    CHECK(scenarios == 106);
    CHECK(known.contains("A1"));
    CHECK(known.contains("K147"));
    CHECK(bugs == 100);
    for (int bug = 1; bug <= 100; ++bug) CHECK_MESSAGE(known.contains(std::to_string(bug)), bug);
    for (const claim& each : claims) {
        CAPTURE(each.file);
        CAPTURE(each.test);
        CHECK_MESSAGE(known.contains(each.number), each.number);
        CHECK_MESSAGE(each.test != "?", each.number << ": the comment stands at no test");
    }
}

TEST_CASE("a comment belongs to the test that it stands in, or before which it stands") {
    const std::string text =
        "// Scenario A1; known bugs 2,\n"
        "// 3 and 4: so it is. S001-5, known bug\n"
        "// 6\n"
        "TEST_CASE(\n    \"one \"\n    \"thing\") {  // scenario B7\n"
        "    f(\"// scenario C8\");  // scenarios C9 and C10, I-11, 12\n"
        "}\n"
        "// The scenario 13 and the bug 14 are none.\n"
        "TEST_CASE(\"an \\\"other\\\"\") {\n    // known bugs 15\n}\n// known bug 16\n";
    const std::vector<std::string> expected{
        "A1 one thing", "2 one thing",  "3 one thing",   "4 one thing",     "6 one thing",
        "B7 one thing", "C9 one thing", "C10 one thing", "15 an \"other\"", "16 ?"};
    CHECK(numbers_of(claims_in("a_test.cpp", text, language::cpp)) == expected);
    CHECK(numbers_of(claims_in("a.py",
                               "def f():  # scenario A1\n\ndef test_a():  # scenario A2\n"
                               "    '''scenario A3'''\n    g()  # known bug 4\n# scenario A5\n"
                               "def test_b():\n    pass\n",
                               language::python)) ==
          std::vector<std::string>{"A2 test_a", "4 test_a", "A5 test_b"});
    CHECK(numbers_of(claims_in("scripts/a.txt", "# Scenario A1.\nstart\n----\nscenario A2\n",
                               language::script)) == std::vector<std::string>{"A1 "});
}

TEST_CASE("a row is a number, what it is about, its tests and a remark") {
    const auto rows = rows_in(
        "| No. | What |\n|---|---|---|---|\n| D4 | it \\| they | x | |\n"
        "| 17 | this | `f` a | only so |\nD5 | no | no | no |\n");
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].number == "D4");
    CHECK(rows[0].what == "it \\| they");
    CHECK(rows[0].remark.empty());
    CHECK(line_of(rows[1], "y") == "| 17 | this | y | only so |");
    CHECK(line_of(rows[0], "y") == "| D4 | it \\| they | y | |");
    const std::vector<claim> claims{{"17", "a_test.cpp", "one | two"},
                                    {"17", "a_test.cpp", "one | two"},
                                    {"17", "scripts/b.txt", ""}};
    CHECK(covered_by(claims, "17") == "`a_test.cpp` one \\| two<br>`scripts/b.txt`");
    CHECK(covered_by(claims, "1").empty());
}
