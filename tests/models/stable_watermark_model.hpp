#pragma once
// The stable watermark beside the log in memory and the log on a disk that completes batches in
// order and tells of it late, together, twice, or out of order. The class under test is a
// parameter: the kit's own, or a variant with one rule off.

#include "explorer.hpp"

#include <raftkit/core/stable_watermark.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace models {

using u8 = std::uint8_t;

constexpr u8 index_max = 4;
constexpr u8 open_max = 4;

// A log as a value: entries base+1 .. last, every one with the version (term) it was written in.
struct watermark_log {
    u8 base = 0, last = 0;
    std::array<u8, index_max + 1> version{};  // [base] too: the term of the base

    bool operator==(const watermark_log&) const = default;
};

// What the class says of itself, relative to the last completed ticket: enough to build it anew,
// because only the running maximum of what the open tickets cover can ever be seen.
struct watermark_view {
    u8 stable = 0;
    u8 reset = 0;  // the open ticket that holds the last reset; open+1: not issued yet; 0: none
    u8 open = 0;
    std::array<u8, open_max> covers{};
};

struct watermark_bounds {
    u8 last_max = 3, term_max = 4, open_max = 3, resets_max = 2;
};

// `repeats_cut`: a run that repeats entries is cut at the first differing one before the log is
// truncated (the caller's half of the rules).
template <class Watermark>
class watermark_model {
public:
    struct state {
        watermark_log memory, disk;
        std::array<watermark_log, open_max> batches;  // the log as it is after each of them
        std::array<u8, open_max> resets;              // the batch holds a reset
        watermark_view seen;
        u8 written;  // of the open batches, durable but not told of
        u8 handed;   // the memory's entries up to here were given to a batch
        u8 term;
        u8 resets_left;
        u8 reset_waits;  // for the next batch
        u8 acked;        // stable once reached this, and these entries are still the log's
        u8 wrong;        // a step saw a broken promise: its number
    };

    explicit watermark_model(watermark_bounds bounds, bool repeats_cut = true)
        : bounds_(bounds), repeats_cut_(repeats_cut) {}

    std::vector<state> starts() const {
        state first{};
        first.term = 1;
        first.resets_left = bounds_.resets_max;
        return {first};
    }

    template <class Visit>
    void steps(const state& from, Visit&& visit) const {
        append(from, visit);
        issue(from, visit);
        receive(from, visit);
        reset(from, visit);
        finish(from, visit);
        compact(from, visit);
    }

    const char* broken(const state& now) const {
        if (now.wrong == 1) return "a late or repeated completion changes nothing";
        const u8 stable = now.seen.stable;
        const bool reset_open = now.seen.reset != 0;
        if (!reset_open && now.memory.base > stable) return "base <= stable unless a reset is open";
        if (stable > now.memory.last) return "stable <= last";
        if (now.acked > stable) return "what was acknowledged stays stable while the log has it";
        if (!reset_open && reset_undurable(now)) return "a reset is open until its own ticket";
        for (u8 at = now.memory.base; at <= stable; ++at) {
            if (at < 1) continue;
            if (!proves(now.disk, at, now.memory.version[at])) {
                return "stable covers only what is durable with its own content";
            }
        }
        if (now.seen.open == 0 && now.reset_waits == 0 && stable != now.handed) {
            return "when every ticket is complete, stable is all that was handed out";
        }
        return nullptr;
    }

private:
    static bool proves(const watermark_log& disk, u8 at, u8 version) {
        if (at < disk.base) return true;  // below a base that came after it
        return at <= disk.last && disk.version[at] == version;
    }
    static bool reset_undurable(const state& now) {
        u8 waits = now.reset_waits;
        for (u8 at = now.written; at < now.seen.open; ++at) waits |= now.resets[at];
        return waits != 0;
    }

    static Watermark built(const watermark_view& view) {
        if constexpr (requires { Watermark::from(view); }) {
            return Watermark::from(view);
        } else {
            Watermark made(raftkit::index_t{view.stable});
            for (u8 at = 1; at <= view.open; ++at) {
                if (at == view.reset) made.reset();
                made.issue(raftkit::index_t{view.covers[at - 1u]});
            }
            if (view.reset == view.open + 1) made.reset();
            return made;
        }
    }
    // Takes the class apart: what is seen when its tickets complete one by one.
    static watermark_view looked_at(Watermark& made) {
        watermark_view view;
        view.stable = static_cast<u8>(made.stable().value);
        const auto done = made.completed().value;
        view.open = static_cast<u8>(made.issued().value - done);
        const bool reset_open = made.reset_open();
        bool closed = false;
        for (u8 at = 1; at <= view.open; ++at) {
            made.complete(raftkit::ticket{done + at});
            view.covers[at - 1u] = static_cast<u8>(made.stable().value);
            if (reset_open && !closed && !made.reset_open()) view.reset = at, closed = true;
        }
        if (reset_open && !closed) view.reset = static_cast<u8>(view.open + 1);
        return view;
    }
    template <class Act>
    static void change(state& to, Act&& act) {
        Watermark made = built(to.seen);
        act(made);
        to.seen = looked_at(made);
        to.acked = to.seen.stable > to.acked ? to.seen.stable : to.acked;
    }

