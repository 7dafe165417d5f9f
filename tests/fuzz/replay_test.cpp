// The stored corpora under every compiler and sanitizer, without libFuzzer. Seeds are what the
// kit's encoders make today: a format that changes is noticed here. RAFTKIT_REWRITE=1 writes them
// anew.
#include "fuzz.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#define RAFTKIT_FUZZ_EACH(name) extern const fuzz::target name##_target;
#include "targets.inc"
#undef RAFTKIT_FUZZ_EACH

namespace {

namespace fs = std::filesystem;

const fuzz::target* const targets[] = {
#define RAFTKIT_FUZZ_EACH(name) &name##_target,
#include "targets.inc"
#undef RAFTKIT_FUZZ_EACH
};

fs::path corpus_of(const fuzz::target& each) {
    return fs::path(RAFTKIT_SOURCE_DIRECTORY) / "tests/fuzz/corpus" / each.name;
}

fuzz::bytes read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    return fuzz::bytes_of(text);
}

void write(const fs::path& path, const fuzz::bytes& input) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << raftkit::as_text(input);
}

std::vector<fs::path> files_in(const fs::path& folder) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder)) found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace

TEST_CASE("the seeds of every fuzz target are what the encoders make") {
    for (const fuzz::target* each : targets) {
        for (const fuzz::seed& made : each->seeds()) {
            const fs::path path = corpus_of(*each) / ("seed-" + made.name);
            CAPTURE(path.string());
            if (std::getenv("RAFTKIT_REWRITE") != nullptr) write(path, made.input);
            CHECK(read(path) == made.input);
        }
    }
}

TEST_CASE("every stored fuzz input keeps the properties of its target") {
    for (const fuzz::target* each : targets) {
        CAPTURE(std::string(each->name));
        REQUIRE(fs::is_directory(corpus_of(*each)));
        const auto files = files_in(corpus_of(*each));
        CHECK(files.size() >= each->seeds().size());
        for (const fs::path& file : files) {
            INFO(file.string());
            each->run(read(file));  // aborts, and doctest says where
        }
    }
}

// A seed whose checksums are right is not changed by making them right: the function that reseals
// knows the format, and mutations get behind the checksums.
TEST_CASE("resealing an input of the encoders changes nothing") {
    for (const fuzz::target* each : targets) {
        if (each->reseal == nullptr) continue;
        for (fuzz::seed& made : each->seeds()) {
            CAPTURE(std::string(each->name) + "/" + made.name);
            const fuzz::bytes before = made.input;
            each->reseal(made.input);
            CHECK(made.input == before);
        }
    }
}

TEST_CASE("the fuzz corpora stay small") {
    std::uintmax_t total = 0;
    for (const fuzz::target* each : targets) {
        for (const fs::path& file : files_in(corpus_of(*each))) total += fs::file_size(file);
    }
    CHECK(total > 0);
    CHECK(total < 300 * 1024);
}
