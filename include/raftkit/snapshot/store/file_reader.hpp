#pragma once
// Reads one stored snapshot. Every frame is checked before a byte of it leaves: a flipped bit is
// `corrupt`, never wrong bytes (scenario D50). A reader is a pin: removal hides the snapshot, and
// its files stay until the last reader closed.

#include <memory>
#include <optional>
#include <utility>

#include <raftkit/port/apply.hpp>
#include <raftkit/snapshot/store/file_shelf.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace snapshot_disk {

template <class Files>
class file_snapshot_reader {
public:
    file_snapshot_reader(Files files, std::shared_ptr<stored_place> place,
                         snapshot_manifest manifest) noexcept
        : files_(std::move(files)), place_(std::move(place)), manifest_(std::move(manifest)) {
        place_->readers.fetch_add(1, std::memory_order_relaxed);
    }
    file_snapshot_reader(file_snapshot_reader&& other) noexcept =
        default;  // a moved-from place_ is null
    file_snapshot_reader& operator=(file_snapshot_reader&& other) noexcept {
        std::swap(files_, other.files_);
        std::swap(place_, other.place_);
        std::swap(manifest_, other.manifest_);
        std::swap(file_, other.file_);
        std::swap(file_section_, other.file_section_);
        std::swap(cached_, other.cached_);
        std::swap(cached_frame_, other.cached_frame_);
        return *this;
    }
    // Any thread. Gives no space back itself: the store's next call does, on the work thread.
    ~file_snapshot_reader() {
        file_.reset();
        if (place_ != nullptr) place_->readers.fetch_sub(1, std::memory_order_release);
    }

    const snapshot_manifest& manifest() const noexcept { return manifest_; }
    // As many bytes as asked for, unless the section ends (known bug 61), at most 64 MiB.
    result<chunk> read(u32 section, u64 offset, u32 bytes_max) noexcept;

private:
    using handle = typename Files::handle;

    result<void> use(u32 section) noexcept;
    result<void> fill(u32 section, u64 offset, mutable_byte_span into, u32 size) noexcept;
    result<byte_span> cached(u32 section, u64 frame, u32 size) noexcept;

    Files files_;
    std::shared_ptr<stored_place> place_;
    snapshot_manifest manifest_;
    std::optional<handle> file_;
    u32 file_section_ = 0;
    buffer cached_;  // the last frame of file_section_ of which a part was asked for
    u64 cached_frame_ = 0;
};

template <class Files>
result<chunk> file_snapshot_reader<Files>::read(u32 section, u64 offset, u32 bytes_max) noexcept {
    if (place_ == nullptr || section >= manifest_.sections.size() || bytes_max == 0 ||
        offset > manifest_.sections[section].bytes) {
        return error{errc::invalid_option, 0, "snapshot.read: outside of the snapshot", offset};
    }
    const u64 left = manifest_.sections[section].bytes - offset;
    const u32 size = static_cast<u32>(std::min<u64>({left, bytes_max, stored_chunk_bytes_max}));
    chunk out{section, offset, buffer::allocate(size + frame_crc_bytes), false, false};
    if (!out.bytes.valid())
        return error{errc::no_space, 0, "snapshot.read: no memory for a chunk", size};
    if (size != 0) {
        result<void> filled = use(section);
        if (filled)
            filled = fill(section, offset, {out.bytes.data(), size + frame_crc_bytes}, size);
        if (!filled) return filled.why();
    }
    out.bytes.shrink(size);
    out.end_of_section = size == left;
    out.end = out.end_of_section && section + 1 == manifest_.sections.size();
    return out;
}

template <class Files>
result<void> file_snapshot_reader<Files>::use(u32 section) noexcept {
    if (file_ && file_section_ == section) return {};
    file_.reset();
    cached_.reset();
    result<handle> opened = files_.open(place_->directory + "/" + section_file_name(section), {});
    if (!opened) {
        const error why = opened.why();
        if (why.code != errc::not_found) return why;
        return error{errc::corrupt, why.os, "snapshot/store/file: a section is missing", section};
    }
    file_.emplace(std::move(*opened));
    file_section_ = section;
    return {};
}

// Whole frames are read where they belong: the checksum lands on the place of the bytes that come
// next.
template <class Files>
result<void> file_snapshot_reader<Files>::fill(u32 section, u64 offset, mutable_byte_span into,
                                               u32 size) noexcept {
    const u32 frame_bytes = manifest_.chunk_bytes;
    const u64 section_bytes = manifest_.sections[section].bytes;
    for (u32 done = 0; done < size;) {
        const u64 frame = (offset + done) / frame_bytes;
        const u32 skipped = static_cast<u32>((offset + done) % frame_bytes);
        const u32 whole =
            static_cast<u32>(std::min<u64>(frame_bytes, section_bytes - frame * frame_bytes));
        if (skipped == 0 && whole <= size - done) {
            const result<void> read =
                read_frame(files_, *file_, manifest_.meta.id, section, frame, frame_bytes,
                           into.subspan(done, whole + frame_crc_bytes));
            if (!read) return read;
            done += whole;
            continue;
        }
        const result<byte_span> bytes = cached(section, frame, whole);
        if (!bytes) return bytes.why();
        const u32 part = std::min(whole - skipped, size - done);
        std::memcpy(into.data() + done, bytes->data() + skipped, part);
        done += part;
    }
    return {};
}

template <class Files>
result<byte_span> file_snapshot_reader<Files>::cached(u32 section, u64 frame, u32 size) noexcept {
    if (!cached_.valid() || cached_frame_ != frame) {
        cached_ = buffer::allocate(size + frame_crc_bytes);
        if (!cached_.valid())
            return error{errc::no_space, 0, "snapshot.read: no memory for a chunk", size};
        const result<void> read =
            read_frame(files_, *file_, manifest_.meta.id, section, frame, manifest_.chunk_bytes,
                       {cached_.data(), cached_.size()});
        if (!read) {
            cached_.reset();
            return read.why();
        }
        cached_frame_ = frame;
    }
    return cached_.bytes().first(size);
}

}  // namespace snapshot_disk

RAFTKIT_NAMESPACE_END
