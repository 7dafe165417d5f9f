#pragma once
// The bodies of coordinator, in the order of its declaration; included by coordinator.hpp alone.
// They stand apart so that the protocol with the driver can be read on one page.

#include <utility>

#include <raftkit/snapshot/coordinator.hpp>

RAFTKIT_NAMESPACE_BEGIN

inline coordinator::coordinator(const snapshot_options& options, const identity& who) noexcept
    : options_(options), who_(who) {}

inline index_t coordinator::newest() const noexcept {
    return kept_.empty() ? index_t{} : kept_.newest()->manifest.meta.id.at.index;
}

inline void coordinator::listed(const std::vector<snapshot_manifest>& listing, instant now) {
    kept_.adopt(listing, now);
    for (const snapshot_manifest& each : listing)
        sequence_ = std::max(sequence_, each.meta.id.nonce >> 32);
}

// ---- what is wanted ----

inline void coordinator::request(snapshot_ticket& asked, instant now, snapshot_actions& out) {
    const auto refuse = [&](errc why, const char* where) {
        out.add(order::finish_ticket{&asked, error{why, 0, where}});
    };
    asked.id = {};
    asked.nothing_new = false;
    if (closing_) return refuse(errc::stopped, "snapshot_now: the node closes");
    if (!serving_) return refuse(errc::not_started, "snapshot_now: the node does not serve yet");
    // Past its point of no return an install replaces the very state that a save would capture.
    if (install_ == install_phase::filled) return refuse(errc::busy, "snapshot_now: installing");
    if (phase_ != save_phase::idle && options_.snapshot_on_busy == on_busy::refuse) {
        return refuse(errc::busy, "snapshot_now: saving");
    }
    waiting_.push_back(&asked);
    pump(now, out);
}

inline void coordinator::wanted_by_peers(index_t at_least, instant now, snapshot_actions& out) {
    // After a failure a peer waits like a trigger: it asks again and again, unlike a person.
    if (closing_ || newest() >= at_least || now < retry_at_) return out.add(order::look_again{});
    peers_wait_ = true;
    pump(now, out);
}

// Only a serving node saves by itself; after failures only when the back-off is over.
inline bool coordinator::asks_trigger(instant now) const noexcept {
    if (!serving_ || phase_ != save_phase::idle || held()) return false;
    if (closing_) return now < close_at_;
    const u32 most = options_.snapshot_failures_max;
    return now >= retry_at_ && (most == 0 || counts_.failures < most);
}

inline void coordinator::due(const char* cause, instant now, snapshot_actions& out) {
    if (!asks_trigger(now) || applied_ <= newest()) return;
    begin(cause, out);
}

inline bool coordinator::held() const noexcept {
    return install_ == install_phase::filled ||
           (install_ == install_phase::fetching && install_holds_);
}

inline void coordinator::begin(const char* cause, snapshot_actions& out) {
    RAFTKIT_ASSERT(phase_ == save_phase::idle);
    phase_ = save_phase::capturing;
    cause_ = cause;
    cancelled_ = false;
    out.add(order::capture{});
}

// Begins what waits, or answers it.
inline void coordinator::pump(instant now, snapshot_actions& out) {
    maybe(now < retry_at_);  // a request does not wait for the back-off
    if (phase_ != save_phase::idle || held()) return;
    if (waiting_.empty() && !peers_wait_) return;
    if (applied_ <= newest()) {
        answer_nothing_new(waiting_, out);
        if (std::exchange(peers_wait_, false)) out.add(order::look_again{});
        return;
    }
    if (closing_ && now >= close_at_) return;
    begin(waiting_.empty() ? "peer" : "request", out);
}

// Nothing was applied since the newest snapshot: the old id is the answer. The log may still have
// been kept longer than now needed, so compaction is asked as after a save.
inline void coordinator::answer_nothing_new(tickets& list, snapshot_actions& out) {
    for (snapshot_ticket* each : list) {
        each->nothing_new = true;
        if (!kept_.empty()) each->id = kept_.newest()->manifest.meta.id;
    }
    finish_all(list, {}, out);
    out.add(order::ask_compaction{});
}

// ---- the attempt ----

