#pragma once
// Blocks: the unit of memory for everything that holds log bytes. A block is filled once (by the
// leader's builder or by a socket read) and then shared by reference count among the log tail and
// whatever a transport could not write at once. The pool is a LIFO, so that the hottest block is
// used next; releasing from another thread is allowed.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#include <raftkit/base/assert.hpp>
#include <raftkit/base/ordinal.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct block_spares;

// Layout: this header, then `capacity` bytes in the same allocation.
struct block {
    std::atomic<u32> refs{1};
    u32 capacity = 0;
    block_spares* home = nullptr;  // null: freed to the allocator
    block* next = nullptr;         // free list

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

// The spare blocks of one pool, apart from it: blocks may outlive the pool (a peer in the same
// process, a machine that kept a command), and then the last one frees this.
struct block_spares {
    std::atomic<u64> users{1};  // the pool, and every block that is out
    std::atomic<block*> returned{nullptr};
    std::atomic<u32> count{0};
    std::atomic<bool> closed{false};
    u32 max = 0;

    // Any thread.
    void put_back(block* free) noexcept {
        if (closed.load(std::memory_order_acquire) ||
            count.fetch_add(1, std::memory_order_relaxed) >= max) {
            if (!closed.load(std::memory_order_relaxed))
                count.fetch_sub(1, std::memory_order_relaxed);
            free_block(free);
        } else {
            block* head = returned.load(std::memory_order_relaxed);
            do {
                free->next = head;
            } while (!returned.compare_exchange_weak(head, free, std::memory_order_release,
                                                     std::memory_order_relaxed));
        }
        leave();
    }
    void leave() noexcept {
        if (users.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
        free_chain(returned.exchange(nullptr, std::memory_order_acquire));
        delete this;
    }
    static void free_chain(block* head) noexcept {
        while (head != nullptr) {
            block* next = head->next;
            free_block(head);
            head = next;
        }
    }
};

// Keeps at most `spare_max` blocks of `block_bytes`. acquire() belongs to one thread (the raft
// context); release may come from any, also after the pool is gone.
class block_pool {
public:
    explicit block_pool(u32 spare_max = 64) noexcept : spares_(new(std::nothrow) block_spares) {
        if (spares_ != nullptr) spares_->max = spare_max;
    }
    block_pool(block_pool&&) = delete;
    ~block_pool() {
        block_spares::free_chain(mine_);
        if (spares_ == nullptr) return;
        spares_->closed.store(true, std::memory_order_release);
        spares_->leave();
    }

    // A block with at least `capacity` bytes and one reference; null when out of memory. O(1).
    block* acquire(u32 capacity = block_bytes) noexcept {
        if (capacity > block_bytes || spares_ == nullptr)
            return allocate_block(std::max(capacity, block_bytes));
        if (mine_ == nullptr)
            mine_ = spares_->returned.exchange(nullptr, std::memory_order_acquire);
        block* taken = mine_;
        if (taken == nullptr) {
            taken = allocate_block(block_bytes);
            if (taken == nullptr) return nullptr;
            taken->home = spares_;
        } else {
            mine_ = taken->next;
            spares_->count.fetch_sub(1, std::memory_order_relaxed);
            taken->next = nullptr;
            taken->refs.store(1, std::memory_order_relaxed);
        }
        spares_->users.fetch_add(1, std::memory_order_relaxed);
        return taken;
    }

private:
    block* mine_ = nullptr;
    block_spares* spares_;
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
