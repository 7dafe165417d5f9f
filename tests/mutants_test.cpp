// The list of mutants goes with the code: a defect whose place is gone is a check that is gone.
#include "support/mutant_list.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

namespace {

namespace fs = std::filesystem;

std::string read(const std::string& path) {
    std::ifstream file(std::string(RAFTKIT_SOURCE_DIRECTORY "/") + path, std::ios::binary);
    REQUIRE_MESSAGE(file.is_open(), path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The first words of the tests that a mutant names.
std::vector<std::string> tests_of(const std::string& field) {
    std::vector<std::string> names;
    std::istringstream words(field);
    bool begins = true;
    for (std::string word; words >> word;) {
        const bool ends = word.ends_with(',');
        if (ends) word.pop_back();
        if (begins) names.push_back(word);
        begins = ends;
    }
    return names;
}

}  // namespace

TEST_CASE("every mutant of the list changes exactly one place of the tree") {
    const std::vector<tidy::mutant> all = tidy::mutants_in(read("tests/mutants/list.txt"));
    CHECK(all.size() >= 60);
    std::set<std::string> names;
    for (const tidy::mutant& each : all) {
        CAPTURE(each.name);
        CHECK(names.insert(each.name).second);
        REQUIRE(each.fields.contains("file"));
        REQUIRE(each.fields.contains("test"));
        CHECK(each.fields.contains("why"));
        REQUIRE_FALSE(each.before.empty());
        CHECK(each.before != each.after);
        CHECK(tidy::count_of(read(each.fields.at("file")), each.before) == 1);
        for (const std::string& test : tests_of(each.fields.at("test"))) {
            CHECK_MESSAGE(fs::exists(RAFTKIT_SOURCE_DIRECTORY "/tests/" + test + ".cpp"), test);
        }
    }
}

TEST_CASE("a list of mutants is read as it is written") {
    const auto all = tidy::mutants_in(
        "# about it\n== one\nfile: a.hpp\ntest: b_test, c_test +d.cpp E=1\nwhy: so\n---\n    x;\n"
        "\n    y;\n+++\n\n# ---- next\n\n== two\nfile: b.hpp\n---\nz\n+++\nw\n");
    REQUIRE(all.size() == 2);
    CHECK(all[0].fields.at("file") == "a.hpp");
    CHECK(all[0].before == "    x;\n\n    y;");
    CHECK(all[0].after.empty());
    CHECK(all[1].name == "two");
    CHECK(all[1].after == "w");
    CHECK(tests_of(all[0].fields.at("test")) == std::vector<std::string>{"b_test", "c_test"});
    CHECK(tidy::count_of("aaa", "aa") == 2);
}
