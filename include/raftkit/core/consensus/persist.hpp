#pragma once
// What goes to disk and to the machine, and what is free to be forgotten: the two watermarks
// `stable` and `applied` (design §3, §6).

#include <raftkit/core/consensus.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

// Everything new goes into one atomic batch: hard state, fence, reset and entries; the peer book
// alone, in its own file, and after them, so that its ticket proves nothing about the log.
[[gnu::flatten]] inline void consensus::flush_persist() noexcept {
    const index_t last = log_.last_index();
    const bool entries = persist_cursor_.index <= last;
    turn& filled = *filling_;
    filled.out.has |= effects::persisting;
    persist_batch& batch = filled.out.persist;
    batch.fence = nullptr;
    batch.peers = nullptr;
    batch.reset = nullptr;
    if (!entries && dirty_ == book_dirty) return flush_book(batch);
    hard_.commit_hint = std::min(commit_, stable_.stable());
    filled.hard = hard_;
    batch.hard = &filled.hard;
    filled.append.clear();
    while (persist_cursor_.index <= last) {
        add_view(filled.append, log_.tail().take(persist_cursor_, last, {}));
    }
    batch.append = filled.append;
    batch.id = stable_.issue(last);
    if (dirty_) flush_rare(batch);
}

// The book alone: its ticket covers no entry.
[[gnu::noinline]] inline void consensus::flush_book(persist_batch& batch) noexcept {
    stamp carries = carried();
    carries.book = book_version_;
    filling_->book = book_;
    batch.hard = nullptr;
    batch.append = {};
    batch.peers = &filling_->book;
    batch.id = stable_.issue(persist_cursor_.index.previous());
    dirty_ = 0;
    issued_.push_back({batch.id, carries});
}

// A version that is not durable rides with the first batch after its change: later ones need not
// carry it again.
[[gnu::noinline]] inline void consensus::flush_rare(persist_batch& batch) noexcept {
    const u32 dirty = std::exchange(dirty_, dirty_ & book_dirty);
    if (dirty & fence_dirty) {
        filling_->fence = fence_.mark().value_or(fence_mark{});
        batch.fence = &filling_->fence;
    }
    if (dirty & reset_dirty) {
        filling_->base = {log_.base(), members_.at(log_.base().index)};
        batch.reset = &filling_->base;
    }
    if (dirty & (hard_dirty | reset_dirty)) {
        stamp carries = carried();
        carries.hard = hard_version_;
        carries.reset = reset_version_;
        issued_.push_back({batch.id, carries});
    }
    if (dirty & book_dirty) work_ = true;  // in a batch of its own
}

inline void consensus::persisted(ticket upto) noexcept {
    if (!running() || !stable_.complete(upto)) return;
    status_stale_ = true;
    while (!issued_.empty() && issued_.front().id <= upto) {
        durable_ = issued_.front().carries;
        issued_.pop_front();
    }
    if (log_.tail().has_buried()) log_.tail().release_buried(upto);
    if (!held_.empty()) release_held();
    if (handed_ < commit_ || reply_.due) stir();
    if (leading() != nullptr) {
        try_commit();
        return;
    }
    if (campaigning() != nullptr) own_vote_durable();
    if (std::min(verified_, stable_.stable()) > reply_.acked) {
        reply_.due = true;
        stir();
    }
    if (fence_.up()) lift_fence();
    if (flow_.step == install_step::resetting && flow_.reset_ticket <= upto) flow_.close();
}

// The machine gets what is committed and durable here, at most apply_bytes_max at a time, in order,
// without a gap.
[[gnu::flatten]] inline void consensus::flush_apply() noexcept {
    if (opening_restore_ || flow_.pauses_apply()) return;
    const index_t limit = std::min(commit_, stable_.stable());
    while (handed_ < limit && lent_bytes_ < options_.apply_bytes_max) {
        if (!log_.tail().resident(handed_.next())) return load_for_machine(limit);
        const u64 room = options_.apply_bytes_max - lent_bytes_;
        const run_view range =
            log_.tail().take(apply_cursor_, limit, {options_.apply_batch_entries_max, room});
        add_view(filling_->out.apply, range);
        handed_out(range);
    }
}

[[gnu::noinline]] inline void consensus::load_for_machine(index_t limit) noexcept {
    if (apply_load_) return;
    requests_ = requests_.next();
    apply_load_ = requests_;
    const index_t last = std::min(limit, log_.tail().first().previous());
    const u64 bytes = std::min<u64>(options_.apply_bytes_max - lent_bytes_, 1u << 20);
    out().load.push_back({apply_load_, handed_.next(), last, static_cast<u32>(bytes)});
    out().has |= effects::loading;
}

inline void consensus::handed_out(const run_view& range) noexcept {
    RAFTKIT_ASSERT(range.first == handed_.next());
    out().has |= effects::applying;
    handed_ = range.last();
    lent_.push_back({handed_, range.bytes});
    lent_bytes_ += range.bytes;
    uncommitted_bytes_ -= std::min<u64>(uncommitted_bytes_, range.bytes);
}

inline void consensus::applied(index_t upto) noexcept {
    upto = std::min(upto, handed_);
    if (upto <= applied_) return;
    applied_ = upto;
    status_stale_ = true;
    if (handed_ < commit_) work_ = true;
    while (!lent_.empty() && lent_.front().last <= upto) {
        lent_bytes_ -= lent_.front().bytes;
        lent_.pop_front();
    }
    if (!replayed_.empty()) release_replayed();
    if (log_.tail().block_bytes_held() > resident_max()) evict();
    if (flow_.step == install_step::filled && running()) maybe_restore();
}

[[gnu::noinline]] inline void consensus::release_replayed() noexcept {
    while (!replayed_.empty() && replayed_.front().view().last() <= applied_) replayed_.pop_front();
}

// However much may stay, there must be room below the limit that closes the intake (known bug 41).
inline u64 consensus::resident_max() const noexcept {
    return std::min(options_.tail_resident_bytes, options_.tail_bytes_max / 2);
}

// What is stable, applied and sent to every live peer needs no memory; a laggard reads from disk.
[[gnu::noinline]] inline void consensus::evict() noexcept {
    index_t free = std::min(stable_.stable(), applied_);
    const index_t forced = free;
    if (const leader_state* office = leading()) {
        for (const progress& each : office->peers) {
            if (each.reachable && each.is_replicating())
                free = std::min(free, each.next().previous());
        }
    }
    log_.tail().evict(free, resident_max());
    log_.tail().evict(forced, options_.tail_bytes_max / 2);
}

}  // namespace core

RAFTKIT_NAMESPACE_END
