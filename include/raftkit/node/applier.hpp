#pragma once
// The machine queue: the one FIFO of everything that touches the state machine (design §3). Ranges
// are applied in index order, their operations travel with them; reads run when what was applied
// reaches their index; a capture and a restore's commit stand between two ranges (known bug 38:
// never beside them).
//
//   raft context                          apply context (the same thread, or `apply_on`'s)
//   range, read, finish, capture, commit
//        | staged_        swap, when empty     | taken_
//        +-----------------------------------> +--> machine.apply, finish(...), capture, commit
//   <------------- progress(), when the step has ended --------------+
//
// The two contexts alternate: while a step runs, the raft context fills staged_ and looks at
// nothing else. Every operation of a node finishes here, so that callbacks are totally ordered
// (known bug 100). A step ends when the queue is empty or its time slice is over.

#include <optional>
#include <utility>
#include <vector>

#include <raftkit/concepts/state_machine.hpp>
#include <raftkit/core/configuration.hpp>
#include <raftkit/node/waiting_reads.hpp>

RAFTKIT_NAMESPACE_BEGIN

using clock_fn = instant (*)() noexcept;

template <class Machine>
class applier {
public:
    using image = image_of<Machine>;
    using restore_writer = restore_writer_of<Machine>;

    // What a step did. Read by the raft context between two steps, then cleared.
    struct progress_t {
        index_t first, applied;  // first: 0 if nothing was applied
        u64 bytes = 0;
        duration took;
        error failed;  // of apply: the node stops
        bool captured = false, committed = false;
        error capture_failed;
        std::optional<image> captured_image;
        index_t captured_at;
        std::optional<restore_writer> replacement;  // what machine.restore() gave
        bool restoring = false;
        error restore_failed;
    };

    explicit applier(Machine& machine) noexcept : machine_(&machine) {}
    applier(applier&&) = delete;

    // Raft context: fills the queue.
    void starts_at(index_t applied) noexcept { applied_ = applied; }
    // The operations of the range that is added next: position `index - first` of `count`.
    operation** range(const run_view& entries, bool with_operations);
    // At 0: a stale one, which waits for nothing, not even for those that came before it.
    void read(operation& first_of_chain, index_t at) {
        staged_.reads.push_back({&first_of_chain, at});
        staged_.reads_due =
            earliest(staged_.reads_due, waiting_reads::deadline_of(staged_.reads.back()));
    }
    // The next step ends the reads that are too late at `now`, or cancelled.
    void sweep_reads(instant now) noexcept {
        staged_.sweeps = true;
        staged_.sweep_at = now;
    }
    void finish(operation& ended, error how) { staged_.ended.push_back({&ended, how}); }
    void capture() { staged_.items.push_back({.what = item::what_t::capture}); }
    // `of` and the writer stay where they are until the step has ended.
    void begin_restore(const snapshot_meta& of) {
        staged_.items.push_back({.what = item::what_t::restore, .meta = &of});
    }
    // A restore in place failed: what waits for the machine ends, until a commit.
    void lose() { staged_.items.push_back({.what = item::what_t::lose}); }
    void commit(restore_writer& filled, index_t upto) {
        staged_.items.push_back({.what = item::what_t::commit, .writer = &filled, .upto = upto});
    }
    bool has_work() const noexcept { return !taken_.empty() || !staged_.empty(); }

    // Raft context, between steps: what was filled in belongs to the next step. If ranges of the
    // last one are left over, only reads join them: they go by their index, not by their place.
    void take() noexcept {
        if (taken_.empty()) return std::swap(staged_, taken_);
        taken_.take_reads(staged_);
    }
    // Raft context, between steps: the earliest deadline of a read that waits. May be too early.
    instant reads_due() const noexcept {
        return earliest(reads_.due(), earliest(staged_.reads_due, taken_.reads_due));
    }
    // Apply context: true if work is left because the slice is over. `clock` null: no slice, no
    // measuring.
    bool step_taken(clock_fn clock, duration slice) noexcept;
    // Both, where the two contexts are one thread.
    bool step(clock_fn clock, duration slice) noexcept {
        take();
        return step_taken(clock, slice);
    }
    // When nothing more will be applied: reads whose index was not reached.
    void end_reads(error how) noexcept { reads_.end_all(how); }

