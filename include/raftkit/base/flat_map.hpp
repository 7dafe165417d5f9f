#pragma once
// A small map as a sorted vector. Peers, jobs and snapshots are at most a few dozen: a scan of
// adjacent keys beats a tree, iteration is in key order on every machine (a simulator needs that),
// and nothing is allocated in steady state.

#include <utility>
#include <vector>

#include <raftkit/base/assert.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class Key, class Value>
class flat_map {
public:
    using entry = std::pair<Key, Value>;
    using iterator = typename std::vector<entry>::iterator;
    using const_iterator = typename std::vector<entry>::const_iterator;

    bool empty() const noexcept { return entries_.empty(); }
    std::size_t size() const noexcept { return entries_.size(); }
    iterator begin() noexcept { return entries_.begin(); }
    iterator end() noexcept { return entries_.end(); }
    const_iterator begin() const noexcept { return entries_.begin(); }
    const_iterator end() const noexcept { return entries_.end(); }

    // Null when there is none. Pointers live until the next insertion or erasure.
    Value* find(const Key& key) noexcept {
        const iterator at = entries_.begin() + place(key);
        return at != entries_.end() && at->first == key ? &at->second : nullptr;
    }
    const Value* find(const Key& key) const noexcept {
        const const_iterator at = entries_.begin() + place(key);
        return at != entries_.end() && at->first == key ? &at->second : nullptr;
    }
    bool contains(const Key& key) const noexcept { return find(key) != nullptr; }
    // Requires: contains(key).
    Value& at(const Key& key) noexcept {
        Value* found = find(key);
        RAFTKIT_ASSERT(found != nullptr);
        return *found;
    }
    const Value& at(const Key& key) const noexcept {
        const Value* found = find(key);
        RAFTKIT_ASSERT(found != nullptr);
        return *found;
    }

    // The value of `key`; made from `arguments` only if there was none. Second: whether it was
    // made.
    template <class... Arguments>
    std::pair<Value&, bool> try_emplace(const Key& key, Arguments&&... arguments) {
        iterator at = entries_.begin() + place(key);
        if (at != entries_.end() && at->first == key) return {at->second, false};
        at = entries_.insert(at, entry(key, Value(std::forward<Arguments>(arguments)...)));
        return {at->second, true};
    }
    Value& operator[](const Key& key) { return try_emplace(key).first; }
    Value& insert_or_assign(const Key& key, Value value) {
        Value& slot = try_emplace(key).first;
        slot = std::move(value);
        return slot;
    }

    bool erase(const Key& key) noexcept {
        const iterator at = entries_.begin() + place(key);
        if (at == entries_.end() || at->first != key) return false;
        entries_.erase(at);
        return true;
    }
    iterator erase(iterator at) noexcept { return entries_.erase(at); }
    void clear() noexcept { entries_.clear(); }

private:
    // Where `key` is or belongs. Appending in key order, the usual case, is found at once.
    std::ptrdiff_t place(const Key& key) const noexcept {
        if (entries_.empty() || entries_.back().first < key) return std::ptrdiff_t(entries_.size());
        std::size_t low = 0, high = entries_.size();
        while (low < high) {
            const std::size_t middle = low + (high - low) / 2;
            if (entries_[middle].first < key) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return std::ptrdiff_t(low);
    }

    std::vector<entry> entries_;
};

RAFTKIT_NAMESPACE_END
