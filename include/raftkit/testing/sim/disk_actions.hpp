#pragma once
// Faults of a node's disk as data: what a plan draws beforehand and a nemesis does between two
// steps. An action names a kind of file and a place by numbers, so that it means the same in every
// run of the plan; where there is no such file yet it does nothing, and says so.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <raftkit/testing/sim/disk.hpp>

RAFTKIT_NAMESPACE_BEGIN
namespace testing {

// What a node keeps, by the names that the log and the file store give.
enum class stored_file : u8 { segment, spare, identity, manifest, section };
inline constexpr std::size_t stored_files = 5;

enum class disk_fault : u8 {
    // At rest: in one sector of one file, seen when it is read next.
    flipped_bit,
    garbage,
    zeros,
    lost_write,         // it holds what was there before the last write
    misdirected_write,  // and that write is found in another sector
    foreign_sector,     // it holds what belongs to another one
    broken_sector,      // it can't be read
    // At the next call that touches such a file.
    read_error,
    write_error,
    sync_error,
    lying_sync,  // says that all is well, and stores nothing
    // Of the whole disk.
    full,  // until there is room
    room,
    wiped,  // it was replaced by an empty one
};
inline constexpr std::size_t disk_fault_kinds = static_cast<std::size_t>(disk_fault::wiped) + 1;

struct disk_action {
    disk_fault what{};
    stored_file where{};
    u64 place = 0;  // which of the files, of its sectors, of its bits
};

// May it take what was stored, so that a plan must count it? An error of a call does not: whoever
// gets it knows.
constexpr bool destroys(const disk_action& what) noexcept {
    if (what.what == disk_fault::wiped) return true;
    const bool told = what.what == disk_fault::read_error || what.what == disk_fault::write_error ||
                      what.what == disk_fault::sync_error || what.what == disk_fault::full ||
                      what.what == disk_fault::room;
    return !told && what.where != stored_file::spare;
}

inline const char* name_of(disk_fault what) noexcept {
    constexpr std::array<const char*, disk_fault_kinds> names{"a flipped bit in",
                                                              "garbage in",
                                                              "zeros in",
                                                              "a lost write in",
                                                              "a misdirected write of",
                                                              "a foreign sector in",
                                                              "a broken sector in",
                                                              "an error of a read of",
                                                              "an error of a write of",
                                                              "an error of a sync of",
                                                              "a sync that lies about",
                                                              "a full disk",
                                                              "room on the disk",
                                                              "an empty disk"};
    return names[static_cast<std::size_t>(what)];
}

// What all paths of a kind contain.
inline const char* mark_of(stored_file kind) noexcept {
    constexpr std::array<const char*, stored_files> marks{"/wal-", "/spare-", "/node.identity",
                                                          "/manifest.snap", "/section-"};
    return marks[static_cast<std::size_t>(kind)];
}
inline std::optional<stored_file> kind_of(std::string_view path) noexcept {
    for (std::size_t kind = 0; kind < stored_files; ++kind) {
        const auto each = static_cast<stored_file>(kind);
        if (path.find(mark_of(each)) != std::string_view::npos) return each;
    }
    return std::nullopt;
}
inline std::vector<std::string> files_of(const sim_disk& disk, stored_file kind) {
    std::vector<std::string> paths = disk.paths();
    std::erase_if(paths, [kind](const std::string& path) { return kind_of(path) != kind; });
    return paths;
}

// Damage at rest; false: there is no such place, or nothing changed.
inline bool damage_sector(sim_disk& disk, disk_fault what, const std::string& path, u64 sector,
                          u64 detail) {
    const u64 at = sector * sector_bytes, size = disk.content(path).size();
    const std::vector<std::byte> before = disk.content(path);
    const u64 other =
        size < 2 * sector_bytes ? at : (at + sector_bytes) % (size - size % sector_bytes);
    bool done = false;
    switch (what) {
        case disk_fault::flipped_bit:
            done = disk.flip_bits(path, at + detail % sector_bytes,
                                  static_cast<u8>(1u << (detail / sector_bytes % 8)));
            break;
        case disk_fault::garbage: done = disk.garble_sector(path, at); break;
        case disk_fault::zeros: done = disk.zero_sector(path, at); break;
        case disk_fault::lost_write: done = disk.make_sector_stale(path, at); break;
        case disk_fault::misdirected_write:
            done = disk.misdirect_write(path, at, path, other);
            break;
        case disk_fault::foreign_sector: done = disk.misdirect_sector(path, other, path, at); break;
        case disk_fault::broken_sector: return disk.break_sector(path, at);
        default: break;
    }
    return done && disk.content(path) != before;
}

// The call that such a fault waits for; none: it does not wait.
inline std::optional<disk_call> awaits(disk_fault what) noexcept {
    switch (what) {
        case disk_fault::read_error: return disk_call::read;
        case disk_fault::write_error: return disk_call::write;
        case disk_fault::sync_error:
        case disk_fault::lying_sync: return disk_call::sync;
        default: return std::nullopt;
    }
}

// Does it, and says in words what it did; "" when there is nothing to do it to.
inline std::string perform(sim_disk& disk, const disk_action& action) {
    const std::string said = name_of(action.what);
    if (action.what == disk_fault::wiped) return disk.wipe("") ? said : std::string();
    if (action.what == disk_fault::full || action.what == disk_fault::room) {
        const bool full = action.what == disk_fault::full;
        const u64 left = action.place % 16 * sector_bytes;
        disk.set_capacity(full ? disk.used_bytes() + left : sim_disk::unlimited);
        return said;
    }
    const std::string kind = mark_of(action.where);
    if (const std::optional<disk_call> call = awaits(action.what)) {
        action.what == disk_fault::lying_sync ? disk.lose_writes(1, kind)
                                              : disk.fail(*call, 1, EIO, 1, kind);
        return said + " a file like " + kind.substr(1);
    }
    const std::vector<std::string> files = files_of(disk, action.where);
    if (files.empty()) return {};
    prng dice(action.place);
    const std::string& path = files[static_cast<std::size_t>(dice.below(files.size()))];
    const u64 sectors = (disk.content(path).size() + sector_bytes - 1) / sector_bytes;
    if (sectors == 0) return {};
    const u64 sector = dice.below(sectors);
    if (!damage_sector(disk, action.what, path, sector, dice.next())) return {};
    return said + " " + path + ", sector " + std::to_string(sector);
}

}  // namespace testing
RAFTKIT_NAMESPACE_END
