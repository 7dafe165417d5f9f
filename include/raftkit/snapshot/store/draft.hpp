#pragma once
// A snapshot on its way into a store: the rules of a writer, the same for every store. Chunks are
// cut into frames of chunk_bytes, the unit that a store keeps and checks; lengths and digests are
// counted as the bytes pass.
//
//   captured   sections one after the other, chunks in order; the `end` chunk ends it        (a
//   save) described  the manifest names sections, lengths and digests; chunks in any order, cut
//              anywhere, repeated; complete when every byte is here and every digest agrees  (an
//              install)
//
//   chunk ──▶ check ──▶ whole frame? ──yes──▶ sink(section, frame, bytes) ──▶ digest, while in
//   order
//                          └──no──▶ gathered until it is whole
//
// An error is final: the store then drops what it has.

#include <algorithm>
#include <utility>
#include <vector>

#include <raftkit/base/flat_map.hpp>
#include <raftkit/port/apply.hpp>
#include <raftkit/snapshot/manifest.hpp>
#include <raftkit/snapshot/store/byte_ranges.hpp>

RAFTKIT_NAMESPACE_BEGIN

inline constexpr u32 stored_chunk_bytes = 256u << 10;  // when the manifest does not say
inline constexpr u64 gathered_bytes_max = u64{64}
                                          << 20;  // of frames that are not whole yet, beside one

class snapshot_draft {
public:
    // `asked`: id, members, origin, and sections for a described one. chunk_bytes 0: the default.
    static result<snapshot_draft> of(snapshot_manifest asked) noexcept;

    bool described() const noexcept { return described_; }
    const snapshot_manifest& manifest() const noexcept { return manifest_; }
    u32 chunk_bytes() const noexcept { return manifest_.chunk_bytes; }

    void took(duration time) noexcept { manifest_.took = time; }
    result<void> begin_section(const section_meta& of) noexcept;
    // sink(u32 section, u64 frame, byte_span) -> result<void>; every frame once, the last of a
    // section may be short.
    template <class Sink>
    result<void> write(const chunk& piece, Sink&& sink) noexcept;
    // Requires: described. A whole frame that an earlier life stored, read back and checked.
    void adopt(u32 section, u64 frame, byte_span bytes) noexcept;
    // Whether these bytes need not come any more.
    bool holds(u32 section, u64 offset, u64 bytes) const noexcept {
        return section < states_.size() && states_[section].held.covers(offset, offset + bytes);
    }
    // The manifest of the whole, or `corrupt`. read(u32 section, u64 frame, mutable_byte_span) ->
    // result<void> gives the frames back that did not come in order.
    template <class Source>
    result<snapshot_manifest> finish(Source&& read) noexcept;

private:
    struct section_state {
        byte_ranges held;
        digest128_builder digest;
        u64 digested = 0;
        bool ended = false;
    };
    struct frame_key {
        u32 section;
        u64 frame;
        friend bool operator==(const frame_key&, const frame_key&) noexcept = default;
        friend auto operator<=>(const frame_key&, const frame_key&) noexcept = default;
    };

    explicit snapshot_draft(snapshot_manifest asked) noexcept
        : manifest_(std::move(asked)),
          described_(!manifest_.sections.empty()),
          states_(manifest_.sections.size()) {}

    error check_piece(const chunk& piece) const noexcept;
    u64 limit_of(u32 section) const noexcept {
        return described_ ? manifest_.sections[section].bytes : section_bytes_max;
    }
    template <class Sink>
    result<void> put(u32 section, u64 from, byte_span part, Sink& sink) noexcept;
    template <class Sink>
    result<void> complete(u32 section, u64 frame, byte_span bytes, Sink& sink) noexcept;
    template <class Sink>
    result<void> end_section(u32 section, Sink& sink) noexcept;
    template <class Source>
    result<void> digest_rest(u32 section, Source& read) noexcept;

    snapshot_manifest manifest_;
    bool described_;
    bool ended_ = false;
    std::vector<section_state> states_;
    flat_map<frame_key, buffer> gathered_;
    u64 gathered_bytes_ = 0;
};

