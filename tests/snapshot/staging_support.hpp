#pragma once
// An install on its way into a store: its frames, and a writer that says what it already found.

#include "snapshot/store_support.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace store_support {

inline constexpr std::array<u64, 2> shape{900, 130};
inline const conform::contents whole = conform::some_contents(shape, 7);
inline snapshot_manifest offered(u64 index, const conform::contents& of = whole) {
    return conform::described_manifest(index, 2, index * 3, 64, of);
}
struct place {
    u32 section;
    u64 offset, bytes;
};
// Every frame of both sections, in an order that no transfer would have.
inline std::vector<place> frames() {
    std::vector<place> all;
    for (u32 section = 0; section < shape.size(); ++section) {
        for (u64 at = 0; at < shape[section]; at += 64)
            all.push_back({section, at, std::min<u64>(64, shape[section] - at)});
    }
    std::reverse(all.begin() + 3, all.begin() + 9);
    return all;
}
inline result<void> put(store::writer& to, const place& one, const conform::contents& of = whole) {
    return to.write(conform::piece_of(of, one.section, one.offset, one.bytes));
}
// The writer of an install, ready: how many frames it found in `held`.
inline result<store::writer> begun(store& from, const snapshot_manifest& what, u64& held) {
    result<store::writer> made = from.create(what);
    if (!made) return made;
    for (;;) {
        const result<u64> looked = made->recheck();
        if (!looked) return looked.why();
        if (*looked == 0) break;
    }
    held = 0;
    for (const place& each : frames()) held += made->holds(each.section, each.offset, each.bytes);
    return made;
}

}  // namespace store_support