    // Raft context, between steps.
    progress_t& progress() noexcept { return progress_; }
    void clear_progress() noexcept {
        progress_.first = {};
        progress_.bytes = 0;
        progress_.captured = progress_.restoring = progress_.committed = false;
        progress_.captured_image.reset();
        progress_.replacement.reset();
        progress_.capture_failed = progress_.restore_failed = {};
    }
    index_t applied() const noexcept { return applied_; }

private:
    struct item {
        enum class what_t : u8 { range, capture, restore, commit, lose } what = what_t::range;
        run_view entries{};
        bool with_operations = false;
        const snapshot_meta* meta = nullptr;
        restore_writer* writer = nullptr;
        index_t upto{};
    };
    struct ended_operation {
        operation* who;
        error how;
    };
    struct queue {
        std::vector<item> items;
        std::vector<operation*> operations;  // of the ranges that have some, entry by entry
        std::vector<waiting_read> reads;
        std::vector<ended_operation> ended;
        std::size_t next_item = 0, next_operation = 0;
        instant reads_due = never;  // of `reads`
        bool sweeps = false;
        instant sweep_at{};

        bool empty() const noexcept {
            return items.empty() && reads.empty() && ended.empty() && !sweeps;
        }
        void take_reads(queue& from) {
            reads.insert(reads.end(), from.reads.begin(), from.reads.end());
            reads_due = earliest(reads_due, std::exchange(from.reads_due, never));
            from.reads.clear();
            if (std::exchange(from.sweeps, false)) {
                sweeps = true;
                sweep_at = from.sweep_at;
            }
        }
        void clear() noexcept {
            items.clear();
            operations.clear();
            reads.clear();
            ended.clear();
            next_item = next_operation = 0;
            reads_due = never;
            sweeps = false;
        }
    };

    void run(const item& next) noexcept;
    void apply(const item& next) noexcept;
    error apply_entries(const run_view& entries) noexcept;
    error apply_commands(const run_view& commands) noexcept;
    void capture_now() noexcept;
    void begin_restore_now(const snapshot_meta& of) noexcept;
    void take_reads() noexcept;
    void serve_reads() noexcept;

    Machine* machine_;
    queue staged_, taken_;
    waiting_reads reads_;
    reply_sink replies_;
    index_t applied_;
    bool half_restored_ = false;  // an in_place_machine: nobody may look at it
    error lost_;                  // and it stays so until another restore is committed
    error failed_;
    progress_t progress_;
};

template <class Machine>
operation** applier<Machine>::range(const run_view& entries, bool with_operations) {
    staged_.items.push_back({.entries = entries, .with_operations = with_operations});
    if (!with_operations) return nullptr;
    const std::size_t start = staged_.operations.size();
    staged_.operations.resize(start + entries.count, nullptr);
    return staged_.operations.data() + start;
}

template <class Machine>
bool applier<Machine>::step_taken(clock_fn clock, duration slice) noexcept {
    take_reads();
    serve_reads();
    if (std::exchange(taken_.sweeps, false)) reads_.sweep(taken_.sweep_at);

    const instant began = clock != nullptr ? clock() : instant{};
    instant now = began;
    while (taken_.next_item < taken_.items.size()) {
        run(taken_.items[taken_.next_item++]);
        serve_reads();
        if (clock == nullptr) continue;
        now = clock();
        if (now - began >= slice) break;
    }
    progress_.took = now - began;
    progress_.applied = applied_;
    if (taken_.next_item < taken_.items.size()) return true;

    // After the ranges: what was refused because of an applied entry is refused when it is applied.
    for (std::size_t i = 0; i < taken_.ended.size(); ++i) {
        const ended_operation each = taken_.ended[i];
        each.who->finish(*each.who, each.how, {});
    }
    taken_.clear();
    return false;
}

template <class Machine>
void applier<Machine>::run(const item& next) noexcept {
    switch (next.what) {
        case item::what_t::range: return apply(next);
        case item::what_t::capture: return capture_now();
        case item::what_t::restore: return begin_restore_now(*next.meta);
        case item::what_t::commit:
            if (failed_) return;
            next.writer->commit();
            applied_ = next.upto;
            half_restored_ = false;
            lost_ = {};
            progress_.committed = true;
            return;
        case item::what_t::lose: lost_ = {errc::restore_failed, 0, "read: the restore failed"};
    }
}

