#include <raftkit/snapshot/bounds.hpp>

#include <doctest/doctest.h>

#include "support/snapshot_jobs.hpp"

using namespace raftkit;
using snapshot_jobs::id_of;

namespace {

snapshot_manifest manifest_of(u64 index, u64 bytes = 1) {
    snapshot_manifest made;
    made.meta.id = id_of(index);
    made.meta.bytes = bytes;
    return made;
}

kept_snapshots listing(std::initializer_list<u64> indexes) {
    std::vector<snapshot_manifest> list;
    for (const u64 index : indexes) list.push_back(manifest_of(index));
    kept_snapshots kept;
    kept.adopt(list, instant{1});
    return kept;
}

struct newest {
    u32 count;
    bool keeps(const kept_snapshot& s, instant) const noexcept { return s.rank < count; }
};
static_assert(retention_policy<newest>);

std::vector<u64> leaving(kept_snapshots& kept, u32 keep, std::initializer_list<u64> pins = {}) {
    std::vector<u64> told;
    kept.retain(
        newest{keep}, instant{2},
        [&](snapshot_id id) {
            return std::find(pins.begin(), pins.end(), id.at.index.value) != pins.end();
        },
        [&](snapshot_id id) { told.push_back(id.at.index.value); });
    return told;
}

}  // namespace

TEST_CASE("the log stays behind everything that still needs it") {
    // known bugs 43 and 54; S000-67
    struct row {
        const char* why;
        u64 wanted;
        log_bounds facts;
        u64 keep;
    };
    const auto facts = [](u64 first, u64 last, u64 applied, u64 newest, u64 oldest, u64 shipped,
                          bool fallback) {
        return log_bounds{{first},   {last}, {applied}, {newest}, {oldest},
                          {shipped}, 100,    1'000'000, fallback};
    };
    const row rows[] = {
        {"the policy may keep more", 50, facts(1, 200, 200, 150, 100, 0, true), 50},
        {"the oldest kept one can be fallen back to", 190, facts(1, 200, 200, 150, 100, 0, true),
         101},
        {"without fallback only the newest counts", 190, facts(1, 200, 200, 150, 100, 0, false),
         151},
        {"nothing goes without a snapshot", 190, facts(7, 200, 200, 0, 0, 0, true), 7},
        {"what is not applied stays", 190, facts(1, 200, 120, 150, 150, 0, true), 121},
        {"what follows a shipped one stays", 190, facts(1, 200, 200, 150, 150, 80, true), 81},
        {"a shipped one at the end holds nothing else", 190,
         facts(1, 200, 200, 150, 150, 200, true), 151},
        {"the first index never falls", 50, facts(120, 200, 200, 150, 150, 0, true), 120},
        {"even below a snapshot that is needed", 50, facts(120, 200, 200, 150, 90, 0, true), 120},
        {"an empty log after its snapshot", 300, facts(151, 150, 150, 150, 150, 0, true), 151},
    };
    for (const row& each : rows) {
        CAPTURE(each.why);
        const index_t keep = clamp_keep_from({each.wanted}, each.facts);
        CHECK(keep.value == each.keep);
        CHECK(keep >= each.facts.first);
    }
}

TEST_CASE("a shipped snapshot holds the log up to a limit in bytes, not for ever") {
    log_bounds facts;
    facts.first = {1};
    facts.last = facts.applied = {1000};
    facts.newest = facts.oldest_kept = {900};
    facts.shipped = {500};
    facts.bytes_per_entry = 10;
    facts.hold_bytes_max = 5000;  // exactly the 500 entries behind it
    CHECK(clamp_keep_from({1000}, facts).value == 501);
    facts.hold_bytes_max = 4999;
    CHECK(clamp_keep_from({1000}, facts).value == 901);
    facts.bytes_per_entry = 0;  // not known: held
    CHECK(clamp_keep_from({1000}, facts).value == 501);
}

TEST_CASE("trailing N keeps first = min(last - N, oldest kept) + 1") {
    const auto first_after = [](u64 trailing, u64 last, u64 newest, u64 oldest, u64 first) {
        log_bounds facts;
        facts.first = {first};
        facts.last = facts.applied = {last};
        facts.newest = {newest};
        facts.oldest_kept = {oldest};
        const u64 wanted = last > trailing ? last - trailing + 1 : 1;
        return clamp_keep_from({wanted}, facts).value;
    };
    CHECK(first_after(100, 1000, 1000, 800, 1) == 801);    // the oldest kept bounds it
    CHECK(first_after(300, 1000, 1000, 800, 1) == 701);    // N bounds it
    CHECK(first_after(0, 1000, 1000, 1000, 1) == 1001);    // everything is in the snapshot
    CHECK(first_after(5000, 1000, 1000, 800, 1) == 1);     // shorter than N
    CHECK(first_after(300, 1000, 1000, 800, 750) == 750);  // never falling
}

TEST_CASE("snapshots are ordered by their ids alone") {
    // known bug 51, S000-41
    kept_snapshots kept = listing({9, 100, 20});
    CHECK(kept.newest()->manifest.meta.id.at.index.value == 100);
    CHECK(kept.previous()->manifest.meta.id.at.index.value == 20);
    CHECK(kept.oldest()->manifest.meta.id.at.index.value == 9);
    kept.insert(manifest_of(50), instant{2});
    kept.insert(manifest_of(50), instant{3});
    CHECK(kept.size() == 4);
    CHECK(kept.previous()->manifest.meta.id.at.index.value == 50);
    CHECK(kept.bytes() == 4);
}

TEST_CASE("retention names each snapshot that may go exactly once") {
    // known bug 42
    kept_snapshots kept = listing({10, 20, 30, 40});
    CHECK(leaving(kept, 2) == std::vector<u64>{20, 10});
    CHECK(leaving(kept, 2).empty());
    CHECK(kept.oldest()->manifest.meta.id.at.index.value == 30);
    kept.find(id_of(10))->leaving = false;  // its removal failed
    CHECK(leaving(kept, 2) == std::vector<u64>{10});
}

TEST_CASE("the newest and the pinned stay, whatever retention says") {
    // known bug 64
    kept_snapshots kept = listing({10, 20, 30});
    CHECK(leaving(kept, 0, {10}) == std::vector<u64>{20});
    CHECK(kept.oldest()->manifest.meta.id.at.index.value == 10);
    CHECK(leaving(kept, 0) == std::vector<u64>{10});
    CHECK(kept.oldest()->manifest.meta.id.at.index.value == 30);
}

TEST_CASE("a listing replaces what is known but not since when, nor what leaves") {
    kept_snapshots kept = listing({10, 20});
    CHECK(leaving(kept, 1) == std::vector<u64>{10});
    kept.adopt({manifest_of(30), manifest_of(20), manifest_of(10)}, instant{9});
    CHECK(kept.find(id_of(20))->published_at == instant{1});
    CHECK(kept.find(id_of(30))->published_at == instant{9});
    CHECK(kept.find(id_of(10))->leaving);
    kept.adopt({manifest_of(30)}, instant{10});
    CHECK(kept.size() == 1);
    CHECK(kept.previous() == nullptr);
}
