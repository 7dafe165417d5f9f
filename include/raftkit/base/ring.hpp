#pragma once
// A queue whose elements keep their position for life: position p is pushed once, lives at slot p
// mod capacity, and is found without a search. It grows by doubling and never shrinks, so a steady
// state allocates nothing. Tickets, pending proposals, in-flight windows and the log tail's runs
// are all such queues.
//
//        first()            end()
//          v                  v
//   . . .  7   8   9  10  11  .  .        pop_front -> first() + 1, push_back -> end() + 1,
//   pop_back -> end() - 1

#include <cstddef>
#include <new>
#include <utility>

#include <raftkit/base/assert.hpp>
#include <raftkit/base/ordinal.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class T>
class ring {
public:
    ring() noexcept = default;
    explicit ring(u64 first) noexcept : first_(first), end_(first) {}
    ring(ring&& other) noexcept
        : slots_(std::exchange(other.slots_, nullptr)),
          capacity_(std::exchange(other.capacity_, 0)),
          first_(other.first_),
          end_(std::exchange(other.end_, other.first_)) {}
    ring& operator=(ring&& other) noexcept {
        std::swap(slots_, other.slots_);
        std::swap(capacity_, other.capacity_);
        std::swap(first_, other.first_);
        std::swap(end_, other.end_);
        return *this;
    }
    ~ring() {
        clear();
        give_back(slots_);
    }

    bool empty() const noexcept { return first_ == end_; }
    u64 size() const noexcept { return end_ - first_; }
    u64 capacity() const noexcept { return capacity_; }
    u64 first() const noexcept { return first_; }  // position of front()
    u64 end() const noexcept { return end_; }      // position of the next push_back
    bool contains(u64 position) const noexcept { return position - first_ < end_ - first_; }

    // References live until the next push_back.
    T& push_back(T value) {
        if (size() == capacity_) grow(capacity_ == 0 ? slots_min : capacity_ * 2);
        T* made = new (slots_ + slot(end_)) T(std::move(value));
        ++end_;
        return *made;
    }
    // Requires: not empty.
    void pop_front() noexcept {
        front().~T();
        ++first_;
    }
    // Requires: not empty.
    void pop_back() noexcept {
        back().~T();
        --end_;
    }
    T& front() noexcept { return held(first_); }
    const T& front() const noexcept { return held(first_); }
    T& back() noexcept { return held(end_ - 1); }
    const T& back() const noexcept { return held(end_ - 1); }
    // Requires: contains(position).
    T& operator[](u64 position) noexcept {
        RAFTKIT_ASSERT(contains(position));
        return slots_[slot(position)];
    }
    const T& operator[](u64 position) const noexcept {
        RAFTKIT_ASSERT(contains(position));
        return slots_[slot(position)];
    }

    void reserve(u64 count) {
        u64 wanted = capacity_ == 0 ? slots_min : capacity_;
        while (wanted < count) wanted *= 2;
        if (wanted > capacity_) grow(wanted);
    }
    // Keeps the capacity and the position.
    void clear() noexcept {
        while (!empty()) pop_back();
    }
    // Continues from another position, e.g. after a reset of the log. Ensures: empty, first() ==
    // position.
    void restart(u64 position) noexcept {
        clear();
        first_ = end_ = position;
    }

private:
    static constexpr u64 slots_min = 8;

    // The first or the last.
    T& held(u64 position) const noexcept {
        RAFTKIT_ASSERT(!empty());
        return slots_[slot(position)];
    }
    std::size_t slot(u64 position) const noexcept {
        return static_cast<std::size_t>(position & (capacity_ - 1));  // capacity is a power of two
    }
    static T* take(u64 count) {
        return static_cast<T*>(::operator new(static_cast<std::size_t>(count) * sizeof(T),
                                              std::align_val_t{alignof(T)}));
    }
    static void give_back(T* slots) noexcept {
        ::operator delete(slots, std::align_val_t{alignof(T)});
    }

    [[gnu::cold, gnu::noinline]] void grow(u64 wanted) {
        T* larger = take(wanted);
        for (u64 position = first_; position != end_; ++position) {
            T& old = slots_[slot(position)];
            new (larger + (position & (wanted - 1))) T(std::move(old));
            old.~T();
        }
        give_back(slots_);
        slots_ = larger;
        capacity_ = wanted;
    }

    T* slots_ = nullptr;
    u64 capacity_ = 0, first_ = 0, end_ = 0;
};

RAFTKIT_NAMESPACE_END
