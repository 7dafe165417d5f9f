#pragma once
// The write-ahead log as a state machine: the writer, open() step by step, a crash before any I/O
// call of both, and one media fault while the node is down. Invariants: a crash alone loses nothing
// acknowledged (or reported by open()) and is never refused; a fault is found, or is in the
// residual of recovery.md §1.

#include "wal_writer.hpp"

#include <string>
#include <vector>

namespace models::wal {

class model {
public:
    using state = wal::state;

    model(bounds within, rule_off off) : within_(within), off_(off), writer_(within, off) {}

    std::vector<state> starts() const {
        state first{};
        first.lives = 1;
        first.place = 1;
        first.operations = within_.operations;
        first.crashes = within_.crashes;
        first.faults = within_.faults;
        first.groups = within_.groups;
        first.on.names[0] = 1;
        first.on.durable[0][0] = {.what = kind::head, .life = 1, .seq = 1};
        first.on.durable[0][1] = {.what = kind::mark, .life = 1, .place = 1, .number = 1};
        return {first};
    }

    const char* broken(const state& now) const {
        if (now.on.overflow != 0) return "the bounds of the model suffice";
        switch (now.wrong) {
            case 1: return "a crash alone is never refused";
            case 2: return "a crash alone loses nothing that was acknowledged";
            case 3: return "one fault is never silent outside of the residual";
        }
        return nullptr;
    }

    template <class Visit>
    void steps(const state& from, Visit&& visit) const {
        if (from.where == at::refused) return;
        if (from.where == at::down) {
            damage(from, visit);
            open(from, visit);
        } else {
            if (from.where == at::idle) writer_.begin(from, visit);
            if (from.where == at::idle) writer_.note(from, visit);
            state to = from;
            const char* words = writer_.advance(to);
            if (words == nullptr) words = advance_open(to);
            if (words != nullptr) visit(to, [&] { return std::string(words); });
            if (writer_.may_group(from)) {
                state more = from;
                writer_.group(more);
                visit(more, [] { return std::string("one more frame before the sync"); });
            }
        }
        crash(from, visit);
    }

private:
    bool off(rule_off rule) const { return off_ == rule; }

    // ---- open() -------------------------------------------------------------------------------

    template <class Visit>
    void open(const state& from, Visit& visit) const {
        const verdict seen = recovery(from.on, off_).decide();
        state to = from;
        if (seen.refused()) {
            to.where = at::refused;
            if (from.faulted == 0) to.wrong = 1;
        } else if (!legal(from, seen.log)) {
            to.where = at::refused;
            if (from.faulted == 0) to.wrong = 2;
            if (from.faulted != 0 && !residual(from, seen)) to.wrong = 3;
        } else {
            to.memory = seen.log;
            to.file = seen.newest;
            to.place = seen.end;
            to.number = to.synced = seen.number;
            to.chain = seen.chain;
            to.prepared_hard = seen.log.hard;
            to.where = at::cut;
        }
        visit(to, [&] { return "open: row " + std::to_string(seen.row); });
    }
    static bool legal(const state& now, const content& log) {
        return log == now.acked || log == now.offered || log == now.first_offered;
    }
    const char* advance_open(state& to) const {
        const bool syncs = !off(rule_off::sync_in_open);
        const bool named_first = !off(rule_off::names_durable_before_seal);
        switch (to.where) {
            case at::cut: {
                const verdict seen = recovery(to.on, off_).decide();
                for (u8 place = 0; place < sectors && !off(rule_off::cut_zeroed); ++place) {
                    if (seen.cut[place]) to.on.put(to.file, place, {});
                }
                to.where = at::cut_sync;
                return "zero the cut";
            }
            case at::cut_sync:
                if (syncs) to.on.sync(to.file);
                to.where = named_first ? at::directory : at::missing_seal;
                return "sync the newest segment";
            case at::directory:
                if (syncs) to.on.sync_directory();
                to.where = named_first ? at::missing_seal : at::mark;
                return "sync the directory";
            case at::missing_seal: return seal_again(to);
            case at::sync_kept:
                for (u8 file = 0; file < files_max && syncs; ++file) {
                    if (to.on.name(file) != 0) to.on.sync(file);
                }
                to.where = named_first ? at::mark : at::directory;
                return "sync what is kept";
            case at::mark:
                if (!off(rule_off::marks_unnumbered)) writer_.write_mark(to);
                to.where = at::mark_sync;
                return "write a mark";
            case at::mark_sync:
                if (syncs) to.on.sync(to.file);
                to.acked = to.offered = to.first_offered = to.memory;
                to.group_first = group_of(to, to.number);
                to.where = at::stale;
                return "sync the mark: reported";
            case at::stale: return drop_stale(to);
            case at::stale_sync:
                to.on.sync_directory();
                to.where = at::idle;
                return "sync the directory";
            default: return nullptr;
        }
    }
    const char* seal_again(state& to) const {
        const verdict seen = recovery(to.on, off_).decide();
        if (seen.has_before && !seen.sealed && !off(rule_off::seal_rewritten)) {
            const sector& before = to.on.seen(seen.before, 0);
            const sector& newest = to.on.seen(to.file, 0);
            to.on.put(seen.before, seen.end_before,
                      {.what = kind::seal,
                       .life = before.life,
                       .place = seen.end_before,
                       .number = static_cast<u8>(newest.number + 1),
                       .chain = newest.chain,
                       .proves = newest.number,
                       .hard = newest.hard});
        }
        to.where = at::sync_kept;
        return "seal the segment before, if a crash prevented it";
    }
    const char* drop_stale(state& to) const {
        const verdict seen = recovery(to.on, off_).decide();
        u8 lowest = seen.lowest, victim = files_max;
        for (u8 file = 0; file < files_max; ++file) {
            const u8 seq = to.on.name(file);
            if (seq != 0 && seq < lowest) lowest = seq, victim = file;
        }
        to.does = change::none;
        to.index = to.retired_first = to.next = 0;
        if (victim == files_max) {
            to.where = to.on.renames_open != 0 ? at::stale_sync : at::idle;
            return "nothing below the run";
        }
        to.on.rename_to(victim, 0);
        return "rename what is below the run";
    }