    template <class Visit>
    void append(const state& from, Visit& visit) const {
        if (from.memory.last >= bounds_.last_max) return;
        state to = from;
        to.memory.version[++to.memory.last] = from.term;
        visit(to, [&] { return "append " + named(to.memory.last, from.term); });
    }
    template <class Visit>
    void issue(const state& from, Visit& visit) const {
        if (from.seen.open >= bounds_.open_max) return;
        state to = from;
        to.batches[from.seen.open] = from.memory;
        to.resets[from.seen.open] = from.reset_waits;
        to.reset_waits = 0;
        to.handed = from.memory.last;
        change(to, [&](Watermark& made) { made.issue(raftkit::index_t{from.memory.last}); });
        visit(to, [&] { return "batch up to " + std::to_string(from.memory.last); });
    }
    // A leader's run begins at `at`: either it differs there (a newer term), or it repeats what is
    // here and ends with the log.
    template <class Visit>
    void receive(const state& from, Visit& visit) const {
        for (u8 at = static_cast<u8>(from.memory.base + 1); at <= from.memory.last; ++at) {
            if (from.term < bounds_.term_max) {
                state to = from;
                to.term = static_cast<u8>(from.term + 1);
                to.handed = std::min<u8>(to.handed, static_cast<u8>(at - 1));
                to.acked = std::min<u8>(to.acked, static_cast<u8>(at - 1));
                change(to, [&](Watermark& made) { made.truncate(raftkit::index_t{at}); });
                for (u8 gone = at; gone <= index_max; ++gone) to.memory.version[gone] = 0;
                to.memory.version[at] = to.term;
                to.memory.last = at;
                visit(to, [&] { return "run that differs: " + named(at, to.term); });
            }
            if (repeats_cut_) continue;  // nothing happens to a log that has it all
            state to = from;
            to.handed = std::min<u8>(to.handed, static_cast<u8>(at - 1));
            change(to, [&](Watermark& made) { made.truncate(raftkit::index_t{at}); });
            visit(to, [&] { return "run that repeats all from " + std::to_string(at); });
        }
    }
    template <class Visit>
    void reset(const state& from, Visit& visit) const {
        if (from.resets_left == 0) return;
        for (u8 at = static_cast<u8>(from.memory.base + 1); at <= bounds_.last_max; ++at) {
            // The log would be kept if it had this very entry: an install of a newer term.
            if (from.term >= bounds_.term_max) continue;
            state to = from;
            to.term = static_cast<u8>(from.term + 1);
            --to.resets_left;
            to.memory = {};
            to.memory.base = to.memory.last = at;
            to.memory.version[at] = to.term;
            to.handed = at;
            to.acked = 0;
            to.reset_waits = 1;
            change(to, [&](Watermark& made) {
                if constexpr (requires { made.reset_to(raftkit::index_t{at}); }) {
                    made.reset_to(raftkit::index_t{at});
                } else {
                    made.reset();
                }
            });
            visit(to, [&] { return "reset to " + named(at, to.term); });
        }
    }
    // The disk makes one more batch durable; what is told of it is any ticket up to there, old ones
    // too.
    template <class Visit>
    void finish(const state& from, Visit& visit) const {
        if (from.written < from.seen.open) {
            state to = from;
            to.disk = from.batches[from.written];
            ++to.written;
            visit(to, [&] { return "the disk has batch " + std::to_string(to.written); });
        }
        for (u8 upto = 0; upto <= from.written; ++upto) {
            state to = from;
            bool late_changed = false;
            change(to, [&](Watermark& made) {
                const auto done = made.completed().value;
                // A storage that says more than it was given is believed as far as it was given.
                const bool all = upto == from.seen.open;
                made.complete(raftkit::ticket{done + upto + (all ? open_max : 0u)});
                const auto stable = made.stable();
                if (made.complete(raftkit::ticket{done + upto}) || made.stable() != stable) {
                    late_changed = true;
                }
            });
            to.wrong = late_changed ? 1 : 0;
            for (u8 at = 0; at < open_max; ++at) {
                const bool left = at + upto < open_max;
                to.batches[at] = left ? from.batches[at + upto] : watermark_log{};
                to.resets[at] = left ? from.resets[at + upto] : u8{0};
            }
            to.written = static_cast<u8>(from.written - upto);
            visit(to, [&] { return "told of " + std::to_string(upto) + " more"; });
        }
    }
    // The base moves up to what is stable; the storage writes it in a group of its own, later.
    template <class Visit>
    void compact(const state& from, Visit& visit) const {
        if (from.seen.reset != 0 || from.seen.stable <= from.memory.base) return;
        state to = from;
        for (u8 at = from.memory.base; at < from.seen.stable; ++at) to.memory.version[at] = 0;
        to.memory.base = from.seen.stable;
        visit(to, [&] { return "compact to " + std::to_string(to.memory.base); });
    }

    static std::string named(u8 index, u8 term) {
        return std::to_string(index) + "/" + std::to_string(term);
    }

    watermark_bounds bounds_;
    bool repeats_cut_;
};

}  // namespace models
