#pragma once
// The decision table of recovery.md §1 over the model's disk, each rule with a switch that turns it
// off. It only reads, as the kit's wal_recovery does.

#include "wal_disk.hpp"

namespace models::wal {

// What is left out; none: the rules as they are.
enum class rule_off : u8 {
    none,
    frames_alone_in_sectors,
    sync_in_open,
    marks_unnumbered,
    header_written_at_rotation,
    header_synced_before_name,
    directory_synced_at_rotation,
    base_recorded_before_retiring,
    cut_zeroed,
    seal_rewritten,
    names_durable_before_seal,
    header_has_own_checksum,
    nonce,
    place_in_checksum,
    sealed_needs_successor,
    durable_before_judges,
};

struct verdict {
    u8 row = 0;  // 2..6: refused
    content log;
    u8 newest = 0, before = 0;  // files; `before`: of the predecessor
    bool has_before = false, sealed = false;
    u8 end = 1, end_before = 1;  // where the frames end
    u8 number = 0, chain = 0;    // of the last frame
    std::array<bool, sectors> cut{};
    std::array<u8, index_max + 1> file_of{};  // where a live entry lies
    u8 lowest = 0;                            // seq of the run

    bool refused() const { return row < 8; }
};

class recovery {
public:
    recovery(const disk& on, rule_off off) : on_(&on), off_(off) {}

    verdict decide() {
        verdict out;
        out.row = rows_2_to_5(out);
        if (out.row == 0) out.row = rows_6_to_9(out);
        return out;
    }

    // A whole header of this life: frame, mark or seal.
    const sector* header_at(u8 file, u8 place) const {
        if (place >= sectors) return nullptr;
        const sector& seen = on_->seen(file, place);
        if (seen.what == kind::body && off_ == rule_off::nonce) return &seen;
        if (seen.what != kind::frame && seen.what != kind::mark && seen.what != kind::seal) {
            return nullptr;
        }
        if (!ours(seen, file, place)) return nullptr;
        const bool torn = seen.what == kind::frame && !body_whole(file, place);
        return torn && off_ == rule_off::header_has_own_checksum ? nullptr : &seen;
    }
    static u8 length(const sector& frame) { return frame.does == change::append_large ? 2 : 1; }

private:
    bool ours(const sector& seen, u8 file, u8 place) const {
        if (off_ != rule_off::nonce && seen.life != on_->seen(file, 0).life) return false;
        return off_ == rule_off::place_in_checksum || seen.place == place;
    }
    bool body_whole(u8 file, u8 place) const {
        const sector& head = on_->seen(file, place);
        if (length(head) == 1) return true;
        if (place + 1 >= sectors) return false;
        const sector& body = on_->seen(file, static_cast<u8>(place + 1));
        return body.what == kind::body && body.name == head.name;
    }
    const sector* frame_at(u8 file, u8 place, u8 number, u8 chain) const {
        const sector* head = header_at(file, place);
        if (head == nullptr || head->what == kind::seal) return nullptr;
        if (head->what == kind::mark && off_ != rule_off::marks_unnumbered) return nullptr;
        if (head->number != number + 1 || head->chain != chain) return nullptr;
        return body_whole(file, place) ? head : nullptr;
    }
    u8 file_named(u8 seq) const {
        for (u8 file = 0; file < files_max; ++file) {
            if (on_->name(file) == seq) return file;
        }
        return files_max;
    }
    bool good(u8 seq) const {
        const u8 file = file_named(seq);
        if (file == files_max) return false;
        const sector& head = on_->seen(file, 0);
        return head.what == kind::head && head.seq == seq;
    }

