#pragma once
// A map from strings to bytes that can be captured in O(1) while it goes on changing: for state
// machines of any size. One thread changes and reads it; images are read and dropped on any thread.
//
//   map ──▶ root ◀── image          a capture is a reference
//   map ──▶ root'                   the first write copies the way to one shard, the rest stays
//   shared
//             └─▶ ... ◀── image
//
// Everything is expected O(1): lookups walk a few forks (log16 of size / 100), a first write after
// a capture copies at most about 256 slots, clear() hands the old tree to later calls, which free
// it a little at a time. Iteration is in the order of a hash, the same on every node with the same
// seed.

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <raftkit/base/checksum.hpp>
#include <raftkit/snapshot/capture/shard_tree.hpp>

RAFTKIT_NAMESPACE_BEGIN

class persistent_map_image;

class persistent_map {
public:
    // A seed that clients can't guess keeps them from choosing keys that collide; nodes that let a
    // scan go on after a change of leader share theirs.
    explicit persistent_map(u64 seed = 0) noexcept : seed_(seed) {}
    persistent_map(persistent_map&& other) noexcept : seed_(other.seed_) { swap(other); }
    persistent_map& operator=(persistent_map&& other) noexcept {
        swap(other);
        return *this;
    }
    ~persistent_map() { dead_.release(root_); }
    void swap(persistent_map& other) noexcept {
        std::swap(root_, other.root_);
        std::swap(dead_, other.dead_);
        std::swap(size_, other.size_);
        std::swap(bytes_, other.bytes_);
        std::swap(seed_, other.seed_);
    }

    u64 size() const noexcept { return size_; }
    u64 bytes() const noexcept { return bytes_; }  // of all keys and values
    bool empty() const noexcept { return size_ == 0; }
    u64 seed() const noexcept { return seed_; }

    // Valid until the next change.
    std::optional<byte_span> find(std::string_view key) const noexcept;
    bool contains(std::string_view key) const noexcept { return find(key).has_value(); }
    // A hint: what these keys need is brought near while it is brought for all of them, so that a
    // batch waits for memory once instead of a few times a key.
    void prefetch(std::span<const std::string_view> keys) const noexcept;
    // Inserts or replaces; true if the key is new. `key` and `value` may point into the map.
    bool insert(std::string_view key, byte_span value);
    // True if it was there.
    bool erase(std::string_view key) noexcept;
    void clear() noexcept;
    // Frees some of what was dropped, for idle times; false: nothing is left. Every change does a
    // little of it.
    bool free_some(u32 nodes_max) noexcept {
        dead_.reap(nodes_max);
        return !dead_.empty();
    }

    // Visits each(std::string_view, byte_span) of at least `count` entries if there are as many,
    // from `cursor` on, and returns the cursor to go on with; begins and ends with 0. Whatever
    // happens between the calls, a key that is there the whole time is visited exactly once.
    // Requires: count > 0; `each` does not change the map.
    template <class Each>
    u64 scan(u64 cursor, u32 count, Each&& each) const;
    template <class Each>
    void for_each(Each&& each) const {
        u64 cursor = 0;
        do {
            cursor = scan(cursor, ~u32{0}, each);
        } while (cursor != 0);
    }
    // Of the contents: independent of order and history. O(size).
    digest128 digest() const noexcept;

    // How many shards there are, and the slots of the largest: what a first write may have to copy.
    // O(shards).
    struct shape {
        u64 shards = 0, largest = 0;
    };
    shape measure() const noexcept;

    // O(1). The image is what the map is now, whatever happens to the map.
    persistent_map_image capture() const noexcept;

private:
    friend class persistent_map_image;
    using node = detail::map_node;
    using shard = detail::map_shard;
    static constexpr u32 reaped_a_change = 2;

    shard& own_shard(u64 hash, u32& level, node**& link);

    node* root_ = nullptr;
    detail::map_dead_nodes dead_;
    u64 size_ = 0, bytes_ = 0, seed_;
};

inline std::optional<byte_span> persistent_map::find(std::string_view key) const noexcept {
    const u64 hash = detail::map_hash(key, seed_);
    const detail::map_range in = detail::shard_of(root_, hash);
    if (in.shard == nullptr) return std::nullopt;
    const std::size_t at = in.shard->find(hash, in.level, key);
    if (at == in.shard->slots.size()) return std::nullopt;
    return in.shard->slots[at].record->value();
}

inline void persistent_map::prefetch(std::span<const std::string_view> keys) const noexcept {
    constexpr std::size_t together = 32;
    struct walk {
        u64 hash;
        const node* at;
        u32 level;
    };
    std::array<walk, together> walks;
    for (; !keys.empty(); keys = keys.subspan(std::min(together, keys.size()))) {
        const std::span<walk> some(walks.data(), std::min(together, keys.size()));
        for (std::size_t k = 0; k < some.size(); ++k)
            some[k] = {detail::map_hash(keys[k], seed_), root_, 0};
        for (bool deeper = true; deeper;) {
            deeper = false;
            for (walk& each : some) {
                if (each.at == nullptr || each.at->is_shard) continue;
                const auto& fork = static_cast<const detail::map_fork&>(*each.at);
                each.at = fork.below[detail::map_branch(each.hash, each.level++)];
                __builtin_prefetch(each.at);
                deeper = true;
            }
        }
        const auto for_each_shard = [&](auto&& what) {
            for (const walk& each : some) {
                if (each.at == nullptr) continue;
                const auto& in = static_cast<const shard&>(*each.at);
                if (!in.slots.empty()) what(in, each);
            }
        };
        for_each_shard([](const shard& in, const walk& of) {
            __builtin_prefetch(&in.slots[in.guess(of.hash, of.level)]);
        });
        for_each_shard([](const shard& in, const walk& of) {
            const std::size_t at = in.place(of.hash, of.level);
            if (at < in.slots.size()) __builtin_prefetch(in.slots[at].record);
        });
    }
}

