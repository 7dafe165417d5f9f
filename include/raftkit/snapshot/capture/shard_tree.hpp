#pragma once
// The tree below persistent_map: reference-counted shards of entries, found by the bits of a hash,
// four at a time.
//
//   root ─▶ fork [16] ─▶ fork [16] ─▶ shard: at most ~256 slots {hash, record}, sorted by hash
//
// A capture takes one more reference to the root. A writer owns what it changes: on its way down it
// copies every node that somebody else refers to, so that a first write after a capture costs a few
// forks and one shard, whatever the size of the map. Records are shared between the copies of a
// shard. Counts are atomic, as an image is read and dropped on another thread; nodes with more than
// one reference are never written.
//
// Nodes that nobody refers to wait in a list and are freed a few at a time: dropping ten million
// entries at once would stop the apply context for a second.

#include <array>
#include <atomic>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include <raftkit/base/bytes.hpp>
#include <raftkit/base/prng.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace detail {

// 52 bits: cursors of scans are hashes, and some clients keep numbers in doubles.
inline constexpr u32 map_hash_bits = 52;
inline constexpr u32 map_fork_bits = 4;
inline constexpr u32 map_fork_slots = 1u << map_fork_bits;
inline constexpr u32 map_levels = map_hash_bits / map_fork_bits;
inline constexpr u32 map_shard_slots_max = 256;
inline constexpr u64 map_hash_end = u64{1} << map_hash_bits;
static_assert(map_levels * map_fork_bits == map_hash_bits);

inline u64 map_fold(u64 a, u64 b) noexcept {
    const detail_u128 product = static_cast<detail_u128>(a) * b;
    return static_cast<u64>(product) ^ static_cast<u64>(product >> 64);
}

// Multiply and fold (Wang Yi's wyhash), cut to the bits in use.
inline u64 map_hash(std::string_view key, u64 seed) noexcept {
    constexpr u64 first = 0x9e3779b97f4a7c15ULL, second = 0xd6e8feb86659fd93ULL;
    u64 hash = map_fold(seed ^ first, second ^ key.size());
    const byte_span bytes = as_bytes(key);
    std::size_t at = 0;
    for (; bytes.size() - at >= 8; at += 8)
        hash = map_fold(hash ^ load_le<u64>(bytes.data() + at), first) + second;
    u64 tail = 0;
    if (at < bytes.size()) std::memcpy(&tail, bytes.data() + at, bytes.size() - at);
    hash = map_fold(hash ^ tail, second);
    return map_fold(hash ^ first, second) >> (64 - map_hash_bits);
}

inline u32 map_branch(u64 hash, u32 level) noexcept {
    return static_cast<u32>(hash >> (map_hash_bits - map_fork_bits * (level + 1))) &
           (map_fork_slots - 1);
}

// Key and value stand behind it, in the same allocation.
struct map_record {
    std::atomic<u32> refs{1};
    u32 key_bytes = 0, value_bytes = 0;

    std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
    const std::byte* bytes() const noexcept { return reinterpret_cast<const std::byte*>(this + 1); }
    std::string_view key() const noexcept { return as_text({bytes(), key_bytes}); }
    byte_span value() const noexcept { return {bytes() + key_bytes, value_bytes}; }

    static map_record* make(std::string_view key, byte_span value) {
        RAFTKIT_ASSERT(key.size() <= ~u32{0} && value.size() <= ~u32{0});
        auto* made =
            new (::operator new(sizeof(map_record) + key.size() + value.size())) map_record;
        made->key_bytes = static_cast<u32>(key.size());
        made->value_bytes = static_cast<u32>(value.size());
        if (!key.empty()) std::memcpy(made->bytes(), key.data(), key.size());
        if (!value.empty()) std::memcpy(made->bytes() + key.size(), value.data(), value.size());
        return made;
    }
    void keep() noexcept { refs.fetch_add(1, std::memory_order_relaxed); }
    void release() noexcept {
        if (refs.load(std::memory_order_acquire) != 1 &&
            refs.fetch_sub(1, std::memory_order_acq_rel) != 1)
            return;
        this->~map_record();
        ::operator delete(this);
    }
};

struct map_slot {
    u64 hash;
    map_record* record;
};

struct map_node {
    std::atomic<u32> refs{1};
    const bool is_shard;
    map_node* next_dead = nullptr;

    explicit map_node(bool shard) noexcept : is_shard(shard) {}
    void keep() noexcept { refs.fetch_add(1, std::memory_order_relaxed); }
    // True for the last one.
    bool drop() noexcept {
        return refs.load(std::memory_order_acquire) == 1 ||
               refs.fetch_sub(1, std::memory_order_acq_rel) == 1;
    }
    bool shared() const noexcept { return refs.load(std::memory_order_acquire) != 1; }
};

struct map_fork : map_node {
    std::array<map_node*, map_fork_slots> below{};  // null: no entries

    map_fork() noexcept : map_node(false) {}
    bool empty() const noexcept {
        for (const map_node* each : below) {
            if (each != nullptr) return false;
        }
        return true;
    }
};

struct map_shard : map_node {
    std::vector<map_slot> slots;  // sorted by hash; equal hashes in any order

