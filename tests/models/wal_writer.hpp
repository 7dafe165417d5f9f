#pragma once
// The write-ahead log's writer as steps, one I/O call each: frames, marks, rotation, compaction.

#include "wal_recovery.hpp"

#include <string>

namespace models::wal {

struct bounds {
    u8 operations = 3, crashes = 2, faults = 0;
    u8 groups = 1;  // of two frames with one sync
};

enum class at : u8 {
    idle,
    room,
    header,
    header_sync,
    name,
    name_sync,
    seal,
    seal_sync,  // rotation
    write,
    sync,
    retire,
    retire_sync,  // a frame
    down,
    cut,
    cut_sync,
    missing_seal,
    sync_kept,
    directory,
    mark,
    mark_sync,
    stale,
    stale_sync,
    refused
};

// `operations` to `groups`: what is left of each.
struct state {
    disk on;
    content acked, memory;
    content offered, first_offered;  // what recovery may find instead of `acked`: written
    at where;
    change does;
    u8 index;
    u8 file, next, place, number, chain;  // the writer; `number` of the last frame
    u8 synced;                            // the last frame that is known to be durable
    u8 lives, names_used, prepared_hard;
    u8 operations, crashes, faults;
    u8 faulted;      // 1: a sector; 2: a file is gone
    u8 group_first;  // of the last group that was synced: its first frame
    u8 retired_first, groups, grouped;
    u8 wrong;
};

class writer {
public:
    writer(bounds within, rule_off off) : within_(within), off_(off) {}

    template <class Visit>
    void begin(const state& from, Visit& visit) const {
        if (from.operations == 0) return;
        const content& now = from.memory;
        const auto ask = [&](change does, u8 index, const char* name) {
            state to = from;
            --to.operations;
            to.does = does;
            to.index = index;
            to.where = at::room;
            visit(to, [&] { return std::string(name) + " " + std::to_string(index); });
        };
        const u8 next = static_cast<u8>(now.last + 1);
        if (next <= index_max) ask(change::append, next, "append");
        if (next <= index_max) ask(change::append_large, next, "append large");
        if (now.last > now.base) ask(change::replace, now.last, "replace");
        ask(change::vote, 0, "vote");
        if (now.last > now.base) ask(change::base, now.last, "compact to");
        if (now.last > now.base + 1) {
            ask(change::base, static_cast<u8>(now.base + 1), "compact to");
        }
        if (next <= index_max) ask(change::reset, next, "reset to");
    }
    // Behind an idle log: a mark, not synced, and after a second its sync.
    template <class Visit>
    void note(const state& from, Visit& visit) const {
        const sector& here = from.on.seen(from.file, from.place);
        const bool has_mark = here.what == kind::mark && here.number == from.number + 1 &&
                              here.life == life(from) && here.proves == from.number;
        if (from.on.writes_open != 0) {
            state to = from;
            to.on.sync(to.file);
            to.synced = to.number;
            visit(to, [] { return std::string("idle sync"); });
        } else if (!has_mark && from.number != 0 && from.operations != 0) {
            if (off(rule_off::marks_unnumbered) && from.place + 1 >= sectors) return;
            state to = from;
            write_mark(to);
            visit(to, [] { return std::string("idle mark"); });
        }
    }
    static u8 life(const state& now) { return now.on.seen(now.file, 0).life; }
    void write_mark(state& to) const {
        sector mark = stamped(to, kind::mark);
        if (off(rule_off::marks_unnumbered)) {
            mark.chain = to.chain;
            mark.name = ++to.names_used;
        }
        to.on.put(to.file, to.place, mark);
        if (!off(rule_off::marks_unnumbered)) return;
        ++to.number;
        ++to.place;
        to.chain = mark.name;
    }
    sector stamped(const state& now, kind what) const {
        return {.what = what,
                .life = life(now),
                .place = now.place,
                .number = static_cast<u8>(now.number + 1),
                .proves = now.synced,
                .hard = now.memory.hard};
    }

