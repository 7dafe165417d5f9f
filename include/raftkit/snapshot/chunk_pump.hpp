#pragma once
// The pump between an image and whatever takes chunks: it calls image.next() until a chunk is full
// or its section ends, and counts sections and offsets, so that an image that fills little at a
// time does not make little chunks.
//
//   image.next(rest of the chunk) -> {bytes, end_of_section, end}        one call outstanding
//   chunk {section 0, offset 0} {0, 256K} {0, 512K, end_of_section} {1, 0} ... {n, x, end}
//
// The end of an image is the end of its last section: an image without sections of its own has one.
// A section whose length is an exact multiple of the chunk may end with an empty chunk, as its
// image did not know earlier. One chunk lives at a time: that is the pump's memory.

#include <string>

#include <raftkit/concepts/state_machine.hpp>
#include <raftkit/snapshot/manifest.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class Image>
class chunk_pump {
public:
    // Requires: chunk_bytes > 0.
    explicit chunk_pump(u32 chunk_bytes) noexcept : chunk_bytes_(chunk_bytes) {
        RAFTKIT_ASSERT(chunk_bytes > 0);
    }

    bool ended() const noexcept { return ended_; }
    // Whether the next chunk begins a section; then describe() says which.
    bool at_section() const noexcept { return !ended_ && offset_ == 0 && !begun_; }
    section_meta describe(const Image& image) const;
    // Requires: !ended(). An error is final.
    result<chunk> pull(Image& image);

    u64 bytes() const noexcept { return bytes_; }
    u32 sections() const noexcept { return ended_ ? section_ : section_ + 1; }

private:
    u32 chunk_bytes_;
    u32 section_ = 0;
    u64 offset_ = 0, bytes_ = 0;
    bool begun_ = false;  // a chunk of this section was pulled, perhaps an empty one
    bool ended_ = false;
};

template <class Image>
section_meta chunk_pump<Image>::describe(const Image& image) const {
    if constexpr (sectioned_image<Image>) {
        return image.section();
    } else {
        maybe(section_ > 0);
        section_meta made;
        made.name = section_ == 0 ? "state" : "state-" + std::to_string(section_);
        return made;
    }
}

template <class Image>
result<chunk> chunk_pump<Image>::pull(Image& image) {
    RAFTKIT_ASSERT(!ended_);
    if (section_ >= manifest_sections_max)
        return error{errc::too_large, 0, "chunk_pump: sections", section_};

    buffer filled = buffer::allocate(chunk_bytes_);
    if (!filled.valid())
        return error{errc::no_space, 0, "chunk_pump: no memory for a chunk", chunk_bytes_};
    u32 size = 0;
    image_step step;
    while (size < chunk_bytes_ && !step.end_of_section && !step.end) {
        const u32 room = chunk_bytes_ - size;
        result<image_step> got = image.next({filled.data() + size, room});
        if (!got) return got.why();
        step = *got;
        // A user's image is an input: what it claims must fit, and it must get on.
        if (step.bytes > room)
            return error{errc::corrupt, 0, "image.next: more bytes than room", step.bytes};
        if (step.bytes == 0 && !step.end_of_section && !step.end) {
            return error{errc::corrupt, 0, "image.next: neither bytes nor an end", offset_ + size};
        }
        size += step.bytes;
    }
    filled.shrink(size);

    chunk made{section_, offset_, std::move(filled), step.end_of_section || step.end, step.end};
    bytes_ += size;
    offset_ += size;
    begun_ = true;
    if (made.end_of_section) {
        ++section_;
        offset_ = 0;
        begun_ = false;
    }
    ended_ = made.end;
    return made;
}

RAFTKIT_NAMESPACE_END
