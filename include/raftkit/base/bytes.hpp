#pragma once
// Little-endian cursors over byte spans. Readers never run past the end: a short input makes every
// later read return zero and `ok()` false, so that a decoder checks once, at its end, before it
// believes anything.

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include <raftkit/base/assert.hpp>
#include <raftkit/base/ordinal.hpp>

RAFTKIT_NAMESPACE_BEGIN

using byte_span = std::span<const std::byte>;
using mutable_byte_span = std::span<std::byte>;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "raftkit: big-endian hosts are not supported yet");

template <class Integer>
inline void store_le(std::byte* at, Integer value) noexcept {
    std::memcpy(at, &value, sizeof value);
}
template <class Integer>
inline Integer load_le(const std::byte* at) noexcept {
    Integer value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

constexpr u64 round_up(u64 bytes, u64 unit) noexcept { return (bytes + unit - 1) / unit * unit; }

inline byte_span as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(byte_span bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class byte_reader {
public:
    explicit byte_reader(byte_span from) noexcept : from_(from) {}

    bool ok() const noexcept { return ok_; }
    bool at_end() const noexcept { return at_ == from_.size(); }
    std::size_t position() const noexcept { return at_; }
    std::size_t left() const noexcept { return from_.size() - at_; }

    template <class Integer>
    Integer take() noexcept {
        if (!has(sizeof(Integer))) return Integer{};
        const auto value = load_le<Integer>(from_.data() + at_);
        at_ += sizeof(Integer);
        return value;
    }
    u8 take_u8() noexcept { return take<u8>(); }
    u16 take_u16() noexcept { return take<u16>(); }
    u32 take_u32() noexcept { return take<u32>(); }
    u64 take_u64() noexcept { return take<u64>(); }
    template <class Tag>
    void take(ordinal<Tag>& into) noexcept {
        into.value = take_u64();
    }
    // Borrowed from the input; empty and !ok() if fewer are left.
    byte_span take_bytes(std::size_t count) noexcept {
        if (!has(count)) return {};
        const byte_span taken = from_.subspan(at_, count);
        at_ += count;
        return taken;
    }

private:
    bool has(std::size_t count) noexcept {
        if (ok_ && count <= left()) return true;
        ok_ = false;
        return false;
    }

    byte_span from_;
    std::size_t at_ = 0;
    bool ok_ = true;
};

// Writes into a caller's span. Requires: it is large enough (our own sizes: asserted).
class byte_writer {
public:
    explicit byte_writer(mutable_byte_span into) noexcept : into_(into) {}

    std::size_t position() const noexcept { return at_; }
    byte_span written() const noexcept { return byte_span(into_).first(at_); }

    template <class Integer>
    void put(Integer value) noexcept {
        RAFTKIT_ASSERT(sizeof value <= into_.size() - at_);
        store_le(into_.data() + at_, value);
        at_ += sizeof value;
    }
    void put_u8(u8 value) noexcept { put(value); }
    void put_u16(u16 value) noexcept { put(value); }
    void put_u32(u32 value) noexcept { put(value); }
    void put_u64(u64 value) noexcept { put(value); }
    template <class Tag>
    void put(ordinal<Tag> value) noexcept {
        put(value.value);
    }
    void put_bytes(byte_span bytes) noexcept {
        RAFTKIT_ASSERT(bytes.size() <= into_.size() - at_);
        if (!bytes.empty()) std::memcpy(into_.data() + at_, bytes.data(), bytes.size());
        at_ += bytes.size();
    }
    void put_zeros(std::size_t count) noexcept {
        RAFTKIT_ASSERT(count <= into_.size() - at_);
        if (count != 0) std::memset(into_.data() + at_, 0, count);
        at_ += count;
    }

private:
    mutable_byte_span into_;
    std::size_t at_ = 0;
};

RAFTKIT_NAMESPACE_END
