// The version is written once, in config.hpp; whoever shows it must show the same.

#include <raftkit/config.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace {

std::string read(const std::string& path) {
    std::ifstream file(RAFTKIT_SOURCE_DIRECTORY "/" + path, std::ios::binary);
    REQUIRE_MESSAGE(file.is_open(), path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// What stands between `before` and `after` where they first occur.
std::string between(const std::string& text, const std::string& before, const std::string& after) {
    const std::size_t begin = text.find(before);
    if (begin == std::string::npos) return {};
    const std::size_t from = begin + before.size();
    return text.substr(from, text.find(after, from) - from);
}

const std::string version = std::to_string(RAFTKIT_VERSION_MAJOR) + "." +
                            std::to_string(RAFTKIT_VERSION_MINOR) + "." +
                            std::to_string(RAFTKIT_VERSION_PATCH);

}  // namespace

TEST_CASE("the parts, the string and the comparable number of the version agree") {
    CHECK(version == RAFTKIT_VERSION_STRING);
    CHECK(RAFTKIT_VERSION == RAFTKIT_VERSION_MAJOR * 10000 + RAFTKIT_VERSION_MINOR * 100 +
                                 RAFTKIT_VERSION_PATCH);
    CHECK(RAFTKIT_VERSION_MINOR < 100);
    CHECK(RAFTKIT_VERSION_PATCH < 100);
}

TEST_CASE("CMake reads the version of config.hpp") { CHECK(version == RAFTKIT_CMAKE_VERSION); }

TEST_CASE("the newest entry of the changelog is this version") {
    CHECK(between(read("CHANGELOG.md"), "\n## [", "]") == version);
}

TEST_CASE("the Conan recipe reads config.hpp and names no version of its own") {
    const std::string recipe = read("conanfile.py");
    CHECK(recipe.find("include/raftkit/config.hpp") != std::string::npos);
    CHECK(recipe.find("RAFTKIT_VERSION_{part}") != std::string::npos);
    CHECK(recipe.find("    version =") == std::string::npos);
    CHECK(recipe.find(version) == std::string::npos);
}

TEST_CASE("the recipe and the CMake package give the library the same names") {
    const std::string recipe = read("conanfile.py");
    CHECK(between(recipe, "\"cmake_target_name\", \"", "\"") == "raftkit::raftkit");
    CHECK(between(recipe, "\"cmake_file_name\", \"", "\"") == "raftkit");
    CHECK(read("CMakeLists.txt").find("add_library(raftkit::raftkit ALIAS") != std::string::npos);
}
