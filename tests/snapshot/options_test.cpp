#include <raftkit/snapshot/options.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace raftkit;

TEST_CASE("the defaults of the snapshot rows are valid beside those of the core") {
    CHECK(bool(snapshot_options{}.validate(core::options{})));
}

TEST_CASE("a row out of its range is named and never clamped") {
    // S000-26: a durability number is refused, not repaired
    const core::options beside;
    const auto refused = [&](auto set) {
        snapshot_options options;
        set(options);
        const error why = options.validate(beside).why();
        CHECK(why.code == errc::invalid_option);
        return std::string(why.where).substr(0, std::string(why.where).find(':'));
    };
    using o = snapshot_options;
    CHECK(refused([](o& x) { x.snapshot_chunk_bytes = 4095; }) == "snapshot_chunk_bytes");
    CHECK(refused([](o& x) { x.snapshot_chunk_bytes = (1u << 20) + 1; }) == "snapshot_chunk_bytes");
    CHECK(refused([](o& x) { x.snapshot_window_chunks = 0; }) == "snapshot_window_chunks");
    CHECK(refused([](o& x) { x.snapshot_window_chunks = 65; }) == "snapshot_window_chunks");
    CHECK(refused([](o& x) { x.snapshot_initial_credit = 65; }) == "snapshot_initial_credit");
    CHECK(refused([](o& x) { x.snapshot_disk_depth = 0; }) == "snapshot_disk_depth");
    CHECK(refused([](o& x) { x.snapshot_sends_max = 0; }) == "snapshot_sends_max");
    CHECK(refused([](o& x) { x.snapshot_lease = milliseconds(3999); }) == "snapshot_lease");
    CHECK(refused([](o& x) { x.snapshot_staging_ttl = seconds(-1); }) == "snapshot_staging_ttl");
    CHECK(refused([](o& x) { x.snapshot_backoff_min = minutes(6); }) == "snapshot_backoff_min");
}

TEST_CASE("the edges of the ranges are valid") {
    const core::options beside;
    snapshot_options options;
    options.snapshot_chunk_bytes = 4096;
    options.snapshot_window_chunks = 1;
    options.snapshot_initial_credit = 0;
    options.snapshot_disk_depth = 64;
    options.snapshot_lease = seconds(4);
    options.snapshot_backoff_min = options.snapshot_backoff_max;
    CHECK(bool(options.validate(beside)));
    options.snapshot_chunk_bytes = beside.message_bytes_max;
    CHECK(bool(options.validate(beside)));
}