// The nonce names the maker: the same position saved by two nodes, or by one before and after it
// lost its disk, is not the same bytes.
inline snapshot_id coordinator::next_id(log_id at) noexcept {
    u64 mixed = who_.self.value * 0x9e3779b97f4a7c15ULL ^ who_.incarnation;
    mixed = (mixed ^ (mixed >> 32)) * 0xd6e8feb86659fd93ULL;
    mixed ^= mixed >> 32;
    ++sequence_;
    return {at, sequence_ << 32 | (mixed & 0xffff'ffff)};
}

inline void coordinator::captured(result<snapshot_basis> basis, i64 unix_ms, instant now,
                                  snapshot_actions& out) {
    RAFTKIT_ASSERT(phase_ == save_phase::capturing);
    // Who is present now shares this capture; who comes later saw writes that it may lack.
    if (options_.snapshot_on_busy == on_busy::queue && !waiting_.empty()) {
        sharing_.assign(1, waiting_.front());
        waiting_.erase(waiting_.begin());
    } else {
        sharing_.swap(waiting_);
    }
    peers_share_ = std::exchange(peers_wait_, false);
    if (!basis) return end_attempt(basis.why(), now, out);

    const auto drop = [&](error why) {
        out.add(order::drop_image{});
        end_attempt(why, now, out);
    };
    if (cancelled_) return drop({errc::cancelled, 0, "coordinator.captured"});
    if (basis->at.index > applied_)
        return drop({errc::not_applied, 0, "image.at", basis->at.index.value});
    if (basis->at.index <= newest()) {  // an image of an earlier position: what is stored says more
        answer_nothing_new(sharing_, out);
        return drop({});
    }

    saving_ = next_id(basis->at);
    phase_ = save_phase::saving;
    snapshot_manifest wanted;
    wanted.meta.id = saving_;
    wanted.meta.members = std::move(basis->members);
    wanted.chunk_bytes = options_.snapshot_chunk_bytes;
    wanted.created_at_unix_ms = unix_ms;
    out.add(order::start_save{std::move(wanted), cause_});
}

inline bool coordinator::may_publish() noexcept {
    RAFTKIT_ASSERT(phase_ == save_phase::saving || phase_ == save_phase::publishing);
    if (cancelled_ || saving_.at.index <= newest()) return false;
    phase_ = save_phase::publishing;
    return true;
}

inline void coordinator::saved(error status, const snapshot_manifest* published,
                               const std::vector<snapshot_manifest>* listing, instant now,
                               snapshot_actions& out) {
    RAFTKIT_ASSERT(phase_ == save_phase::saving || phase_ == save_phase::publishing);
    RAFTKIT_ASSERT(bool(status) == (published == nullptr));
    if (status) return end_attempt(status, now, out);

    if (listing != nullptr) kept_.adopt(*listing, now);
    kept_.insert(*published, now);
    ++counts_.saved;
    counts_.failures = 0;
    retry_at_ = {};
    backing_off_ = false;
    out.add(order::tell_published{published->meta});
    for (snapshot_ticket* each : sharing_) each->id = published->meta.id;
    finish_all(sharing_, {}, out);
    // Compaction trusts a listing read after the publish, and nothing else.
    if (listing != nullptr) out.add(order::ask_compaction{});
    out.add(order::ask_retention{});
    end_attempt({}, now, out);
}

// Back to idle. Requires: an attempt that did well has answered those who shared it.
inline void coordinator::end_attempt(error status, instant now, snapshot_actions& out) {
    phase_ = save_phase::idle;
    saving_ = {};
    cancelled_ = false;
    RAFTKIT_ASSERT(status || sharing_.empty());
    if (!status || status.code == errc::cancelled) {
        // A save that gave way is none of the requests' business: they are first in the queue
        // again.
        if (status) ++counts_.cancelled;
        sharing_.insert(sharing_.end(), waiting_.begin(), waiting_.end());
        waiting_.swap(sharing_);
        sharing_.clear();
        if (closing_ && status)
            finish_all(waiting_, {errc::stopped, 0, "snapshot_now: the node closes"}, out);
    } else {
        note_failure(status, now, out);
        finish_all(sharing_, status, out);
    }
    if (std::exchange(peers_share_, false)) out.add(order::look_again{});
    out.add(order::ask_trigger{});  // what became due meanwhile was not asked (known bug 52)
    pump(now, out);
}

inline void coordinator::note_failure(error why, instant now, snapshot_actions& out) {
    ++counts_.failed;
    ++counts_.failures;
    i64 wait = options_.snapshot_backoff_min.ns;
    for (u32 count = 1; count < counts_.failures && wait < options_.snapshot_backoff_max.ns;
         ++count)
        wait *= 2;
    retry_at_ = now + duration{std::min(wait, options_.snapshot_backoff_max.ns)};
    backing_off_ = true;
    out.add(order::save_failed{why, cause_, counts_.failures});
}

inline void coordinator::cancel_save(snapshot_actions& out) {
    if (phase_ != save_phase::capturing && phase_ != save_phase::saving) return;
    if (std::exchange(cancelled_, true)) return;
    if (phase_ == save_phase::saving) out.add(order::cancel_save{});
}

// ---- installs ----

inline bool coordinator::install_began(clash_verdict verdict, snapshot_actions& out) {
    if (phase_ != save_phase::idle && verdict == clash_verdict::finish_save_first) return false;
    install_ = install_phase::fetching;
    install_holds_ = verdict == clash_verdict::cancel_save;
    if (install_holds_) cancel_save(out);
    return true;
}

inline void coordinator::install_stored(const snapshot_manifest& stored, instant now,
                                        snapshot_actions& out) {
    kept_.insert(stored, now);
    // Our own is no longer the newest: it must not come after this one (known bug 58).
    if (phase_ == save_phase::saving && saving_.at.index <= newest()) cancel_save(out);
}

inline void coordinator::install_ended(bool installed, instant now, snapshot_actions& out) {
    install_ = install_phase::none;
    install_holds_ = false;
    if (installed) {
        ++counts_.installed;
        out.add(order::ask_compaction{});
        out.add(order::ask_retention{});
    }
    out.add(order::ask_trigger{});
    pump(now, out);
}

// ---- the kept ones ----

inline void coordinator::relisted(const std::vector<snapshot_manifest>& listing, instant now,
                                  snapshot_actions& out) {
    kept_.adopt(listing, now);
    out.add(order::ask_compaction{});
}

// A failed removal is tried again by the next round of retention; it is no reason to stop anything.
inline void coordinator::removed(snapshot_id id, error status, snapshot_actions& out) {
    if (!status || status.code == errc::not_found) {
        kept_.erase(id);
        return out.add(order::ask_compaction{});
    }
    if (kept_snapshots::entry* stays = kept_.find(id)) stays->leaving = false;
}

inline void coordinator::describe(log_shape& shape) const noexcept {
    const auto index_of = [](const kept_snapshots::entry* of) {
        return of != nullptr ? of->manifest.meta.id.at.index : index_t{};
    };
    shape.snapshot = newest();
    shape.previous_snapshot = index_of(kept_.previous());
    shape.oldest_kept = index_of(kept_.oldest());
    if (!kept_.empty()) shape.snapshot_at = kept_.newest()->published_at;
}

inline void coordinator::describe(log_bounds& bounds) const noexcept {
    const kept_snapshots::entry* oldest = kept_.oldest();
    bounds.newest = newest();
    bounds.oldest_kept = oldest != nullptr ? oldest->manifest.meta.id.at.index : index_t{};
    bounds.hold_bytes_max = options_.snapshot_hold_bytes_max;
    bounds.fallback = options_.snapshot_fallback;
}

// ---- tickets and time ----

inline void coordinator::finish_all(tickets& list, error status, snapshot_actions& out) {
    for (snapshot_ticket* each : list) out.add(order::finish_ticket{each, status});
    list.clear();
}

inline void coordinator::cancel(snapshot_ticket& asked, snapshot_actions& out) {
    const std::size_t known = std::erase(waiting_, &asked) + std::erase(sharing_, &asked);
    if (known == 0) return;
    out.add(order::finish_ticket{&asked, error{errc::cancelled, 0, "snapshot_now"}});
}

inline void coordinator::sweep(tickets& list, instant now, snapshot_actions& out) {
    std::erase_if(list, [&](snapshot_ticket* each) {
        const bool asked = each->cancel_asked.load(std::memory_order_relaxed);
        if (!asked && each->deadline > now) return false;
        const errc why = asked ? errc::cancelled : errc::timed_out;
        out.add(order::finish_ticket{each, error{why, 0, "snapshot_now"}});
        return true;
    });
}

inline void coordinator::close(instant deadline, snapshot_actions& out) {
    closing_ = true;
    close_at_ = deadline;
    peers_wait_ = false;
    // Who waits for the capture that is under way still gets it.
    if (phase_ == save_phase::capturing) return;
    finish_all(waiting_, {errc::stopped, 0, "snapshot_now: the node closes"}, out);
}

inline void coordinator::advance(instant now, snapshot_actions& out) {
    sweep(waiting_, now, out);
    sweep(sharing_, now, out);
    if (backing_off_ && now >= retry_at_) {
        backing_off_ = false;
        out.add(order::ask_trigger{});
    }
    if (closing_ && now >= close_at_) {
        const error stopped{errc::stopped, 0, "snapshot_now: the node closes"};
        finish_all(waiting_, stopped, out);
        if (phase_ != save_phase::publishing) finish_all(sharing_, stopped, out);
        cancel_save(out);
    }
}

inline instant coordinator::deadline() const noexcept {
    instant first = backing_off_ ? retry_at_ : never;
    if (closing_ && !quiet() && !cancelled_ && phase_ != save_phase::publishing) {
        first = earliest(first, close_at_);
    }
    for (const snapshot_ticket* each : waiting_) first = earliest(first, each->deadline);
    for (const snapshot_ticket* each : sharing_) first = earliest(first, each->deadline);
    return first;
}

RAFTKIT_NAMESPACE_END