// The shard for `hash`, made if there is none, with everything above it ours alone.
inline persistent_map::shard& persistent_map::own_shard(u64 hash, u32& level, node**& link) {
    link = &root_;
    for (level = 0; *link != nullptr && !(*link)->is_shard; ++level) {
        auto& fork = detail::as_fork(detail::own_node(*link, dead_));
        link = &fork.below[detail::map_branch(hash, level)];
    }
    if (*link == nullptr) *link = new shard;
    return detail::as_shard(detail::own_node(*link, dead_));
}

inline bool persistent_map::insert(std::string_view key, byte_span value) {
    const u64 hash = detail::map_hash(key, seed_);
    detail::map_record* made = detail::map_record::make(key, value);
    dead_.reap(reaped_a_change);
    u32 level = 0;
    node** link = nullptr;
    shard& into = own_shard(hash, level, link);
    const std::size_t at = into.find(hash, level, made->key());
    if (at < into.slots.size()) {
        detail::map_record* old = std::exchange(into.slots[at].record, made);
        bytes_ = bytes_ - old->value_bytes + made->value_bytes;
        old->release();
        return false;
    }
    into.slots.insert(into.slots.begin() + static_cast<std::ptrdiff_t>(into.place(hash, level)),
                      {hash, made});
    ++size_;
    bytes_ += u64{made->key_bytes} + made->value_bytes;
    if (into.slots.size() > detail::map_shard_slots_max && level < detail::map_levels)
        detail::split_shard(*link, level);
    return true;
}

inline bool persistent_map::erase(std::string_view key) noexcept {
    const u64 hash = detail::map_hash(key, seed_);
    dead_.reap(reaped_a_change);
    if (!contains(key)) return false;  // a miss copies nothing

    std::array<node**, detail::map_levels + 1> path;
    u32 level = 0;
    node** link = &root_;
    for (; !(*link)->is_shard; ++level) {
        path[level] = link;
        link =
            &detail::as_fork(detail::own_node(*link, dead_)).below[detail::map_branch(hash, level)];
    }
    shard& from = detail::as_shard(detail::own_node(*link, dead_));
    const std::size_t at = from.find(hash, level, key);
    detail::map_record* gone = from.slots[at].record;
    --size_;
    bytes_ -= u64{gone->key_bytes} + gone->value_bytes;
    from.slots.erase(from.slots.begin() + static_cast<std::ptrdiff_t>(at));
    gone->release();
    if (!from.slots.empty()) return true;

    // Empty shards go, and the forks that only led to them.
    dead_.release(std::exchange(*link, nullptr));
    while (level > 0 && detail::as_fork(**path[level - 1]).empty()) {
        --level;
        dead_.release(std::exchange(*path[level], nullptr));
    }
    return true;
}

inline void persistent_map::clear() noexcept {
    dead_.release(std::exchange(root_, nullptr));
    size_ = 0;
    bytes_ = 0;
}

template <class Each>
u64 persistent_map::scan(u64 cursor, u32 count, Each&& each) const {
    RAFTKIT_ASSERT(count > 0);
    u64 visited = 0;
    while (cursor < detail::map_hash_end) {
        const detail::map_range range = detail::shard_of(root_, cursor);
        if (range.shard == nullptr) {
            cursor = range.end;
            continue;
        }
        const std::vector<detail::map_slot>& slots = range.shard->slots;
        for (std::size_t at = range.shard->place(cursor, range.level); at < slots.size(); ++at) {
            // Entries of one hash are never torn apart: the cursor could not tell them.
            if (visited >= count && slots[at].hash >= cursor) return slots[at].hash;
            each(slots[at].record->key(), slots[at].record->value());
            ++visited;
            cursor = slots[at].hash + 1;
        }
        cursor = range.end;
    }
    return 0;
}

inline digest128 persistent_map::digest() const noexcept {
    digest128 sum{};
    for_each([&](std::string_view key, byte_span value) {
        std::array<std::byte, 8> length;
        store_le(length.data(), u64{key.size()});
        digest128_builder one;
        one.update(length);
        one.update(as_bytes(key));
        one.update(value);
        const digest128 of = one.finish();
        sum[0] += of[0];
        sum[1] += of[1] + (sum[0] < of[0] ? 1 : 0);
    });
    return sum;
}

inline persistent_map::shape persistent_map::measure() const noexcept {
    shape seen;
    for (u64 at = 0; at < detail::map_hash_end;) {
        const detail::map_range range = detail::shard_of(root_, at);
        at = range.end;
        if (range.shard == nullptr) continue;
        ++seen.shards;
        seen.largest = std::max<u64>(seen.largest, range.shard->slots.size());
    }
    return seen;
}

RAFTKIT_NAMESPACE_END

#include <raftkit/snapshot/capture/map_image.hpp>
