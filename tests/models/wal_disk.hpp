#pragma once
// The disk of the write-ahead log's model: files of a few sectors, a page cache, a directory. A
// power cut keeps any subset of the unsynced sectors, each as it was, as it should be, or as
// garbage, and any first part of the unsynced renames (journalled file system).

#include "explorer.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace models::wal {

using u8 = std::uint8_t;

constexpr u8 files_max = 3;
constexpr u8 sectors = 5;  // header, three of frames, one for the last mark or the seal
constexpr u8 pending_max = 6;
constexpr u8 renames_max = 3;
constexpr u8 index_max = 7;

enum class kind : u8 { zero, garbage, head, frame, body, mark, seal };
enum class change : u8 { none, append, append_large, replace, vote, base, reset };

// What was written into a sector. Checksums are abstract: a sector is garbage or it is whole; the
// seeds of the checksums are `life` (the nonce of the segment's header) and `place`.
struct sector {
    kind what = kind::zero;
    u8 life = 0, place = 0;
    u8 number = 0;  // of the frame; of a mark or seal: the next one; of a header: the last before
    u8 chain = 0;   // the name of the predecessor, here or (header) of the segment's
    u8 name = 0;    // unique to one write: the frame's checksum, and the value of its entry
    u8 proves = 0;  // every frame up to here was durable when this was made
    change does = change::none;
    u8 index = 0;                    // of the entry; the base
    u8 hard = 0;                     // versions of term and vote only rise
    u8 base = 0, last = 0, seq = 0;  // header only: the checkpoint

    bool operator==(const sector&) const = default;
};

// A log as its owner sees it.
struct content {
    u8 base = 0, last = 0, hard = 0;
    std::array<u8, index_max + 1> value{};  // of the entries base+1 .. last

    bool operator==(const content&) const = default;
};

struct disk {
    struct write {
        u8 file = 0, place = 0;
        sector what;
    };
    struct rename {
        u8 file = 0, to = 0;
    };
    std::array<std::array<sector, sectors>, files_max> durable;
    std::array<u8, files_max> names;  // the seq of a `wal-` file, or 0: a spare
    std::array<write, pending_max> writes;
    std::array<rename, renames_max> renames;
    u8 writes_open, renames_open;
    u8 overflow;  // the model's bounds are too small: reported as a broken invariant

    const sector& seen(u8 file, u8 place) const {
        const sector* newest = &durable[file][place];
        for (u8 at = 0; at < writes_open; ++at) {
            if (writes[at].file == file && writes[at].place == place) newest = &writes[at].what;
        }
        return *newest;
    }
    u8 name(u8 file) const {
        u8 newest = names[file];
        for (u8 at = 0; at < renames_open; ++at) {
            if (renames[at].file == file) newest = renames[at].to;
        }
        return newest;
    }
    void put(u8 file, u8 place, const sector& what) {
        if (writes_open == pending_max) {
            overflow = 1;
            return;
        }
        writes[writes_open++] = {file, place, what};
    }
    void rename_to(u8 file, u8 name) {
        if (renames_open == renames_max) {
            overflow = 1;
            return;
        }
        renames[renames_open++] = {file, name};
    }
    void sync(u8 file) {
        u8 kept = 0;
        for (u8 at = 0; at < writes_open; ++at) {
            if (writes[at].file == file) {
                durable[file][writes[at].place] = writes[at].what;
            } else {
                writes[kept++] = writes[at];
            }
        }
        forget_writes(kept);
    }
    void sync_directory() { keep_renames(renames_open); }

    void keep_renames(u8 kept) {
        for (u8 at = 0; at < kept; ++at) names[renames[at].file] = renames[at].to;
        renames = {};
        renames_open = 0;
    }
    void forget_writes(u8 kept) {
        for (u8 at = kept; at < writes_open; ++at) writes[at] = {};
        writes_open = kept;
    }
};

// Every disk that a power cut may leave. `shared`: two neighbouring places are one sector of the
// device, so a write that turns to garbage takes its neighbour along.
template <class Visit>
void power_cuts(const disk& before, bool shared, Visit&& visit) {
    std::uint32_t ways = 1;
    for (u8 at = 0; at < before.writes_open; ++at) ways *= 3;
    for (u8 kept = 0; kept <= before.renames_open; ++kept) {
        for (std::uint32_t way = 0; way < ways; ++way) {
            disk after = before;
            std::uint32_t rest = way;
            for (u8 at = 0; at < before.writes_open; ++at, rest /= 3) {
                const disk::write& each = before.writes[at];
                sector& place = after.durable[each.file][each.place];
                if (rest % 3 == 1) place = each.what;
                if (rest % 3 != 2) continue;
                place = sector{.what = kind::garbage};
                if (shared && each.place == 2) after.durable[each.file][1] = place;
            }
            after.forget_writes(0);
            after.keep_renames(kept);
            visit(after, [&] {
                std::string text = "power cut:";
                std::uint32_t left = way;
                for (u8 at = 0; at < before.writes_open; ++at, left /= 3) {
                    const char* fate[] = {" lost", " kept", " garbage"};
                    text += fate[left % 3];
                    text += "(file " + std::to_string(before.writes[at].file) + " sector " +
                            std::to_string(before.writes[at].place) + ")";
                }
                return text + " renames kept " + std::to_string(kept);
            });
        }
    }
}

}  // namespace models::wal