template <class Machine>
void applier<Machine>::apply(const item& next) noexcept {
    const run_view& entries = next.entries;
    if (!failed_) {
        RAFTKIT_ASSERT(!half_restored_);
        RAFTKIT_ASSERT(entries.first == applied_.next());  // known bug 32: gapless, once each
        replies_.clear();
        failed_ = apply_entries(entries);
        RAFTKIT_ASSERT(replies_.ordered());
        if (failed_) {
            progress_.failed = failed_;
        } else {
            applied_ = entries.last();
            progress_.bytes += entries.bytes;
            if (!progress_.first) progress_.first = entries.first;
        }
    }
    if (!next.with_operations) return;
    for (u32 offset = 0; offset < entries.count; ++offset) {
        operation* who = taken_.operations[taken_.next_operation++];
        if (who == nullptr) continue;
        const index_t at{entries.first.value + offset};
        if (failed_) {
            who->finish(
                *who, {errc::outcome_unknown, failed_.os, "apply", static_cast<u64>(errc::io)}, {});
        } else {
            who->finish(*who, {}, replies_.reply_of(at));
        }
    }
}

// A machine that hears of memberships is called between its commands, where the entry stands.
template <class Machine>
error applier<Machine>::apply_entries(const run_view& entries) noexcept {
    if constexpr (!membership_machine<Machine>) {
        return apply_commands(entries);
    } else {
        index_t from = entries.first;
        for (const entry_view entry : entries) {
            if (entry.kind != entry_kind::membership) continue;
            if (from < entry.at.index) {
                if (error why = apply_commands(entries.slice(from, entry.at.index.previous())))
                    return why;
            }
            result<configuration> now = decode_configuration(entry.body);
            if (now) machine_->on_membership(entry.at, *now);
            from = entry.at.index.next();
        }
        return from > entries.last() ? error{}
                                     : apply_commands(entries.slice(from, entries.last()));
    }
}

template <class Machine>
error applier<Machine>::apply_commands(const run_view& commands) noexcept {
    const command_range range(commands);
    if constexpr (batch_machine<Machine>) {
        if constexpr (std::is_void_v<decltype(machine_->apply(range, replies_))>) {
            machine_->apply(range, replies_);
        } else {
            return machine_->apply(range, replies_).why();
        }
    } else {
        for (const command each : range) {
            if constexpr (std::is_void_v<decltype(machine_->apply(each, replies_))>) {
                machine_->apply(each, replies_);
            } else {
                if (error why = machine_->apply(each, replies_).why()) return why;
            }
        }
    }
    return {};
}

template <class Machine>
void applier<Machine>::capture_now() noexcept {
    progress_.captured = true;
    progress_.captured_at = applied_;
    if (failed_ || half_restored_) {
        progress_.capture_failed =
            failed_ ? failed_ : error{errc::busy, 0, "capture: the machine is being restored"};
        return;
    }
    result<image> made = machine_->capture();
    if (!made) {
        progress_.capture_failed = made.why();
        return;
    }
    progress_.captured_image.emplace(std::move(*made));
    if constexpr (positioned_image<image>) {
        progress_.captured_at = progress_.captured_image->at().index;
    }
}

template <class Machine>
void applier<Machine>::begin_restore_now(const snapshot_meta& of) noexcept {
    progress_.restoring = true;
    result<restore_writer> made = machine_->restore(of);
    half_restored_ = in_place_machine<Machine>;  // an error tells not how far it came
    if (made) {
        progress_.replacement.emplace(std::move(*made));
    } else {
        progress_.restore_failed = made.why();
    }
}

template <class Machine>
void applier<Machine>::take_reads() noexcept {
    const error stale = failed_ ? error{errc::stopped, 0, "read: apply failed"} : lost_;
    for (std::size_t i = 0; i < taken_.reads.size(); ++i) {
        waiting_read each = taken_.reads[i];
        if (half_restored_ && !lost_)
            each.at = std::max({each.at, applied_, index_t{1}});  // a stale one, too
        reads_.add(each, stale);
    }
    taken_.reads.clear();
    taken_.reads_due = never;
}

template <class Machine>
void applier<Machine>::serve_reads() noexcept {
    if (failed_) return reads_.end_all({errc::stopped, 0, "read: apply failed"});
    if (lost_) return reads_.end_all(lost_);
    if (!half_restored_) reads_.serve(applied_);
}

RAFTKIT_NAMESPACE_END
