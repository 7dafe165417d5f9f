#pragma once
// Blocks: the unit of memory for everything that holds log bytes. A block is filled once (by the leader's builder or
// by a socket read) and then shared by reference count among the log tail and whatever a transport could not write
// at once. The pool is a LIFO, so that the hottest block is used next; releasing from another thread is allowed.

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#include <raftkit/base/assert.hpp>
#include <raftkit/base/ordinal.hpp>

RAFTKIT_NAMESPACE_BEGIN

class block_pool;

// Layout: this header, then `capacity` bytes in the same allocation.
struct block {
    std::atomic<u32> refs{1};
    u32 capacity = 0;
    block_pool* home = nullptr;  // null: freed to the allocator
    block* next = nullptr;       // free list

    std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
    const std::byte* bytes() const noexcept { return reinterpret_cast<const std::byte*>(this + 1); }
};

inline constexpr u32 block_bytes = 256u << 10;

// Returns null if the allocator has none; callers turn that into `busy`, never into UB.
inline block* allocate_block(u32 capacity) noexcept {
    void* memory = std::malloc(sizeof(block) + capacity);
    if (memory == nullptr) return nullptr;
    block* made = new (memory) block;
    made->capacity = capacity;
    return made;
}
inline void free_block(block* gone) noexcept {
    gone->~block();
    std::free(gone);
}

// Keeps at most `spare_max` blocks of `block_bytes`. acquire() belongs to one thread (the raft context); release may
// come from any. The pool must outlive its blocks: a node destroys it last.
class block_pool {
public:
    explicit block_pool(u32 spare_max = 64) noexcept : spare_max_(spare_max) {}
    block_pool(block_pool&&) = delete;
    ~block_pool() {
        free_chain(mine_);
        free_chain(returned_.exchange(nullptr, std::memory_order_acquire));
    }

    // A block with at least `capacity` bytes and one reference; null when out of memory. O(1).
    block* acquire(u32 capacity = block_bytes) noexcept {
        if (capacity > block_bytes) return allocate_block(capacity);
        if (mine_ == nullptr) mine_ = returned_.exchange(nullptr, std::memory_order_acquire);
        if (mine_ == nullptr) return make();
        block* taken = mine_;
        mine_ = taken->next;
        spare_.fetch_sub(1, std::memory_order_relaxed);
        taken->next = nullptr;
        taken->refs.store(1, std::memory_order_relaxed);
        return taken;
    }

    // Any thread.
    void put_back(block* free) noexcept {
        if (spare_.fetch_add(1, std::memory_order_relaxed) >= spare_max_) {
            spare_.fetch_sub(1, std::memory_order_relaxed);
            free_block(free);
            return;
        }
        block* head = returned_.load(std::memory_order_relaxed);
        do {
            free->next = head;
        } while (!returned_.compare_exchange_weak(head, free, std::memory_order_release,
                                                  std::memory_order_relaxed));
    }

private:
    block* make() noexcept {
        block* made = allocate_block(block_bytes);
        if (made != nullptr) made->home = this;
        return made;
    }
    static void free_chain(block* head) noexcept {
        while (head != nullptr) {
            block* next = head->next;
            free_block(head);
            head = next;
        }
    }

    block* mine_ = nullptr;
    std::atomic<block*> returned_{nullptr};
    std::atomic<u32> spare_{0};
    u32 spare_max_;
};

inline void keep_block(block* kept) noexcept { kept->refs.fetch_add(1, std::memory_order_relaxed); }

inline void release_block(block* gone) noexcept {
    // A sole owner needs no locked decrement: nobody else can see the block.
    if (gone->refs.load(std::memory_order_acquire) != 1 &&
        gone->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) {
        return;
    }
    if (gone->home != nullptr) {
        gone->home->put_back(gone);
    } else {
        free_block(gone);
    }
}

RAFTKIT_NAMESPACE_END
