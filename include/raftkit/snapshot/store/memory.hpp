#pragma once
// Snapshots in memory: for tests, simulations and nodes that may lose everything with their
// process. The same rules as on a disk (draft.hpp); what is stored is immutable, and a reader
// shares it, so removal under a reader is harmless.

#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include <raftkit/concepts/snapshot_store.hpp>
#include <raftkit/snapshot/store/draft.hpp>

RAFTKIT_NAMESPACE_BEGIN

class memory_snapshots {
    using frames = std::vector<buffer>;
    struct stored {
        snapshot_manifest manifest;
        std::shared_ptr<const std::vector<frames>> sections;
    };
    struct shelf {
        u64 capacity_bytes = 0, used_bytes = 0;
        std::vector<std::shared_ptr<const stored>> kept;  // newest first

        std::size_t place_of(snapshot_id id) const noexcept {
            std::size_t at = 0;
            while (at < kept.size() && kept[at]->manifest.meta.id != id) ++at;
            return at;
        }
    };

public:
    class writer;
    class reader;

    memory_snapshots() : memory_snapshots(std::numeric_limits<u64>::max()) {}
    explicit memory_snapshots(u64 capacity_bytes)
        : shelf_(std::make_shared<shelf>(shelf{capacity_bytes, 0, {}})) {}

    result<store_report> recover(const identity& who) noexcept;
    result<writer> create(const snapshot_manifest& asked) noexcept;
    result<reader> open(snapshot_id id) noexcept;
    result<std::vector<snapshot_manifest>> list() noexcept;
    result<void> remove(snapshot_id id) noexcept;
    result<void> settle(snapshot_id id) noexcept;
    result<void> quarantine(snapshot_id id) noexcept { return remove(id); }
    result<u64> free_bytes() noexcept { return shelf_->capacity_bytes - shelf_->used_bytes; }

private:
    std::shared_ptr<shelf> shelf_;
};

class memory_snapshots::writer {
public:
    writer(std::shared_ptr<shelf> to, snapshot_draft draft) noexcept
        : to_(std::move(to)),
          draft_(std::move(draft)),
          sections_(draft_.manifest().sections.size()) {}

    result<void> begin_section(const section_meta& of) noexcept {
        if (to_ == nullptr) return ended();
        const result<void> begun = draft_.begin_section(of);
        if (!begun) to_.reset();
        sections_.resize(draft_.manifest().sections.size());
        return begun;
    }
    result<void> write(const chunk& piece) noexcept;
    result<snapshot_manifest> publish() noexcept;
    void took(duration time) noexcept { draft_.took(time); }

private:
    static error ended() noexcept {
        return {errc::invalid_option, 0, "snapshot/store/memory: the writer ended"};
    }
    result<void> keep(u32 section, u64 place, byte_span bytes) noexcept;

    std::shared_ptr<shelf> to_;  // null after publish and after an error
    snapshot_draft draft_;
    std::vector<flat_map<u64, buffer>> sections_;  // frames by their number, as they come
    u64 bytes_ = 0;
};

class memory_snapshots::reader {
public:
    explicit reader(std::shared_ptr<const stored> of) noexcept : of_(std::move(of)) {}

    const snapshot_manifest& manifest() const noexcept { return of_->manifest; }
    result<chunk> read(u32 section, u64 offset, u32 bytes_max) const noexcept;

private:
    std::shared_ptr<const stored> of_;
};

inline result<store_report> memory_snapshots::recover(const identity&) noexcept {
    store_report seen;
    seen.published = static_cast<u32>(shelf_->kept.size());
    return seen;
}

inline result<memory_snapshots::writer> memory_snapshots::create(
    const snapshot_manifest& asked) noexcept {
    if (shelf_->place_of(asked.meta.id) < shelf_->kept.size()) {
        return error{errc::invalid_option, 0, "snapshot.create: that id is stored",
                     asked.meta.id.at.index.value};
    }
    result<snapshot_draft> draft = snapshot_draft::of(asked);
    if (!draft) return draft.why();
    return writer(shelf_, std::move(*draft));
}

inline result<memory_snapshots::reader> memory_snapshots::open(snapshot_id id) noexcept {
    const std::size_t at = shelf_->place_of(id);
    if (at == shelf_->kept.size())
        return error{errc::not_found, 0, "snapshot.open", id.at.index.value};
    return reader(shelf_->kept[at]);
}

inline result<std::vector<snapshot_manifest>> memory_snapshots::list() noexcept {
    std::vector<snapshot_manifest> listed;
    listed.reserve(shelf_->kept.size());
    for (const auto& each : shelf_->kept) listed.push_back(each->manifest);
    return listed;
}