    // A second frame behind the first, before both are synced.
    bool may_group(const state& now) const {
        const bool plain = now.does == change::append || now.does == change::append_large;
        return now.where == at::sync && plain && now.groups != 0 && now.grouped == 0 &&
               now.place + 1 < sectors && now.memory.last < index_max;
    }
    const char* advance(state& to) const {
        switch (to.where) {
            case at::room: return make_room(to);
            case at::header: return write_header(to);
            case at::header_sync:
                to.on.sync(to.next);
                to.where = off(rule_off::header_synced_before_name) ? at::name_sync : at::name;
                return "sync the header";
            case at::name:
                to.on.rename_to(to.next, static_cast<u8>(to.on.name(to.file) + 1));
                to.where = at::name_sync;
                if (off(rule_off::header_synced_before_name)) to.where = at::header_sync;
                return "name the segment";
            case at::name_sync:
                if (!off(rule_off::directory_synced_at_rotation)) to.on.sync_directory();
                to.where = at::seal;
                return "sync the directory";
            case at::seal: {
                sector seal = stamped(to, kind::seal);
                seal.chain = to.chain;
                to.on.put(to.file, to.place, seal);
                to.where = at::seal_sync;
                return "seal the segment before";
            }
            case at::seal_sync:
                to.on.sync(to.file);
                to.file = to.next;
                to.next = 0;
                to.place = 1;
                to.prepared_hard = to.memory.hard;
                to.where = at::write;
                return "sync the seal";
            case at::write: return write_frame(to);
            case at::sync: return sync_frame(to);
            case at::retire: return retire(to);
            case at::retire_sync:
                to.on.sync_directory();
                to.where = retired_too_early(to) ? at::write : at::idle;
                to.retired_first = 0;
                return "sync the directory after retiring";
            default: return nullptr;
        }
    }
    bool retired_too_early(const state& now) const {
        return off(rule_off::base_recorded_before_retiring) && now.retired_first != 0;
    }
    const char* make_room(state& to) const {
        const u8 length = to.does == change::append_large ? 2 : 1;
        if (to.place + length < sectors) {
            to.where = at::write;
            if (off(rule_off::base_recorded_before_retiring) && to.does == change::base) {
                to.memory.base = to.index;
                to.retired_first = 1;
                to.where = at::retire;
            }
            return "there is room";
        }
        for (u8 file = 0; file < files_max; ++file) {
            if (to.on.name(file) != 0) continue;
            to.next = file;
            to.where = at::header;
            return "the segment is full";
        }
        return nullptr;  // no file left: the bound of the model
    }
    const char* write_header(state& to) const {
        sector head{.what = kind::head, .life = ++to.lives, .number = to.number, .chain = to.chain};
        head.hard = off(rule_off::header_written_at_rotation) ? to.prepared_hard : to.memory.hard;
        head.base = to.memory.base;
        head.last = to.memory.last;
        head.seq = static_cast<u8>(to.on.name(to.file) + 1);
        to.on.put(to.next, 0, head);
        const bool early = off(rule_off::header_synced_before_name);
        to.where = early ? at::name : at::header_sync;
        return "write the next segment's header";
    }
    const char* write_frame(state& to) const {
        content& log = to.memory;
        const u8 name = ++to.names_used;
        switch (to.does) {
            case change::vote: ++log.hard; break;
            case change::base: log.base = to.index; break;
            case change::reset: log.base = log.last = to.index; break;
            default:
                log.value[to.index] = name;
                log.last = to.index;
                break;
        }
        for (u8 index = 0; index <= index_max; ++index) {
            if (index <= log.base || index > log.last) log.value[index] = 0;
        }
        sector frame = stamped(to, kind::frame);
        frame.chain = to.chain;
        frame.name = name;
        frame.does = to.does;
        frame.index = to.index;
        to.on.put(to.file, to.place, frame);
        if (to.does == change::append_large) {
            // A client's bytes: they look like a frame of some life that proves everything.
            to.on.put(to.file, static_cast<u8>(to.place + 1),
                      {.what = kind::body, .number = 99, .name = name, .proves = 98});
        }
        to.offered = log;
        if (to.grouped == 0) to.first_offered = log;
        to.number = static_cast<u8>(to.number + 1);
        to.chain = name;
        to.place = static_cast<u8>(to.place + recovery::length(frame));
        to.where = at::sync;
        return "write the frame";
    }
    const char* sync_frame(state& to) const {
        to.on.sync(to.file);
        to.group_first = static_cast<u8>(to.synced + 1);
        to.synced = to.number;
        to.acked = to.offered = to.first_offered = to.memory;
        to.grouped = 0;
        const bool retires = to.does == change::base || to.does == change::reset;
        to.where = retires && !off(rule_off::base_recorded_before_retiring) ? at::retire : at::idle;
        to.does = change::none;
        to.index = 0;
        return "sync the frame: acknowledged";
    }
    static void group(state& to) {
        --to.groups;
        to.grouped = 1;
        to.does = change::append;
        to.index = static_cast<u8>(to.memory.last + 1);
        to.where = at::write;
    }
    // The lowest segment without a live entry above the base loses its name; never the current one.
    const char* retire(state& to) const {
        const verdict now = recovery(to.on, rule_off::none).decide();
        const u8 current = to.on.name(to.file);
        u8 keep = current;
        if (to.memory.last > to.memory.base) {
            const u8 lowest = to.on.name(now.file_of[to.memory.base + 1u]);
            keep = std::min(keep, lowest);
        }
        u8 lowest = current;
        u8 victim = to.file;
        for (u8 file = 0; file < files_max; ++file) {
            const u8 seq = to.on.name(file);
            if (seq != 0 && seq < lowest) lowest = seq, victim = file;
        }
        if (lowest >= keep) {
            to.where = at::retire_sync;
            return "nothing more to retire";
        }
        to.on.rename_to(victim, 0);
        return "retire the lowest segment";
    }

private:
    bool off(rule_off rule) const { return off_ == rule; }

    bounds within_;
    rule_off off_;
};

}  // namespace models::wal