inline result<snapshot_draft> snapshot_draft::of(snapshot_manifest asked) noexcept {
    if (!asked.meta.id.at.index)
        return error{errc::invalid_option, 0, "snapshot: an id without an index"};
    if (asked.meta.format != snapshot_format) {
        return error{errc::incompatible, 0, "snapshot: another format of snapshots",
                     asked.meta.format};
    }
    if (asked.chunk_bytes == 0) asked.chunk_bytes = stored_chunk_bytes;
    if (asked.chunk_bytes > stored_chunk_bytes_max) {
        return error{errc::too_large, 0, "snapshot: chunk_bytes above 64 MiB", asked.chunk_bytes};
    }
    for (const section_meta& each : asked.sections) {
        if (each.origin == section_origin::referenced) {
            return error{errc::invalid_option, 0,
                         "snapshot: this store keeps no referenced sections"};
        }
    }
    if (!asked.sections.empty()) {
        if (const error why = check_manifest(asked)) return why;
        if (encoded_bytes(asked) > manifest_bytes_max)
            return error{errc::too_large, 0, "snapshot: the manifest"};
    }
    return snapshot_draft(std::move(asked));
}

inline result<void> snapshot_draft::begin_section(const section_meta& of) noexcept {
    if (described_) return {};  // the manifest said it already
    if (const error why = check_section(of)) return why;
    if (of.origin == section_origin::referenced) {
        return error{errc::invalid_option, 0, "snapshot: this store keeps no referenced sections"};
    }
    if (ended_ || (!states_.empty() && !states_.back().ended)) {
        return error{errc::invalid_option, 0, "snapshot: a section begins inside another one"};
    }
    if (states_.size() == manifest_sections_max)
        return error{errc::too_large, 0, "snapshot: sections above 4096"};

    manifest_.sections.push_back(of);
    manifest_.sections.back().bytes = 0;
    manifest_.sections.back().digest = {};
    if (encoded_bytes(manifest_) > manifest_bytes_max)
        return error{errc::too_large, 0, "snapshot: the manifest"};
    states_.emplace_back();
    return {};
}

inline error snapshot_draft::check_piece(const chunk& piece) const noexcept {
    const auto wrong = [&](const char* why) { return error{errc::corrupt, 0, why, piece.offset}; };
    if (piece.section >= states_.size()) return wrong("snapshot.write: no such section");
    const u64 limit = limit_of(piece.section);
    if (piece.offset > limit || piece.bytes.size() > limit - piece.offset) {
        return wrong("snapshot.write: beyond the end of the section");
    }
    if (described_) {
        const bool at_end = piece.offset + piece.bytes.size() == limit;
        return piece.end_of_section && !at_end ? wrong("snapshot.write: the section ends elsewhere")
                                               : error{};
    }
    if (ended_) return wrong("snapshot.write: after the end");
    if (piece.section + 1 != states_.size() || states_.back().ended)
        return wrong("snapshot.write: section");
    if (piece.offset != states_.back().held.total())
        return wrong("snapshot.write: not the next offset");
    if (piece.end && !piece.end_of_section) return wrong("snapshot.write: an end inside a section");
    return {};
}

template <class Sink>
result<void> snapshot_draft::write(const chunk& piece, Sink&& sink) noexcept {
    if (const error why = check_piece(piece)) return why;
    byte_span rest = piece.bytes.bytes();
    for (u64 from = piece.offset; !rest.empty();) {
        const u64 room = chunk_bytes() - from % chunk_bytes();
        const byte_span part =
            rest.first(static_cast<std::size_t>(std::min<u64>(room, rest.size())));
        const result<void> stored = put(piece.section, from, part, sink);
        if (!stored) return stored;
        from += part.size();
        rest = rest.subspan(part.size());
    }
    if (described_) return {};
    if (piece.end_of_section) {
        const result<void> ended = end_section(piece.section, sink);
        if (!ended) return ended;
    }
    ended_ = piece.end;
    return {};
}

// Requires: `part` lies within one frame.
template <class Sink>
result<void> snapshot_draft::put(u32 section, u64 from, byte_span part, Sink& sink) noexcept {
    byte_ranges& held = states_[section].held;
    const u64 to = from + part.size();
    if (held.covers(from, to)) return {};  // sent again
    const u64 frame = from / chunk_bytes();
    const u64 frame_begin = frame * chunk_bytes();
    const u64 frame_end = std::min(frame_begin + chunk_bytes(), limit_of(section));
    buffer* gathered = gathered_.find({section, frame});
    if (gathered == nullptr && from == frame_begin && to == frame_end) {
        held.add(from, to);
        return complete(section, frame, part, sink);
    }
    if (gathered == nullptr) {
        const u64 size = frame_end - frame_begin;
        if (gathered_bytes_ != 0 && gathered_bytes_ + size > gathered_bytes_max) {
            return error{errc::too_large, 0, "snapshot.write: too many pieces of chunks",
                         gathered_bytes_};
        }
        buffer made = buffer::allocate(static_cast<u32>(size));
        if (!made.valid())
            return error{errc::no_space, 0, "snapshot.write: no memory for a chunk", size};
        gathered = &gathered_.insert_or_assign({section, frame}, std::move(made));
        gathered_bytes_ += size;
    }
    std::memcpy(gathered->data() + (from - frame_begin), part.data(), part.size());
    held.add(from, to);
    if (!held.covers(frame_begin, frame_end)) return {};

    const buffer whole = std::move(*gathered);
    gathered_.erase(frame_key{section, frame});
    gathered_bytes_ -= whole.size();
    return complete(section, frame, whole.bytes(), sink);
}