inline result<void> memory_snapshots::remove(snapshot_id id) noexcept {
    const std::size_t at = shelf_->place_of(id);
    if (at == shelf_->kept.size())
        return error{errc::not_found, 0, "snapshot.remove", id.at.index.value};
    shelf_->used_bytes -= shelf_->kept[at]->manifest.meta.bytes;
    shelf_->kept.erase(shelf_->kept.begin() + static_cast<std::ptrdiff_t>(at));
    return {};
}

inline result<void> memory_snapshots::settle(snapshot_id id) noexcept {
    const std::size_t at = shelf_->place_of(id);
    if (at == shelf_->kept.size())
        return error{errc::not_found, 0, "snapshot.settle", id.at.index.value};
    stored settled = *shelf_->kept[at];  // readers keep the value that they opened
    settled.manifest.meta.installing = false;
    shelf_->kept[at] = std::make_shared<const stored>(std::move(settled));
    return {};
}

inline result<void> memory_snapshots::writer::keep(u32 section, u64 place,
                                                   byte_span bytes) noexcept {
    if (bytes_ + bytes.size() > to_->capacity_bytes - to_->used_bytes) {
        return error{errc::no_space, 0, "snapshot/store/memory.write", bytes_};
    }
    buffer copy = buffer::copy_of(bytes);
    if (!copy.valid()) return error{errc::no_space, 0, "snapshot/store/memory.write", bytes_};
    sections_[section].insert_or_assign(place, std::move(copy));
    bytes_ += bytes.size();
    return {};
}

inline result<void> memory_snapshots::writer::write(const chunk& piece) noexcept {
    if (to_ == nullptr) return ended();
    const result<void> written = draft_.write(piece, [&](u32 section, u64 place, byte_span bytes) {
        return keep(section, place, bytes);
    });
    if (!written) to_.reset();
    return written;
}

inline result<snapshot_manifest> memory_snapshots::writer::publish() noexcept {
    if (to_ == nullptr) return ended();
    const std::shared_ptr<shelf> to = std::move(to_);
    result<snapshot_manifest> whole =
        draft_.finish([&](u32 section, u64 place, mutable_byte_span into) -> result<void> {
            const byte_span kept = sections_[section].at(place).bytes();
            RAFTKIT_ASSERT(kept.size() == into.size());
            std::memcpy(into.data(), kept.data(), kept.size());
            return {};
        });
    if (!whole) return whole;
    if (to->place_of(whole->meta.id) < to->kept.size()) {
        return error{errc::invalid_option, 0, "snapshot.publish: that id is stored"};
    }
    if (whole->meta.bytes > to->capacity_bytes - to->used_bytes) {  // another writer was faster
        return error{errc::no_space, 0, "snapshot/store/memory.publish", whole->meta.bytes};
    }
    std::vector<frames> sections(sections_.size());
    for (std::size_t at = 0; at < sections_.size(); ++at) {
        for (auto& [number, bytes] : sections_[at]) sections[at].push_back(std::move(bytes));
    }
    to->used_bytes += whole->meta.bytes;
    stored made{*whole, std::make_shared<const std::vector<frames>>(std::move(sections))};
    const auto place = std::find_if(to->kept.begin(), to->kept.end(), [&](const auto& each) {
        return older(each->manifest.meta.id, whole->meta.id);
    });
    to->kept.insert(place, std::make_shared<const stored>(std::move(made)));
    return whole;
}

inline result<chunk> memory_snapshots::reader::read(u32 section, u64 offset,
                                                    u32 bytes_max) const noexcept {
    if (section >= manifest().sections.size() || offset > manifest().sections[section].bytes ||
        bytes_max == 0) {
        return error{errc::invalid_option, 0, "snapshot.read: outside of the snapshot", offset};
    }
    const u64 left = manifest().sections[section].bytes - offset;
    const u32 size = static_cast<u32>(std::min<u64>({left, bytes_max, stored_chunk_bytes_max}));
    chunk read{section, offset, buffer::allocate(size), false, false};
    if (!read.bytes.valid())
        return error{errc::no_space, 0, "snapshot.read: no memory for a chunk", size};
    const u32 frame_bytes = manifest().chunk_bytes;
    for (u32 done = 0; done < size;) {
        const u64 at = offset + done;
        const byte_span from =
            (*of_->sections)[section][at / frame_bytes].bytes().subspan(at % frame_bytes);
        const std::size_t part = std::min<std::size_t>(from.size(), size - done);
        std::memcpy(read.bytes.data() + done, from.data(), part);
        done += static_cast<u32>(part);
    }
    read.end_of_section = size == left;
    read.end = read.end_of_section && section + 1 == manifest().sections.size();
    return read;
}

static_assert(snapshot_store<memory_snapshots> && quarantining_store<memory_snapshots> &&
              measured_store<memory_snapshots>);

RAFTKIT_NAMESPACE_END
