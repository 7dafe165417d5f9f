#include <raftkit/base/block_pool.hpp>

#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <raftkit/base/buffer.hpp>

using namespace raftkit;

TEST_CASE("the block released last is used next, because it is hot") {
    block_pool pool;
    block* first = pool.acquire();
    block* second = pool.acquire();
    CHECK(first != second);
    CHECK(first->capacity == block_bytes);
    release_block(first);
    release_block(second);
    CHECK(pool.acquire() == second);
    CHECK(pool.acquire() == first);
    release_block(first);
    release_block(second);
}

TEST_CASE("a block comes back with exactly one reference") {
    block_pool pool;
    block* taken = pool.acquire();
    keep_block(taken);
    CHECK(taken->refs.load() == 2);
    release_block(taken);
    release_block(taken);
    block* again = pool.acquire();
    CHECK(again == taken);
    CHECK(again->refs.load() == 1);
    release_block(again);
}

TEST_CASE("a large block is not pooled") {
    block_pool pool;
    block* large = pool.acquire(block_bytes + 1);
    CHECK(large->capacity == block_bytes + 1);
    CHECK(large->home == nullptr);
    release_block(large);
}

TEST_CASE("the pool keeps no more spares than it was told") {
    // Under a sanitizer this also proves that the surplus is freed.
    block_pool pool(2);
    std::vector<block*> taken;
    for (int i = 0; i < 5; ++i) taken.push_back(pool.acquire());
    for (block* each : taken) release_block(each);
    // The first two released are the spares; they come back newest first.
    CHECK(pool.acquire() == taken[1]);
    CHECK(pool.acquire() == taken[0]);
    release_block(taken[0]);
    release_block(taken[1]);
}

TEST_CASE("other threads may release what the owner acquires") {
    block_pool pool(8);
    for (int round = 0; round < 20; ++round) {
        std::vector<buffer> lent;
        for (int i = 0; i < 16; ++i) {
            block* taken = pool.acquire();
            lent.emplace_back(taken, taken->bytes(), 16u);
        }
        std::thread left([&] {
            for (int i = 0; i < 8; ++i) lent[std::size_t(i)].reset();
        });
        std::thread right([&] {
            for (int i = 8; i < 16; ++i) lent[std::size_t(i)].reset();
        });
        left.join();
        right.join();
        for (const buffer& each : lent) REQUIRE_FALSE(each.valid());
    }
    block* taken = pool.acquire();
    CHECK(taken->refs.load() == 1);
    release_block(taken);
}