template <class Sink>
result<void> snapshot_draft::complete(u32 section, u64 frame, byte_span bytes,
                                      Sink& sink) noexcept {
    const result<void> stored = sink(section, frame, bytes);
    if (!stored) return stored;
    section_state& state = states_[section];
    if (frame * chunk_bytes() != state.digested) return {};  // out of order: read back at the end
    state.digest.update(bytes);
    state.digested += bytes.size();
    return {};
}

inline void snapshot_draft::adopt(u32 section, u64 frame, byte_span bytes) noexcept {
    RAFTKIT_ASSERT(described_);
    const u64 from = frame * chunk_bytes(), to = from + bytes.size();
    section_state& state = states_[section];
    if (state.held.covers(from, to) || gathered_.contains(frame_key{section, frame})) return;
    state.held.add(from, to);
    if (from != state.digested) return;
    state.digest.update(bytes);
    state.digested = to;
}

// Only now is the length of a captured section known: what was gathered is its last frame.
template <class Sink>
result<void> snapshot_draft::end_section(u32 section, Sink& sink) noexcept {
    section_state& state = states_[section];
    const u64 bytes = state.held.total();
    if (!gathered_.empty()) {
        const u64 frame = bytes / chunk_bytes();
        const buffer last = std::move(gathered_.at({section, frame}));
        gathered_.clear();
        gathered_bytes_ = 0;
        const byte_span filled =
            last.bytes().first(static_cast<std::size_t>(bytes % chunk_bytes()));
        const result<void> stored = complete(section, frame, filled, sink);
        if (!stored) return stored;
    }
    RAFTKIT_ASSERT(state.digested == bytes);
    manifest_.sections[section].bytes = bytes;
    manifest_.sections[section].digest = state.digest.finish();
    state.ended = true;
    return {};
}

template <class Source>
result<void> snapshot_draft::digest_rest(u32 section, Source& read) noexcept {
    section_state& state = states_[section];
    const section_meta& wanted = manifest_.sections[section];
    if (state.held.total() != wanted.bytes) {
        return error{errc::corrupt, 0, "snapshot.publish: a section is not complete", section};
    }
    if (state.digested < wanted.bytes) {
        buffer frame =
            buffer::allocate(static_cast<u32>(std::min<u64>(chunk_bytes(), wanted.bytes)));
        if (!frame.valid())
            return error{errc::no_space, 0, "snapshot.publish: no memory for a chunk"};
        while (state.digested < wanted.bytes) {
            const u64 left = wanted.bytes - state.digested;
            const mutable_byte_span into{
                frame.data(), static_cast<std::size_t>(std::min<u64>(left, frame.size()))};
            const result<void> got = read(section, state.digested / chunk_bytes(), into);
            if (!got) return got;
            state.digest.update(into);
            state.digested += into.size();
        }
    }
    if (state.digest.finish() != wanted.digest) {
        return error{errc::corrupt, 0, "snapshot.publish: a section's digest", section};
    }
    return {};
}

template <class Source>
result<snapshot_manifest> snapshot_draft::finish(Source&& read) noexcept {
    if (!described_) {
        if (!ended_)
            return error{errc::corrupt, 0, "snapshot.publish: the end never came"};  // known bug 62
        manifest_.meta.sections = static_cast<u32>(manifest_.sections.size());
        manifest_.meta.bytes = bytes_of(manifest_.sections);
        manifest_.meta.digest = digest_of(manifest_.sections);
        return manifest_;
    }
    for (u32 section = 0; section < states_.size(); ++section) {
        const result<void> same = digest_rest(section, read);
        if (!same) return same.why();
    }
    return manifest_;
}

RAFTKIT_NAMESPACE_END
