// In steady state the log allocates nothing: batches, group commits, marks, rotations, recycled
// segments.

#include <doctest/doctest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <new>

#include <raftkit/storage/wal/wal.hpp>

// g++ 12 sees the two halves of a replacement only after inlining one of them.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace {
std::atomic<bool> counting{false};
std::atomic<unsigned long> allocations{0};
void* counted(std::size_t bytes, std::size_t align) {
    if (counting.load(std::memory_order_relaxed))
        allocations.fetch_add(1, std::memory_order_relaxed);
    void* memory = align <= 16 ? std::malloc(bytes)
                               : std::aligned_alloc(align, (bytes + align - 1) / align * align);
    if (memory == nullptr) std::abort();
    return memory;
}
}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes, 16); }
void* operator new(std::size_t bytes, std::align_val_t align) {
    return counted(bytes, std::size_t(align));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return counted(bytes, 16); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

using namespace raftkit;

TEST_CASE("the WAL allocates nothing in steady state") {
    std::string name = (std::filesystem::temp_directory_path() / "raftkit-alloc-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    {
        wal_options options;
        options.directory = name;
        options.segment_bytes = 64u << 10;
        options.sync = wal_sync::none_unsafe;
        basic_wal<posix_files, inline_runner> log(options);
        mailbox box;
        REQUIRE(log.open({1, 1, {1}, 0}, {&box}));
        block_pool pool;
        run_builder builder(pool);
        std::array<std::byte, 128> body{};
        u64 index = 0;
        const auto turns = [&](u64 count) {
            for (u64 turn = 0; turn < count; ++turn) {
                std::array<run_view, 4> runs;
                for (run_view& each : runs) {
                    each = builder.append({{index + 1}, {1}}, entry_kind::command, body, 0);
                    ++index;
                }
                const hard_state hard{{1}, {1}, {index - 4}};
                persist_batch batch;
                batch.id = {turn + index};
                batch.hard = &hard;
                batch.append = runs;
                log.persist(batch);
                const persisted done = log.flush();
                if (done.upto != batch.id) FAIL("not durable");
                if (turn % 200 == 199) log.compact({{{index - 8}, {1}}, {}});
            }
            for (instant now = monotonic_now(); log.tick(now) != never;)
                now = now + milliseconds(500);
        };
        turns(2000);
        counting = true;
        ::operator delete(::operator new(1));
        REQUIRE(allocations.exchange(0) == 1);  // it does count
        counting = false;
        const u64 rotations = RAFTKIT_MARK_HITS(wal_rotated);
        counting = true;
        turns(2000);
        counting = false;
        CHECK(RAFTKIT_MARK_HITS(wal_rotated) > rotations + 10);
        CHECK(allocations.load() == 0);
    }
    std::filesystem::remove_all(name);
}
