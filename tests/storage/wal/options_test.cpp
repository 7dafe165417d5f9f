// Every range of the WAL's options, at its edge.

#include <doctest/doctest.h>

#include <string>

#include <raftkit/storage/wal/options.hpp>

using namespace raftkit;

namespace {
template <class Change>
std::string refusal(Change change) {
    wal_options options;
    options.directory = "d";
    change(options);
    const auto valid = options.validate();
    return valid ? "" : valid.why().where;
}
}  // namespace

TEST_CASE("the defaults are valid once the directory is named") {
    CHECK(refusal([](wal_options&) {}) == "");
    CHECK(refusal([](wal_options& o) { o.directory.clear(); }).find("directory") == 0);
}

TEST_CASE("each option is refused outside its range, by name") {
    CHECK(refusal([](wal_options& o) { o.segment_bytes = 16384; }) == "");
    CHECK(refusal([](wal_options& o) { o.segment_bytes = 16384 - 4096; }).find("segment_bytes") ==
          0);
    CHECK(refusal([](wal_options& o) { o.segment_bytes = 16385; }).find("segment_bytes") == 0);
    CHECK(refusal([](wal_options& o) { o.spare_segments = 0; }).find("spare_segments") == 0);
    CHECK(refusal([](wal_options& o) { o.spare_segments = 8; }) == "");
    CHECK(refusal([](wal_options& o) { o.spare_segments = 9; }).find("spare_segments") == 0);
    CHECK(refusal([](wal_options& o) { o.sync_inline_max = {-1}; }).find("sync_inline_max") == 0);
    CHECK(refusal([](wal_options& o) { o.prepare_delays.clear(); }).find("prepare_delays") == 0);
    CHECK(refusal([](wal_options& o) { o.prepare_delays[2] = {0}; }).find("prepare_delays") == 0);
    CHECK(refusal([](wal_options& o) { o.file_mode = 0642; }).find("file_mode") == 0);
    CHECK(refusal([](wal_options& o) { o.file_mode = 0440; }).find("file_mode") == 0);
    CHECK(refusal([](wal_options& o) { o.file_mode = 0600; }) == "");
}
