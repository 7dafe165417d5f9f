#pragma once
// A captured persistent_map as a stream of bytes, and back. Little-endian, in the order of the
// map's hash:
//
//   u32 magic | u32 version | u64 entries, then per entry: u32 key_bytes | u32 value_bytes | key |
//   value
//
// Chunks end anywhere, also inside a length. The reader believes nothing: lengths reserve no memory
// before their bytes are here, and the count must come out (a key twice, an entry too few, a cut
// one: `corrupt`).

#include <algorithm>
#include <vector>

#include <raftkit/concepts/state_machine.hpp>
#include <raftkit/snapshot/capture/persistent_map.hpp>

RAFTKIT_NAMESPACE_BEGIN

inline constexpr u32 map_stream_magic = 0x70616d72;  // "rmap"
inline constexpr u32 map_stream_version = 1;
inline constexpr u32 map_stream_header_bytes = 16;
inline constexpr u32 map_entry_header_bytes = 8;
inline constexpr u64 map_entry_bytes_max = u64{1} << 30;

class persistent_map_image {
public:
    explicit persistent_map_image(const persistent_map& of) noexcept
        : root_(of.root_), size_(of.size_), bytes_(of.bytes_) {
        if (root_ != nullptr) root_->keep();
        byte_writer head(header_);
        head.put_u32(map_stream_magic);
        head.put_u32(map_stream_version);
        head.put_u64(size_);
        header_bytes_ = map_stream_header_bytes;
    }
    persistent_map_image(persistent_map_image&& other) noexcept { swap(other); }
    persistent_map_image& operator=(persistent_map_image&& other) noexcept {
        swap(other);
        return *this;
    }
    ~persistent_map_image() { dead_.release(root_); }

    u64 size() const noexcept { return size_; }
    u64 bytes() const noexcept { return bytes_; }
    u64 stream_bytes() const noexcept {
        return map_stream_header_bytes + size_ * map_entry_header_bytes + bytes_;
    }

    result<image_step> next(std::span<std::byte> chunk) noexcept;

private:
    void swap(persistent_map_image& other) noexcept;
    // Copies what is left of the current header, key and value; false: no room for the rest.
    bool put_current(std::span<std::byte> chunk, std::size_t& filled) noexcept;
    bool put(byte_span piece, u64 piece_at, std::span<std::byte> chunk,
             std::size_t& filled) noexcept;
    bool advance() noexcept;

    detail::map_node* root_ = nullptr;
    detail::map_dead_nodes dead_;
    u64 size_ = 0, bytes_ = 0;
    u64 hash_ = 0;                              // where the next shard is looked for
    const detail::map_shard* shard_ = nullptr;  // alive as long as root_ is ours
    std::size_t slot_ = 0;
    const detail::map_record* record_ = nullptr;  // current; null: the stream's header
    std::array<std::byte, map_stream_header_bytes> header_{};
    u32 header_bytes_ = 0;
    u64 written_ = 0;  // of header, key and value
};

inline persistent_map_image persistent_map::capture() const noexcept {
    return persistent_map_image(*this);
}

inline void persistent_map_image::swap(persistent_map_image& other) noexcept {
    std::swap(root_, other.root_);
    std::swap(dead_, other.dead_);
    std::swap(size_, other.size_);
    std::swap(bytes_, other.bytes_);
    std::swap(hash_, other.hash_);
    std::swap(shard_, other.shard_);
    std::swap(slot_, other.slot_);
    std::swap(record_, other.record_);
    std::swap(header_, other.header_);
    std::swap(header_bytes_, other.header_bytes_);
    std::swap(written_, other.written_);
}

inline bool persistent_map_image::put(byte_span piece, u64 piece_at, std::span<std::byte> chunk,
                                      std::size_t& filled) noexcept {
    const u64 skipped = written_ - piece_at;
    if (skipped >= piece.size()) return true;
    const byte_span rest = piece.subspan(static_cast<std::size_t>(skipped));
    const std::size_t part = std::min(rest.size(), chunk.size() - filled);
    if (part != 0) std::memcpy(chunk.data() + filled, rest.data(), part);
    filled += part;
    written_ += part;
    return part == rest.size();
}

inline bool persistent_map_image::put_current(std::span<std::byte> chunk,
                                              std::size_t& filled) noexcept {
    if (!put(byte_span(header_).first(header_bytes_), 0, chunk, filled)) return false;
    if (record_ == nullptr) return true;
    return put(as_bytes(record_->key()), header_bytes_, chunk, filled) &&
           put(record_->value(), header_bytes_ + record_->key_bytes, chunk, filled);
}

// To the next entry; false: there is none.
inline bool persistent_map_image::advance() noexcept {
    while (shard_ == nullptr || slot_ == shard_->slots.size()) {
        if (hash_ >= detail::map_hash_end) return false;
        const detail::map_range range = detail::shard_of(root_, hash_);
        shard_ = range.shard;
        slot_ = 0;
        hash_ = range.end;
    }
    record_ = shard_->slots[slot_++].record;
    byte_writer head(header_);
    head.put_u32(record_->key_bytes);
    head.put_u32(record_->value_bytes);
    header_bytes_ = map_entry_header_bytes;
    written_ = 0;
    return true;
}

