// What waits for the log: how many batches may, and which of them may become one.

#include <doctest/doctest.h>

#include <raftkit/storage/wal/jobs.hpp>

using namespace raftkit;
using wal_disk::job_kind;
using wal_disk::job_list;

namespace {

struct waiting {
    // Entries first..last of `term`, of `payload` bytes each.
    run_view entries(u64 first, u64 last, u64 term, std::size_t payload = 8) {
        const std::vector<std::byte> body(payload);
        run_view whole;
        for (u64 index = first; index <= last; ++index) {
            const run_view one = builder.append({{index}, {term}}, entry_kind::command, body, 0);
            if (whole.empty()) {
                whole = one;
            } else {
                whole.bytes += one.bytes;
                ++whole.count;
            }
        }
        kept.emplace_back(whole);
        return whole;
    }
    void add(const run_view& what, u64 term = 1) {
        hard.term = {term};
        persist_batch batch;
        batch.id = id = id.next();
        batch.hard = &hard;
        batch.append = {&what, what.empty() ? 0u : 1u};
        list.add(batch, 2);
    }
    std::size_t jobs() const { return list.jobs.size(); }

    block_pool pool;
    run_builder builder{pool};
    std::vector<run> kept;
    hard_state hard;
    ticket id;
    job_list list;
};

}  // namespace

TEST_CASE("batches beyond those that may wait join the last one, which answers for them") {
    waiting w;
    for (u64 index = 1; index <= 10; ++index)
        w.add(w.entries(index, index, index < 8 ? 1 : 2), index);
    REQUIRE(w.jobs() == 2);
    const wal_disk::job& last = w.list.jobs[1];
    CHECK(last.id == ticket{10});
    CHECK(last.hard.term == term_t{10});
    index_t next{2};
    for (const run_view& each : w.list.runs_of(last)) {
        CHECK(each.first == next);
        next = each.last().next();
    }
    CHECK(next == index_t{11});
    w.list.clear();
    w.add(w.entries(11, 11, 2));
    w.add(w.entries(12, 12, 2));
    CHECK(w.jobs() == 2);  // what was taken away waits no more
}

TEST_CASE("a batch that supersedes, resets, fences or is large waits by itself") {
    waiting w;
    w.add(w.entries(1, 1, 1));
    w.add(w.entries(2, 4, 1));
    w.add(w.entries(3, 3, 2));  // supersedes 3 and 4
    CHECK(w.jobs() == 3);
    w.add(w.entries(4, 4, 2));
    CHECK(w.jobs() == 3);
    w.add(w.entries(5, 7, 2, 100'000));
    CHECK(w.jobs() == 4);
    w.add(w.entries(8, 8, 2));
    CHECK(w.jobs() == 5);

    persist_batch other;
    const fence_mark fence{true, {{1}, {1}}, {1}};
    other.id = w.id = w.id.next();
    other.fence = &fence;
    w.list.add(other, 2);
    CHECK(w.jobs() == 6);
    w.add({});  // nothing joins it
    CHECK(w.jobs() == 7);
    const peer_book book;
    other = {};
    other.id = w.id = w.id.next();
    other.peers = &book;
    w.list.add(other, 2);
    CHECK(w.jobs() == 8);
    w.add({});
    CHECK(w.jobs() == 9);
    CHECK(w.list.jobs[7].kind == job_kind::peers);
    const log_base base{{{9}, {2}}, {}};
    other = {};
    other.id = w.id = w.id.next();
    other.reset = &base;
    w.list.add(other, 2);
    CHECK(w.jobs() == 10);
    w.add({});
    CHECK(w.jobs() == 11);
}
