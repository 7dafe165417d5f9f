// Plays every script of tests/core/scripts. RAFTKIT_REWRITE=1 writes the goldens anew: read the
// diff before you commit.

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <raftkit/testing/script.hpp>

using namespace raftkit;
using namespace raftkit::testing;

namespace {

std::vector<std::string> scripts() {
    std::vector<std::string> paths;
    for (const auto& file :
         std::filesystem::directory_iterator(RAFTKIT_SOURCE_DIRECTORY "/tests/core/scripts")) {
        if (file.path().extension() == ".txt") paths.push_back(file.path());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

}  // namespace

TEST_CASE("every script of the core gives its golden output") {
    const std::vector<std::string> all = scripts();
    CHECK(all.size() >= 20);
    for (const std::string& path : all) {
        const script_result played = play_script_file(path);
        CHECK_MESSAGE(played.ok, path << ", " << played.difference);
        CHECK_MESSAGE(played.blocks > 1, path);
        // A command that the stage does not know is a mistake of the script, not an output.
        CHECK_MESSAGE(played.rewritten.find("cannot: ") == std::string::npos, path);
        CHECK_MESSAGE(played.rewritten.find("does not settle") == std::string::npos, path);
    }
}

TEST_CASE("a golden that differs is reported with its line and both texts") {
    const script_result played = play_script("cluster voters=1\nstart\n----\nwrong\n");
    CHECK_FALSE(played.ok);
    CHECK(played.difference.starts_with("line 1: cluster voters=1\nexpected:\nwrong\n"));
    CHECK(played.rewritten.find("wrong") == std::string::npos);
}
