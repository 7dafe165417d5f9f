#pragma once
// The simplest capture: a copy of the state as bytes. O(state) in the apply context, so it is for
// small states; larger ones want persistent_map. Bytes is std::string or std::vector<std::byte>.
//
//   auto capture() { return copy_image(state_); }
//   auto restore(const snapshot_meta&) { return copy_restore(state_); }

#include <algorithm>
#include <cstring>
#include <utility>

#include <raftkit/concepts/state_machine.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class Bytes>
class copy_image {
public:
    explicit copy_image(Bytes state) noexcept : state_(std::move(state)) {}

    result<image_step> next(std::span<std::byte> chunk) noexcept {
        const std::size_t size = std::min(chunk.size(), state_.size() - at_);
        if (size != 0) std::memcpy(chunk.data(), state_.data() + at_, size);
        at_ += size;
        const bool end = at_ == state_.size();
        return image_step{static_cast<u32>(size), end, end};
    }

private:
    Bytes state_;
    std::size_t at_ = 0;
};

// Gathers a new state beside the live one. commit() swaps: the old state dies with this writer, on
// the work executor. Requires: `live` outlives it.
template <class Bytes>
class copy_restore {
public:
    explicit copy_restore(Bytes& live) noexcept : live_(&live) {}

    result<void> write(const chunk& piece) noexcept {
        if (ended_ || piece.section != 0 || piece.offset != staged_.size()) {
            return error{errc::corrupt, 0, "copy_restore: chunks out of order", piece.offset};
        }
        const auto* from =
            reinterpret_cast<const typename Bytes::value_type*>(piece.bytes.bytes().data());
        if (!piece.bytes.empty()) staged_.insert(staged_.end(), from, from + piece.bytes.size());
        ended_ = piece.end;
        return {};
    }
    // Requires: the `end` chunk was written.
    void commit() noexcept {
        RAFTKIT_ASSERT(ended_);
        std::swap(*live_, staged_);
    }

private:
    Bytes* live_;
    Bytes staged_;
    bool ended_ = false;
    static_assert(sizeof(typename Bytes::value_type) == 1);
};

RAFTKIT_NAMESPACE_END