    u8 rows_2_to_5(verdict& out) {
        u8 top = 0;
        for (u8 file = 0; file < files_max; ++file) top = std::max(top, on_->name(file));
        if (top == 0) return 1;
        if (!good(top)) return 2;
        u8 seq = top;
        while (seq > 1 && good(static_cast<u8>(seq - 1))) --seq;
        out.lowest = seq;
        begin(out, on_->seen(file_named(seq), 0));
        for (; seq <= top; ++seq) {
            const u8 file = file_named(seq);
            if (!take_segment(out, file)) gap_ = true;
            if (seq == top) break;
            const sector& next = on_->seen(file_named(static_cast<u8>(seq + 1)), 0);
            if (out.number != next.number || out.chain != next.chain) return 3;
            const sector* note = header_at(file, out.end);
            out.has_before = true;
            out.sealed = note != nullptr && note->what == kind::seal;
            out.before = file;
            out.end_before = out.end;
        }
        out.newest = file_named(top);
        const sector* note = header_at(out.newest, out.end);
        const bool sealed =
            note != nullptr && note->what == kind::seal && note->number == out.number + 1;
        if (sealed && off_ != rule_off::sealed_needs_successor) return 4;
        return gap_ || !present_from_base(out) ? 5 : 0;
    }
    void begin(verdict& out, const sector& lowest) {
        out.log = {};
        out.log.base = lowest.base;
        out.log.last = lowest.last;
        out.log.hard = lowest.hard;
        out.number = lowest.number;
        out.chain = lowest.chain;
        base_known_ = lowest.seq == 1;
        present_ = 0;
        gap_ = false;
    }
    bool take_segment(verdict& out, u8 file) {
        const sector& head = on_->seen(file, 0);
        // The draft took the newest header's word for it.
        if (head.hard < out.log.hard && off_ != rule_off::header_written_at_rotation) return false;
        out.log.hard = head.hard;
        out.end = 1;
        bool fits = true;
        while (const sector* frame = frame_at(file, out.end, out.number, out.chain)) {
            fits = fits && apply(out, *frame, file);
            out.number = frame->number;
            out.chain = frame->name;
            out.end = static_cast<u8>(out.end + length(*frame));
        }
        return fits;
    }
    bool apply(verdict& out, const sector& frame, u8 file) {
        content& log = out.log;
        if (frame.hard < log.hard) return false;
        log.hard = frame.hard;
        switch (frame.does) {
            case change::none:
            case change::vote: return true;
            case change::base:
                if (frame.index > log.last || frame.index < log.base) return false;
                base_known_ = true;
                log.base = frame.index;
                return true;
            case change::reset:
                base_known_ = true;
                present_ = 0;
                log.base = log.last = frame.index;
                return true;
            case change::append:
            case change::append_large:
            case change::replace: break;
        }
        if (frame.index <= log.base || frame.index > log.last + 1) return false;
        log.value[frame.index] = frame.name;
        out.file_of[frame.index] = file;
        log.last = frame.index;
        if (present_ == 0 || frame.index < present_) present_ = frame.index;
        return true;
    }
    bool present_from_base(verdict& out) const {
        content& log = out.log;
        if (!base_known_ || log.last < log.base) return false;
        if (log.last > log.base && (present_ == 0 || present_ > log.base + 1)) return false;
        for (u8 at = 0; at <= index_max; ++at) {
            if (at <= log.base || at > log.last) log.value[at] = 0;
        }
        return true;
    }

    u8 rows_6_to_9(verdict& out) const {
        bool any = false;
        for (u8 place = out.end; place < sectors; ++place) {
            const sector* head = header_at(out.newest, place);
            if (head == nullptr) continue;
            any = out.cut[place] = true;
            if (off_ == rule_off::durable_before_judges) continue;
            if (head->proves > out.number) return 6;
        }
        if (out.end < sectors && on_->seen(out.newest, out.end).what != kind::zero) {
            out.cut[out.end] = true;
        }
        return any ? 8 : 9;
    }

    const disk* on_;
    rule_off off_;
    bool base_known_ = false, gap_ = false;
    u8 present_ = 0;
};

}  // namespace models::wal