    map_shard() noexcept : map_node(true) {}
    // About where a hash is: those of a shard at `level` are evenly spread over its range.
    std::size_t guess(u64 hash, u32 level) const noexcept {
        const u32 bits = map_hash_bits - map_fork_bits * level;
        return static_cast<std::size_t>(((hash & ((u64{1} << bits) - 1)) * slots.size()) >> bits);
    }
    // The first slot with at least this hash, from the guess outwards: a cache line or two instead
    // of one for each halving.
    std::size_t place(u64 hash, u32 level) const noexcept {
        std::size_t low = 0, high = slots.size(), at = guess(hash, level);
        for (std::size_t step = 2; low < high; step *= 2) {
            const bool less = slots[at].hash < hash;
            (less ? low : high) = less ? at + 1 : at;
            const std::size_t next = less ? at + step : at - step;  // may wrap: then it is outside
            at = next >= low && next < high ? next : low + (high - low) / 2;
        }
        return low;
    }
    // The slot of the key, or slots.size().
    std::size_t find(u64 hash, u32 level, std::string_view key) const noexcept {
        std::size_t at = place(hash, level);
        for (; at < slots.size() && slots[at].hash == hash; ++at) {
            if (slots[at].record->key() == key) return at;
        }
        return slots.size();
    }
};

inline map_fork& as_fork(map_node& node) noexcept {
    RAFTKIT_ASSERT(!node.is_shard);
    return static_cast<map_fork&>(node);
}
inline map_shard& as_shard(map_node& node) noexcept {
    RAFTKIT_ASSERT(node.is_shard);
    return static_cast<map_shard&>(node);
}

// Nodes without references, chained; what they refer to is released when they are freed.
class map_dead_nodes {
public:
    map_dead_nodes() noexcept = default;
    map_dead_nodes(map_dead_nodes&& other) noexcept
        : first_(std::exchange(other.first_, nullptr)) {}
    map_dead_nodes& operator=(map_dead_nodes&& other) noexcept {
        std::swap(first_, other.first_);
        return *this;
    }
    ~map_dead_nodes() {
        while (first_ != nullptr) reap(1024);
    }

    bool empty() const noexcept { return first_ == nullptr; }
    // Gives up one reference; null is fine.
    void release(map_node* node) noexcept {
        if (node == nullptr || !node->drop()) return;
        node->next_dead = first_;
        first_ = node;
    }
    void reap(u32 nodes_max) noexcept {
        for (; nodes_max > 0 && first_ != nullptr; --nodes_max) {
            map_node* dead = std::exchange(first_, first_->next_dead);
            if (dead->is_shard) {
                auto* shard = static_cast<map_shard*>(dead);
                for (const map_slot& each : shard->slots) each.record->release();
                delete shard;
            } else {
                auto* fork = static_cast<map_fork*>(dead);
                for (map_node* each : fork->below) release(each);
                delete fork;
            }
        }
    }

private:
    map_node* first_ = nullptr;
};

// Makes the node behind `link` ours alone: copies it if somebody else refers to it. O(256).
inline map_node& own_node(map_node*& link, map_dead_nodes& dead) {
    RAFTKIT_ASSERT(link != nullptr);
    if (!link->shared()) return *link;
    map_node* copy = nullptr;
    if (link->is_shard) {
        auto* made = new map_shard;
        made->slots.reserve(as_shard(*link).slots.size() + 1);
        made->slots = as_shard(*link).slots;
        for (const map_slot& each : made->slots) each.record->keep();
        copy = made;
    } else {
        auto* made = new map_fork;
        made->below = as_fork(*link).below;
        for (map_node* each : made->below) {
            if (each != nullptr) each->keep();
        }
        copy = made;
    }
    dead.release(std::exchange(link, copy));
    return *link;
}

// Replaces an owned shard at `level` by a fork of shards.
inline void split_shard(map_node*& link, u32 level) {
    RAFTKIT_ASSERT(!link->shared());
    RAFTKIT_ASSERT(level < map_levels);
    map_shard* full = &as_shard(*link);
    auto* fork = new map_fork;
    for (const map_slot& each : full->slots) {  // sorted: each shard is filled in its order
        map_node*& below = fork->below[map_branch(each.hash, level)];
        if (below == nullptr) below = new map_shard;
        as_shard(*below).slots.push_back(each);
    }
    full->slots.clear();
    delete full;
    link = fork;
}

// The shard that holds `hash`, if any, and the end of the range of hashes that it, or nothing,
// covers.
struct map_range {
    const map_shard* shard;
    u64 end;
    u32 level;  // of the shard
};
inline map_range shard_of(map_node* root, u64 hash) noexcept {
    map_node* node = root;
    u64 size = map_hash_end;
    u32 level = 0;
    for (; node != nullptr && !node->is_shard; ++level) {
        size >>= map_fork_bits;
        node = as_fork(*node).below[map_branch(hash, level)];
    }
    return {node == nullptr ? nullptr : &as_shard(*node), (hash / size + 1) * size, level};
}

}  // namespace detail

RAFTKIT_NAMESPACE_END