    // ---- what happens to it -------------------------------------------------------------------

    template <class Visit>
    void crash(const state& from, Visit& visit) const {
        if (from.crashes == 0) return;
        state dead = from;
        --dead.crashes;
        dead.where = at::down;
        dead.does = change::none;
        dead.index = dead.file = dead.next = dead.place = dead.chain = dead.retired_first = 0;
        dead.synced = dead.prepared_hard = dead.grouped = 0;
        dead.memory = {};
        if (from.where != at::down) visit(dead, [] { return std::string("kill -9"); });
        power_cuts(from.on, off(rule_off::frames_alone_in_sectors),
                   [&](const disk& left, const auto& words) {
                       state to = dead;
                       to.on = left;
                       visit(to, words);
                   });
    }
    // One sector of the log turns into garbage, zeros, or another sector's content; or a file is
    // gone.
    template <class Visit>
    void damage(const state& from, Visit& visit) const {
        if (from.faults == 0) return;
        for (u8 file = 0; file < files_max; ++file) {
            if (from.on.names[file] == 0) continue;
            state gone = from;
            mark_fault(gone);
            gone.faulted = 2;
            gone.on.names[file] = 0;
            gone.on.keep_renames(0);
            visit(gone, [&] { return "file " + std::to_string(file) + " is gone"; });
            for (u8 place = 0; place < sectors; ++place) {
                become(from, file, place, {.what = kind::garbage}, visit);
                become(from, file, place, {}, visit);
                for (u8 other = 0; other < files_max; ++other) {
                    for (u8 of = 0; of < sectors; ++of) {
                        become(from, file, place, from.on.durable[other][of], visit);
                    }
                }
            }
        }
    }
    static void mark_fault(state& to) {
        --to.faults;
        to.faulted = 1;
    }
    template <class Visit>
    void become(const state& from, u8 file, u8 place, const sector& what, Visit& visit) const {
        const sector& was = from.on.durable[file][place];
        if (was == what) return;
        state to = from;
        mark_fault(to);
        to.on.durable[file][place] = what;
        if (off(rule_off::frames_alone_in_sectors) && (place == 1 || place == 2)) {
            to.on.durable[file][place == 1 ? 2 : 1] = what;
        }
        visit(to, [&] {
            return "file " + std::to_string(file) + " sector " + std::to_string(place) +
                   " becomes kind " + std::to_string(static_cast<int>(what.what));
        });
    }
    // The last synced group may be lost unnoticed if nothing whole on the disk says that it was
    // durable; a file that is gone is more than that. No rule of the table is used here.
    static bool residual(const state& now, const verdict& seen) {
        if (now.faulted == 2 || seen.number + 1 < now.group_first) return false;
        const u8 newest = now.on.seen(seen.newest, 0).seq;
        const u8 life = now.on.seen(seen.newest, 0).life;
        for (u8 file = 0; file < files_max; ++file) {
            if (now.on.name(file) == 0) continue;
            if (now.on.seen(file, 0).what == kind::head && now.on.seen(file, 0).seq > newest) {
                return false;
            }
            for (u8 place = 1; place < sectors && file == seen.newest; ++place) {
                const sector& each = now.on.seen(file, place);
                const bool header =
                    each.what == kind::frame || each.what == kind::mark || each.what == kind::seal;
                if (header && each.life == life && each.place == place &&
                    each.proves > seen.number) {
                    return false;
                }
            }
        }
        return true;
    }
    // Of the frame that is the last: the first of the group that it was synced with.
    static u8 group_of(const state& now, u8 number) {
        for (u8 file = 0; file < files_max; ++file) {
            for (u8 place = 1; place < sectors && now.on.name(file) != 0; ++place) {
                const sector& each = now.on.seen(file, place);
                if (each.what == kind::frame && each.number == number) {
                    return static_cast<u8>(each.proves + 1);
                }
            }
        }
        return now.group_first;
    }

    bounds within_;
    rule_off off_;
    writer writer_;
};

}  // namespace models::wal
