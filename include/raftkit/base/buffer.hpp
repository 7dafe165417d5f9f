#pragma once
// A buffer owns a slice of a block; a bytes_view borrows one and can be kept. 24 bytes each.

#include <cstring>
#include <utility>

#include <raftkit/base/block_pool.hpp>
#include <raftkit/base/bytes.hpp>

RAFTKIT_NAMESPACE_BEGIN

class buffer {
public:
    buffer() noexcept = default;
    // Takes over one reference to `owner`.
    buffer(block* owner, const std::byte* data, u32 size) noexcept
        : block_(owner), data_(data), size_(size) {}
    buffer(buffer&& other) noexcept
        : block_(std::exchange(other.block_, nullptr)),
          data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)) {}
    buffer& operator=(buffer&& other) noexcept {
        if (this != &other) {
            reset();
            block_ = std::exchange(other.block_, nullptr);
            data_ = std::exchange(other.data_, nullptr);
            size_ = std::exchange(other.size_, 0);
        }
        return *this;
    }
    ~buffer() { reset(); }

    // A fresh writable buffer; !valid() when out of memory. `headroom` bytes before data() stay
    // free for a header.
    static buffer allocate(u32 size, u32 headroom = 0) noexcept {
        block* made = allocate_block(size + headroom);
        return made == nullptr ? buffer{} : buffer{made, made->bytes() + headroom, size};
    }
    static buffer copy_of(byte_span bytes, u32 headroom = 0) noexcept {
        buffer made = allocate(static_cast<u32>(bytes.size()), headroom);
        if (made.valid() && !bytes.empty()) std::memcpy(made.data(), bytes.data(), bytes.size());
        return made;
    }

    bool valid() const noexcept { return block_ != nullptr; }
    bool empty() const noexcept { return size_ == 0; }
    u32 size() const noexcept { return size_; }
    byte_span bytes() const noexcept { return {data_, size_}; }
    block* owner() const noexcept { return block_; }
    u32 headroom() const noexcept {
        return block_ == nullptr ? 0 : static_cast<u32>(data_ - block_->bytes());
    }
    // Requires: sole owner (the bytes are still being filled).
    std::byte* data() noexcept {
        RAFTKIT_ASSERT(block_ != nullptr);
        return block_->bytes() + (data_ - block_->bytes());
    }
    buffer share() const noexcept {
        if (block_ != nullptr) keep_block(block_);
        return {block_, data_, size_};
    }
    buffer slice(u32 from, u32 count) const noexcept {
        RAFTKIT_ASSERT(from <= size_ && count <= size_ - from);
        if (block_ != nullptr) keep_block(block_);
        return {block_, data_ + from, count};
    }
    // Requires: size <= size().
    void shrink(u32 size) noexcept {
        RAFTKIT_ASSERT(size <= size_);
        size_ = size;
    }
    block* release() noexcept {
        data_ = nullptr;
        size_ = 0;
        return std::exchange(block_, nullptr);
    }
    void reset() noexcept {
        if (block_ != nullptr) release_block(block_);
        block_ = nullptr;
        data_ = nullptr;
        size_ = 0;
    }

private:
    block* block_ = nullptr;
    const std::byte* data_ = nullptr;
    u32 size_ = 0;
};

// Borrowed slice, trivially copyable; valid as long as its lender says. keep() takes the reference;
// a view without an owner (stack or static memory) is copied.
struct bytes_view {
    block* owner = nullptr;
    const std::byte* data = nullptr;
    u32 size = 0;

    byte_span bytes() const noexcept { return {data, size}; }
    buffer keep() const noexcept {
        if (owner == nullptr) return buffer::copy_of(bytes());
        keep_block(owner);
        return {owner, data, size};
    }
    static bytes_view of(const buffer& held) noexcept {
        return {held.owner(), held.bytes().data(), held.size()};
    }
    static bytes_view of(byte_span bytes) noexcept {
        return {nullptr, bytes.data(), static_cast<u32>(bytes.size())};
    }
};

RAFTKIT_NAMESPACE_END