inline result<image_step> persistent_map_image::next(std::span<std::byte> chunk) noexcept {
    std::size_t filled = 0;
    while (put_current(chunk, filled)) {
        if (advance()) continue;
        return image_step{static_cast<u32>(filled), true, true};
    }
    return image_step{static_cast<u32>(filled), false, false};
}

// Takes the stream apart as it comes and fills a map.
class map_stream_reader {
public:
    explicit map_stream_reader(u64 seed) noexcept : map_(seed) {}

    // Requires: no error before.
    result<void> feed(byte_span bytes);
    // The stream is over: `corrupt` unless it is whole.
    result<void> finish() const noexcept;
    persistent_map& map() noexcept { return map_; }

private:
    static error damaged(const char* why) noexcept { return {errc::corrupt, 0, why}; }
    // How many bytes the unit that begins with `from` has, or that its beginning has.
    result<u64> unit_bytes(byte_span from) const noexcept;
    result<void> take_unit(byte_span unit);

    persistent_map map_;
    bool begun_ = false;
    u64 expected_ = 0;
    std::vector<std::byte> held_;  // a unit that is not whole yet
};

inline result<u64> map_stream_reader::unit_bytes(byte_span from) const noexcept {
    if (!begun_) return u64{map_stream_header_bytes};
    if (from.size() < map_entry_header_bytes) return u64{map_entry_header_bytes};
    const u64 size = u64{load_le<u32>(from.data())} + load_le<u32>(from.data() + 4);
    if (size > map_entry_bytes_max) return damaged("persistent_map: an entry above 1 GiB");
    return map_entry_header_bytes + size;
}

inline result<void> map_stream_reader::take_unit(byte_span unit) {
    byte_reader in(unit);
    if (!begun_) {
        if (in.take_u32() != map_stream_magic)
            return damaged("persistent_map: not an image of a map");
        const u32 version = in.take_u32();
        if (version != map_stream_version) {
            return error{errc::incompatible, 0, "persistent_map: an image of another version",
                         version};
        }
        expected_ = in.take_u64();
        begun_ = true;
        return {};
    }
    const u32 key_bytes = in.take_u32(), value_bytes = in.take_u32();
    const std::string_view key = as_text(in.take_bytes(key_bytes));
    if (!map_.insert(key, in.take_bytes(value_bytes)))
        return damaged("persistent_map: a key twice");
    if (map_.size() > expected_) return damaged("persistent_map: more entries than announced");
    return {};
}

inline result<void> map_stream_reader::feed(byte_span bytes) {
    while (!bytes.empty()) {
        const byte_span from = held_.empty() ? bytes : byte_span(held_);
        const result<u64> wanted = unit_bytes(from);
        if (!wanted) return wanted.why();
        const bool header_only = begun_ && from.size() < map_entry_header_bytes;
        if (held_.empty() && !header_only && *wanted <= bytes.size()) {  // whole, where it stands
            const result<void> taken = take_unit(bytes.first(static_cast<std::size_t>(*wanted)));
            if (!taken) return taken;
            bytes = bytes.subspan(static_cast<std::size_t>(*wanted));
            continue;
        }
        const std::size_t missing = static_cast<std::size_t>(*wanted) - held_.size();
        const byte_span part = bytes.first(std::min(missing, bytes.size()));
        held_.insert(held_.end(), part.begin(), part.end());
        bytes = bytes.subspan(part.size());
        if (held_.size() < *wanted) return {};
        const result<u64> whole = unit_bytes(held_);  // now that the lengths are known
        if (!whole) return whole.why();
        if (held_.size() < *whole) continue;
        const result<void> taken = take_unit(held_);
        if (!taken) return taken;
        held_.clear();
    }
    return {};
}

inline result<void> map_stream_reader::finish() const noexcept {
    if (!begun_ || !held_.empty()) return damaged("persistent_map: the image ends early");
    if (map_.size() != expected_) return damaged("persistent_map: fewer entries than announced");
    return {};
}

// A restore writer: fills a new map beside the live one. commit() swaps, the old contents die with
// this writer. Requires: `live` outlives it.
class persistent_map_restore {
public:
    explicit persistent_map_restore(persistent_map& live) noexcept
        : live_(&live), staged_(live.seed()) {}

    result<void> write(const chunk& piece) noexcept {
        if (ended_ || piece.section != 0 || piece.offset != received_) {
            return error{errc::corrupt, 0, "persistent_map: chunks out of order", piece.offset};
        }
        received_ += piece.bytes.size();
        const result<void> fed = staged_.feed(piece.bytes.bytes());
        if (!fed || !piece.end) return fed;
        const result<void> finished = staged_.finish();
        ended_ = bool(finished);
        return finished;
    }
    // Requires: the `end` chunk was written without an error. O(1).
    void commit() noexcept {
        RAFTKIT_ASSERT(ended_);
        live_->swap(staged_.map());
    }

private:
    persistent_map* live_;
    map_stream_reader staged_;
    u64 received_ = 0;
    bool ended_ = false;
};

static_assert(snapshot_image<persistent_map_image> && restore_writer<persistent_map_restore>);

RAFTKIT_NAMESPACE_END
