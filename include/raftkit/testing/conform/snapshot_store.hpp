#pragma once
// What every SnapshotStore must do, checkable for any store and any test framework. The caller
// brings places:
//
//   struct places {
//       store fresh();   // on an empty place; recover() is not called yet
//       store again();   // optional: the place of the last one, which is gone: what was published
//                        // must still be there
//       void crash(u32); // optional: the power fails at the nth call to the place from now on, 0
//       and
//                        // 1 at the next; again() then brings what survived
//   };
//   conform::check_snapshot_store(places, [](const char* name, bool ok, const char* why) { ... });
//
// One check, one sentence, one reason to fail; `why` says what was seen.

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <raftkit/base/prng.hpp>
#include <raftkit/concepts/snapshot_store.hpp>
#include <raftkit/snapshot/manifest.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace conform {

inline constexpr identity store_owner{1, 1, {1}, 7};
using contents = std::vector<std::vector<std::byte>>;  // of sections

inline contents some_contents(std::span<const u64> sizes, u64 seed) {
    prng random(seed);
    contents made;
    for (const u64 size : sizes) {
        std::vector<std::byte>& section = made.emplace_back(static_cast<std::size_t>(size));
        for (std::byte& each : section) each = static_cast<std::byte>(random.next());
    }
    return made;
}

inline snapshot_manifest captured_manifest(u64 index, u64 term, u64 nonce, u32 chunk_bytes) {
    snapshot_manifest made;
    made.meta.id = {{{index}, {term}}, nonce};
    made.meta.members.index = {1};
    made.meta.members.members = {{{1}, member_role::voter, member_role::none, 7, "127.0.0.1:7101"}};
    made.chunk_bytes = chunk_bytes;
    made.created_at_unix_ms = 1'700'000'000'000;
    return made;
}

inline section_meta section_named(std::size_t number) {
    section_meta made;
    made.name = "state-" + std::to_string(number);
    made.user_meta.assign(number % 5, std::byte{3});
    return made;
}

// As a leader would describe it.
inline snapshot_manifest described_manifest(u64 index, u64 term, u64 nonce, u32 chunk_bytes,
                                            const contents& of) {
    snapshot_manifest made = captured_manifest(index, term, nonce, chunk_bytes);
    for (const auto& bytes : of) {
        section_meta section = section_named(made.sections.size());
        section.bytes = bytes.size();
        digest128_builder digest;
        digest.update(bytes);
        section.digest = digest.finish();
        made.sections.push_back(std::move(section));
    }
    made.meta.origin = snapshot_origin::installed;
    made.meta.installing = true;
    made.meta.sections = static_cast<u32>(of.size());
    made.meta.bytes = bytes_of(made.sections);
    made.meta.digest = digest_of(made.sections);
    return made;
}

inline chunk piece_of(const contents& of, u32 section, u64 offset, u64 size) {
    const byte_span bytes = of[section];
    return {section, offset,
            buffer::copy_of(
                bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size))),
            false, false};
}

// Writes all sections in order, `piece` bytes at a time.
template <class Writer>
result<void> pump_all(Writer& to, const contents& of, u64 piece) {
    for (u32 section = 0; section < of.size(); ++section) {
        const result<void> begun = to.begin_section(section_named(section));
        if (!begun) return begun;
        u64 offset = 0;
        do {
            const u64 size = std::min<u64>(piece, of[section].size() - offset);
            chunk next = piece_of(of, section, offset, size);
            offset += size;
            next.end_of_section = offset == of[section].size();
            next.end = next.end_of_section && section + 1 == of.size();
            const result<void> written = to.write(next);
            if (!written) return written;
        } while (offset < of[section].size());
    }
    return {};
}

template <class Store>
result<snapshot_manifest> save(Store& to, const snapshot_manifest& asked, const contents& of,
                               u64 piece) {
    result<typename Store::writer> writer = to.create(asked);
    if (!writer) return writer.why();
    const result<void> pumped = pump_all(*writer, of, piece);
    if (!pumped) return pumped.why();
    return writer->publish();
}

// Every byte, `bytes_max` at a time; an error, or what was there.
template <class Reader>
result<contents> read_all(Reader& from, u32 bytes_max) {
    contents all;
    for (u32 section = 0; section < from.manifest().sections.size(); ++section) {
        std::vector<std::byte>& bytes = all.emplace_back();
        const u64 size = from.manifest().sections[section].bytes;
        do {
            const result<chunk> got = from.read(section, bytes.size(), bytes_max);
            if (!got) return got.why();
            const byte_span part = got->bytes.bytes();
            if (part.size() != std::min<u64>(bytes_max, size - bytes.size()))
                return error{errc::io, 0, "a short read"};
            const u64 offset = bytes.size();
            bytes.insert(bytes.end(), part.begin(), part.end());
            const bool ends = bytes.size() == size;
            const bool last = ends && section + 1 == from.manifest().sections.size();
            if (got->section != section || got->offset != offset || got->end_of_section != ends ||
                got->end != last) {
                return error{errc::io, 0, "a chunk says another place or end than it is"};
            }
        } while (bytes.size() < size);
    }
    return all;
}

template <class Store>
result<contents> read_snapshot(Store& from, snapshot_id id, u32 bytes_max) {
    result<typename Store::reader> reader = from.open(id);
    if (!reader) return reader.why();
    return read_all(*reader, bytes_max);
}

}  // namespace conform

RAFTKIT_NAMESPACE_END

#include <raftkit/testing/conform/snapshot_store/checks.hpp>
