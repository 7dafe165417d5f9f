#include <raftkit/core/log_tail.hpp>

#include <doctest/doctest.h>

#include <raftkit/base/prng.hpp>

#include <deque>
#include <string>

using namespace raftkit;

namespace {

struct written {
    u64 index, term;
    std::string body;
};

// Builds runs as a leader or as a follower does, beside a plain list of what they hold.
struct bench {
    block_pool pool;
    run_builder builder{pool};
    core::log_tail tail{index_t{}};
    std::deque<written> log;  // 1, 2, ...
    u64 term = 1;

    void append(u64 bytes) {
        const u64 index = log.size() + 1;
        std::string body(bytes, static_cast<char>('a' + index % 26));
        const run_view made =
            builder.append({{index}, {term}}, entry_kind::command, as_bytes(body), 0);
        REQUIRE(!made.empty());
        tail.append(made);
        log.push_back({index, term, body});
    }
    void check(const run_view& view) const {
        u64 index = view.first.value;
        for (const entry_view entry : view) {
            const written& wanted = log[index - 1];
            CHECK(entry.at.index.value == index);
            CHECK(entry.at.term.value == wanted.term);
            CHECK(as_text(entry.body) == wanted.body);
            ++index;
        }
        CHECK(index == view.end_index().value);
    }
};

}  // namespace

TEST_CASE("cursors read what was appended, whatever is extended, truncated, evicted between") {
    prng random(21);
    for (int life = 0; life < 60; ++life) {
        bench b;
        core::log_cursor cursor;
        for (int step = 0; step < 300; ++step) {
            switch (random.below(8)) {
                case 0: ++b.term; [[fallthrough]];
                case 1:
                case 2:
                case 3:
                    b.append(random.below(3) == 0 ? random.below(40'000) : random.below(300));
                    break;
                case 4: {  // a stretch is cut off and written again
                    if (b.log.size() < 2 || b.tail.empty()) break;
                    const u64 from = random.between(b.tail.first().value, b.log.size());
                    b.tail.truncate({from}, {1});
                    b.log.resize(from - 1);
                    ++b.term;
                    if (cursor.index.value > from) {
                        cursor = {};
                        cursor.index = {from};
                    }
                    break;
                }
                case 5: b.tail.evict({random.between(0, b.log.size())}, 256u << 10); break;
                default: {
                    if (!b.tail.resident(cursor.index)) {
                        if (cursor.index > b.tail.last()) break;
                        cursor = {};
                        cursor.index = b.tail.first();
                    }
                    if (cursor.index > b.tail.last()) break;
                    const index_t upto{random.between(cursor.index.value, b.log.size())};
                    const core::take_limits limits{static_cast<u32>(random.between(1, 50)),
                                                   random.between(1, 9000)};
                    const index_t from = cursor.index;
                    const run_view view = b.tail.take(cursor, upto, limits);
                    REQUIRE(view.count >= 1);  // scenario B29: one entry, whatever its size
                    CHECK(view.first == from);
                    CHECK(view.last() <= upto);
                    CHECK(view.count <= limits.entries_max);
                    if (view.count > 1) CHECK(view.bytes <= limits.bytes_max);
                    CHECK(cursor.index == view.end_index());
                    b.check(view);
                }
            }
            CHECK(b.tail.last().value == b.log.size());
        }
    }
}

TEST_CASE("adjacent slices of a block are one run; block bytes are counted once") {
    bench b;
    for (int k = 0; k < 100; ++k) b.append(16);
    CHECK(b.tail.block_bytes_held() == block_bytes);
    core::log_cursor cursor;
    const run_view taken = b.tail.take(cursor, {100}, {});
    CHECK(taken.count == 100);
}

TEST_CASE(
    "what is evicted gives its memory back; what is above the limit or needed stays") {  // known
                                                                                         // bug 73
    bench b;
    for (int k = 0; k < 100; ++k) b.append(30'000);
    const u64 before = b.tail.block_bytes_held();
    b.tail.evict({0}, 256u << 10);
    CHECK(b.tail.block_bytes_held() == before);
    b.tail.evict({100}, 512u << 10);
    CHECK(b.tail.block_bytes_held() <= 512u << 10);
    CHECK(b.tail.resident({100}));
}

TEST_CASE("a cut run stays alive until the batch that lent it completes") {  // known bug 74
    bench b;
    b.append(100);
    core::log_cursor cursor;
    const run_view lent = b.tail.take(cursor, {1}, {});
    b.tail.truncate({1}, {7});
    b.tail.release_buried({6});
    CHECK(check_record(lent.span()) == record_check::good);  // under ASan: still ours to read
    b.tail.release_buried({7});
}
