// What a machine that is durable by itself means for the opening: restored, or left as it is.

#include <raftkit/node/opening.hpp>

#include <doctest/doctest.h>

using namespace raftkit;

namespace {

recovered_log log_of(u64 base, u64 last) {
    recovered_log log;
    log.hard.term = {2};
    log.base.at = {{base}, {base == 0 ? 0U : 2U}};
    log.last = {{last}, {2}};
    if (last > base) log.term_runs = {{{base + 1}, {2}}};
    return log;
}
snapshot_manifest saved_at(u64 index) {
    snapshot_manifest made;
    made.meta.id = {{{index}, {2}}, index};
    return made;
}
log_id at(u64 index) { return {{index}, {2}}; }

}  // namespace

TEST_CASE("a durable machine behind its snapshot or behind its log is restored") {
    // Known bug 48: it would silently skip what lies between.
    for (const u64 applied : {0U, 10U, 33U, 49U}) {
        const core::recovered seen = gather(log_of(40, 60), {saved_at(50)}, at(applied));
        CHECK_FALSE(seen.restore_skipped);
        CHECK(seen.machine_applied == index_t{});
        REQUIRE(seen.snapshot);
        CHECK(seen.snapshot->id.at == at(50));
    }
    CHECK_FALSE(gather(log_of(40, 60), {saved_at(50)}, {}).restore_skipped);
}

TEST_CASE("a durable machine at or above its snapshot goes on from what it applied itself") {
    // Known bug 46: the index is the machine's own, stored with its data.
    for (const u64 applied : {50U, 51U, 60U}) {
        const core::recovered seen = gather(log_of(40, 60), {saved_at(50)}, at(applied));
        CHECK(seen.restore_skipped);
        CHECK(seen.machine_applied == index_t{applied});
    }
    const core::recovered alone = gather(log_of(0, 60), {}, at(7));
    CHECK(alone.restore_skipped);
    CHECK(alone.machine_applied == index_t{7});
}

TEST_CASE("of several snapshots the newest counts") {
    const core::recovered seen = gather(log_of(40, 60), {saved_at(50), saved_at(45)}, {});
    REQUIRE(seen.snapshot);
    CHECK(seen.snapshot->id.at == at(50));
}
