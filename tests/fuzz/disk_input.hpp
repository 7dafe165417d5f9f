#pragma once
// A directory of mostly empty files as a short input. Little-endian:
//
//   file*: u8 name | u8 KiB | piece*, then 0xff
//   piece: u8 sector | u16 bytes | bytes, which stand at the sector's begin; the rest is zeros
//
// What a name means is the target's affair. Input that ends early is cut there.

#include "fuzz.hpp"

#include <utility>

namespace fuzz {

inline constexpr std::size_t sector_bytes = 512;
inline constexpr u8 no_more_pieces = 0xff;

struct piece {
    u8 sector = 0;
    std::size_t at = 0, size = 0;  // in the input
};

struct stored_file {
    u8 name = 0;
    std::size_t size = 0;
    std::vector<piece> pieces;

    // Its contents; what a piece says behind the end of the file is not there.
    bytes contents(byte_span input) const {
        bytes made(size);
        for (const piece& each : pieces) {
            const std::size_t begin = each.sector * sector_bytes;
            if (begin >= size) continue;
            std::memcpy(made.data() + begin, input.data() + each.at,
                        std::min(each.size, size - begin));
        }
        return made;
    }
};

inline std::vector<stored_file> files_in(byte_span input, std::size_t files_max) {
    std::vector<stored_file> found;
    raftkit::byte_reader in(input);
    while (in.left() >= 2 && found.size() < files_max) {
        stored_file file;
        file.name = in.take_u8();
        file.size = std::size_t{in.take_u8()} * 1024;
        for (;;) {
            const u8 sector = in.take_u8();
            if (!in.ok() || sector == no_more_pieces) break;
            const std::size_t wanted = in.take_u16();
            if (!in.ok()) break;
            const piece each{sector, in.position(), std::min(wanted, in.left())};
            (void)in.take_bytes(each.size);
            file.pieces.push_back(each);
        }
        found.push_back(std::move(file));
    }
    return found;
}

// The reverse, of whole contents. Sectors of zeros are left out, and the zeros before a sector's
// end but for what makes the last 64 bytes whole: a header may end in zeros.
inline void put_file(bytes& into, u8 name, byte_span contents) {
    into.push_back(std::byte(name));
    into.push_back(std::byte(contents.size() / 1024));
    const auto sector_of = [&](std::size_t k) {
        const std::size_t begin = k * sector_bytes;
        return contents.subspan(begin, std::min(sector_bytes, contents.size() - begin));
    };
    const auto used = [](byte_span sector) {
        std::size_t size = sector.size();
        while (size > 0 && sector[size - 1] == std::byte{}) --size;
        return std::min<std::size_t>(raftkit::round_up(size, 64), sector.size());
    };
    const std::size_t sectors = (contents.size() + sector_bytes - 1) / sector_bytes;
    for (std::size_t k = 0; k < sectors;) {
        std::size_t end = k, last = 0;
        do {
            last = used(sector_of(end));
            end += last != 0 ? 1 : 0;
        } while (last == sector_bytes && end < sectors);
        if (last == 0 && end != k) last = sector_bytes;
        if (end == k) {
            ++k;
            continue;
        }
        const std::size_t size = (end - k - 1) * sector_bytes + last;
        std::byte head[3] = {std::byte(k)};
        raftkit::store_le(head + 1, static_cast<u16>(size));
        append(into, head);
        append(into, contents.subspan(k * sector_bytes, size));
        k = end;
    }
    into.push_back(std::byte{no_more_pieces});
}

}  // namespace fuzz
