#pragma once
// What the tests of the simulated disk share: texts in files, and files whose sectors are letters.

#include <string>

#include <doctest/doctest.h>

#include <raftkit/testing/sim/disk.hpp>

namespace disk_support {

using namespace raftkit;
using namespace raftkit::testing;

inline constexpr file_mode fresh{.write = true, .create = true};
inline constexpr power_cut_odds all_lost{.survive_per_million = 0};
inline constexpr power_cut_odds none_lost{.survive_per_million = 1'000'000};

inline result<void> put(sim_files files, sim_file& file, u64 offset, std::string_view text) {
    const byte_span piece = as_bytes(text);
    return files.write_at(file, offset, {&piece, 1});
}

inline std::string text_in(const sim_disk& disk, const std::string& path) {
    const auto bytes = disk.content(path);
    return std::string(as_text(bytes));
}

// A file that is durable, name and contents.
inline sim_file durable_file(sim_disk& disk, const std::string& path, std::string_view text) {
    sim_files files = disk.files();
    auto file = files.open(path, fresh);
    REQUIRE(file);
    REQUIRE(put(files, *file, 0, text));
    REQUIRE(files.sync_data(*file));
    REQUIRE(files.sync_directory("/"));
    return *std::move(file);
}

inline std::string sectors(std::string_view letters) {
    std::string text;
    for (const char letter : letters) text.append(sector_bytes, letter);
    return text;
}

// The first letter of every sector.
inline std::string letters_of(const std::string& text) {
    std::string letters;
    for (std::size_t at = 0; at < text.size(); at += sector_bytes) letters += text[at];
    return letters;
}

}  // namespace disk_support
