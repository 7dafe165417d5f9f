#pragma once
// What the model of two stores is made of: a log with batches on their way, a shelf of snapshots,
// and what the kit's start plan is shown of both.

#include "explorer.hpp"

#include <raftkit/core/recovered.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

namespace models::stores {

using u8 = std::uint8_t;

constexpr u8 index_max = 5;
// What the cluster commits. The first leader's entry 3 never is: it is superseded by the second's.
constexpr std::array<u8, index_max + 1> truth{0, 1, 1, 2, 2, 2};

enum class order : u8 {
    right,
    restore_before_reset,  // allowed
    ack_before_reset,      // allowed: opening finishes the install
    compact_before_publish,
    publish_before_term_durable,
    reset_before_publish,
    ack_before_publish,
    hint_unclamped,
    capture_unstable,  // with a machine that runs ahead of the log
    marker_stays,
    marker_goes_early,
};

struct setup {
    order with = order::right;
    bool durable_machine = false;
    bool applies_ahead = false;  // entries reach the machine before they are stable
    u8 crashes = 2, saves = 1, installs = 1, faults = 0;
};

struct log {
    u8 term = 0, hint = 0, base = 0, base_term = 0, last = 0;
    std::array<u8, index_max + 1> terms{};

    u8 term_at(u8 index) const { return index == base ? base_term : terms[index]; }
    bool has(u8 index, u8 of_term) const { return index <= last && term_at(index) == of_term; }
};
struct batch {
    u8 term = 0, hint = 0, reset = 0, reset_term = 0, first = 0, entry_term = 0, compact = 0;
};
struct shot {
    u8 index = 0, term = 0, installing = 0;
};

enum class install : u8 { none, staged, published, resetting };

struct state {
    log disk, memory;
    std::array<batch, 4> waiting;
    std::array<shot, 2> shelf;  // the newest last
    u8 waits, shots;
    u8 up, leader, commit, applied, machine;  // machine: durable by itself
    u8 captured, compact_due;
    install installing;
    u8 installs_at, restored, acked_early;
    u8 acked, promised;  // entries; the term that was answered in
    u8 crashes, saves, installs, faults, faulted;
    u8 wrong;
};

inline void take(log& to, const batch& what) {
    to.term = what.term;
    to.hint = what.hint;
    if (what.reset != 0) {
        to.base = to.last = what.reset;
        to.base_term = what.reset_term;
        to.terms = {};
    }
    if (what.first != 0) {
        for (u8 gone = what.first; gone <= index_max; ++gone) to.terms[gone] = 0;
        to.terms[what.first] = what.entry_term;
        to.last = what.first;
    }
    if (what.compact > to.base) {
        to.base_term = to.terms[what.compact];
        for (u8 gone = 0; gone <= what.compact; ++gone) to.terms[gone] = 0;
        to.base = what.compact;
    }
}
inline bool reset_open(const state& now) {
    bool open = false;
    for (u8 at = 0; at < now.waits; ++at) open = open || now.waiting[at].reset != 0;
    return open;
}
inline u8 stable(const state& now) {
    if (reset_open(now)) return 0;
    u8 upto = now.memory.base;
    while (upto < now.memory.last &&
           now.disk.has(static_cast<u8>(upto + 1), now.memory.terms[upto + 1u])) {
        ++upto;
    }
    return upto;
}
inline bool full(const state& now) { return now.waits == now.waiting.size(); }

inline raftkit::core::recovered seen_by_plan(const state& now) {
    raftkit::core::recovered seen;
    const log& disk = now.disk;
    seen.hard = {{disk.term}, {}, {disk.hint}};
    seen.base.at = {{disk.base}, {disk.base_term}};
    seen.last = {{disk.last}, {disk.term_at(disk.last)}};
    for (u8 at = static_cast<u8>(disk.base + 1); at <= disk.last; ++at) {
        if (at == disk.base + 1 || disk.terms[at] != disk.terms[at - 1u]) {
            seen.term_runs.push_back({{at}, {disk.terms[at]}});
        }
    }
    if (now.shots != 0) {
        const shot& newest = now.shelf[now.shots - 1u];
        seen.snapshot.emplace();
        seen.snapshot->id.at = {{newest.index}, {newest.term}};
        seen.snapshot->installing = newest.installing != 0;
    }
    return seen;
}

}  // namespace models::stores
