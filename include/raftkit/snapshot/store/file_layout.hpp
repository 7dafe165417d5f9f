#pragma once
// Where snapshots stand on a disk (design §10). What a name means never depends on how names sort
// (known bug 51).
//
//   snap/store.lock
//        staging-<id>/                      being written; with the manifest of an install in it,
//                                           it may be gone on with
//        snap-<index:020>-<term:010>-<nonce:016x>/
//            section-000.snap ...           frames of chunk_bytes, each followed by its checksum
//            manifest.snap                  without a valid one the directory does not exist
//            installing.snap                empty; present until settle()
//        trash-<id>[-n]/                    removed, its space given back bit by bit
//        snap-<id>.corrupt[-n]/             quarantined: for people, never read again
//
// A frame's checksum covers the snapshot's id, the section and the frame's number beside its bytes:
// a frame of another place, or of another snapshot, is as wrong as a flipped bit.

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <raftkit/base/checksum.hpp>
#include <raftkit/base/result.hpp>
#include <raftkit/core/types.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace snapshot_disk {

inline constexpr std::string_view published_prefix = "snap-", staging_prefix = "staging-",
                                  trash_prefix = "trash-";
inline constexpr const char* manifest_name = "manifest.snap";
inline constexpr const char* installing_name = "installing.snap";
inline constexpr const char* store_lock_name = "store.lock";
inline constexpr u32 frame_crc_bytes = 4;
inline constexpr u64 shrink_step_bytes =
    1u << 20;  // a file system that frees much at once stalls the log's syncs

// The part of the names that says which snapshot it is.
inline std::string name_of(snapshot_id id) {
    std::array<char, 64> text;
    const int size = std::snprintf(text.data(), text.size(), "%020llu-%010llu-%016llx",
                                   static_cast<unsigned long long>(id.at.index.value),
                                   static_cast<unsigned long long>(id.at.term.value),
                                   static_cast<unsigned long long>(id.nonce));
    return std::string(text.data(), static_cast<std::size_t>(size));
}

inline std::string section_file_name(u32 section) {
    std::array<char, 32> text;
    const int size = std::snprintf(text.data(), text.size(), "section-%03u.snap", section);
    return std::string(text.data(), static_cast<std::size_t>(size));
}

// The number up to the next '-' or the end; none for anything that is not one, or does not fit.
inline std::optional<u64> take_number(std::string_view& from, u64 base) noexcept {
    const std::string_view digits = from.substr(0, from.find('-'));
    from.remove_prefix(std::min(from.size(), digits.size() + 1));
    if (digits.empty()) return std::nullopt;
    u64 value = 0;
    for (const char each : digits) {
        const u64 digit = each >= '0' && each <= '9'   ? static_cast<u64>(each - '0')
                          : each >= 'a' && each <= 'f' ? static_cast<u64>(each - 'a') + 10
                                                       : base;
        if (digit >= base || value > (~u64{0} - digit) / base) return std::nullopt;
        value = value * base + digit;
    }
    return value;
}

// The id that a directory's name says; none unless it is exactly as name_of() writes it.
inline std::optional<snapshot_id> id_in(std::string_view name, std::string_view prefix) {
    if (!name.starts_with(prefix)) return std::nullopt;
    const std::string_view said = name.substr(prefix.size());
    std::string_view rest = said;
    const auto index = take_number(rest, 10), term = take_number(rest, 10),
               nonce = take_number(rest, 16);
    if (!index || !term || !nonce) return std::nullopt;
    const snapshot_id id{{{*index}, {*term}}, *nonce};
    if (name_of(id) != said) return std::nullopt;
    return id;
}
inline std::optional<snapshot_id> published_id(std::string_view name) {
    return id_in(name, published_prefix);
}

inline u32 frame_crc(snapshot_id id, u32 section, u64 frame, byte_span bytes) noexcept {
    std::array<std::byte, 36> where;
    byte_writer out(where);
    out.put(id.at.index);
    out.put(id.at.term);
    out.put_u64(id.nonce);
    out.put_u32(section);
    out.put_u64(frame);
    return mask_crc(crc32c(bytes, crc32c(where)));
}

// The size of a section's file.
inline u64 stored_bytes(u64 section_bytes, u32 chunk_bytes) noexcept {
    const u64 frames = section_bytes / chunk_bytes + (section_bytes % chunk_bytes != 0 ? 1 : 0);
    return section_bytes + frames * frame_crc_bytes;
}

// Reads frame `frame`, whose length is known, into `into`, which has frame_crc_bytes more room at
// its end, and checks it. `corrupt` for anything but the bytes that were written.
template <class Files>
result<void> read_frame(Files& files, typename Files::handle& file, snapshot_id id, u32 section,
                        u64 frame, u32 chunk_bytes, mutable_byte_span into) noexcept {
    const u64 at = frame * (u64{chunk_bytes} + frame_crc_bytes);
    const std::size_t size = into.size() - frame_crc_bytes;
    const result<u64> got = files.read_at(file, at, into);
    if (!got) return got.why();
    const byte_span bytes = into.first(size);
    if (*got != into.size() ||
        load_le<u32>(into.data() + size) != frame_crc(id, section, frame, bytes)) {
        return error{errc::corrupt, 0, "snapshot/store/file: a damaged chunk", at};
    }
    return {};
}

// Renames a directory. One that reports an error but has happened counts: what matters is where
// things are now.
template <class Files>
result<void> move_directory(Files& files, const std::string& from, const std::string& to) noexcept {
    const result<void> renamed = files.rename(from, to);
    if (renamed || files.list(from).why().code != errc::not_found) return renamed;
    return files.list(to) ? result<void>() : renamed;
}

// Removes a directory of files; what is not there is removed already.
template <class Files>
result<void> remove_tree(Files& files, const std::string& directory) noexcept {
    const result<std::vector<std::string>> names = files.list(directory);
    if (names) {
        for (const std::string& each : *names) {
            const result<void> removed = files.remove(directory + "/" + each);
            if (!removed && removed.why().code != errc::not_found) return removed;
        }
    }
    const result<void> removed = files.remove(directory);  // or it was a file
    if (!removed && removed.why().code != errc::not_found) return removed;
    return {};
}

}  // namespace snapshot_disk

RAFTKIT_NAMESPACE_END
