#pragma once
// Proposals, what to send next, and the commit rule (Raft §5.3, §5.4.2). Work is done once a poll,
// when the effects are taken: whatever gathered until then travels together.

#include <raftkit/core/consensus.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

inline result<void> consensus::may_propose(u64 bytes) const noexcept {
    if (!running()) return error{errc::stopped, 0, "core.propose"};
    const leader_state* office = leading();
    if (office == nullptr) return error{errc::not_leader, 0, "core.propose", leader().value};
    if (office->transfer || office->resigning)
        return error{errc::busy, 0, "core.propose: handing over"};
    // A record that nobody reads back must not be made, whatever the option says.
    if (bytes > std::min(options_.command_bytes_max, record_payload_max - record_stamp_bytes))
        return error{errc::too_large, 0, "core.propose: command_bytes_max", bytes};
    // With everything applied nothing frees the tail but the next entry: one block may be larger
    // than the limit.
    if (log_.tail().block_bytes_held() > options_.tail_bytes_max && applied_ < log_.last_index()) {
        return error{errc::busy, 0, "core.propose: tail_bytes_max"};
    }
    return {};
}

inline result<log_id> consensus::propose(entry_kind kind, byte_span command, i64 unix_ns) noexcept {
    if (result<void> may = may_propose(command.size()); !may) return may.why();
    if (uncommitted_bytes_ + command.size() > options_.uncommitted_bytes_max) {
        return error{errc::busy, 0, "core.propose: uncommitted_bytes_max"};
    }
    const log_id at{log_.last_index().next(), hard_.term};
    const run_view made = builder_.append(at, kind, command, unix_ns);
    if (made.empty()) return error{errc::busy, 0, "core.propose: out of memory"};
    append_own(kind, made);
    return at;
}

inline result<log_id> consensus::propose(entry_kind kind, buffer command, i64 unix_ns) noexcept {
    const u32 stamp_bytes = unix_ns != 0 ? record_stamp_bytes : 0;
    const u32 before = record_header_bytes + stamp_bytes;
    const u32 payload = command.size() + stamp_bytes;
    const std::byte* start = command.bytes().data();
    const bool fits = command.valid() && command.headroom() >= before &&
                      command.owner()->refs.load(std::memory_order_relaxed) == 1 &&
                      start - before + record_bytes(payload) <=
                          command.owner()->bytes() + command.owner()->capacity;
    if (!fits) return propose(kind, command.bytes(), unix_ns);
    if (result<void> may = may_propose(command.size()); !may) return may.why();
    if (uncommitted_bytes_ + command.size() > options_.uncommitted_bytes_max) {
        return error{errc::busy, 0, "core.propose: uncommitted_bytes_max"};
    }
    const log_id at{log_.last_index().next(), hard_.term};
    block* owner = command.owner();
    std::byte* record = owner->bytes() + (start - owner->bytes()) - before;
    if (stamp_bytes != 0) store_le(record + record_header_bytes, unix_ns);
    seal_record(record, at, static_cast<u8>(kind), stamp_bytes != 0 ? record_flag_timed : u8{0},
                payload);
    const run_view made{
        owner, static_cast<u32>(record - owner->bytes()), record_bytes(payload), at.index, at.term,
        1};
    append_own(kind, made);  // the tail takes its own reference
    return at;
}

inline void consensus::append_own(entry_kind, const run_view& made) noexcept {
    log_.append(made);
    uncommitted_bytes_ += made.bytes;
    touch();
}

inline progress* consensus::peer(node_id id) noexcept {
    leader_state* office = leading();
    if (office == nullptr) return nullptr;
    for (progress& each : office->peers) {
        if (each.id == id) return &each;
    }
    return nullptr;
}

inline void consensus::peer_changed(node_id id, bool reachable) noexcept {
    progress* each = peer(id);
    if (each == nullptr || !running()) return;
    each->reachable = reachable;
    // What was in flight on the old connection may be lost: ask again from what is known (scenario
    // B26).
    if (each->is_replicating() && !reachable) each->become_probing(each->match().next());
    if (reachable) each->heartbeat_passed();
    touch();
}

[[gnu::flatten]] inline void consensus::flush_leader() noexcept {
    peers_due_ = false;
    status_stale_ = true;
    leader_state* office = leading();
    if (office == nullptr) return;
    if (unnamed_learners_) name_learners();
    const bool round_begins =
        office->reads.wants_round() || (office->heartbeat_due && options_.lease_reads);
    if (round_begins) office->reads.begin_round(now_);
    const bool notice_due = now_ >= office->notice_at;
    bool behind = false;
    const auto untold = [commit = commit_](const progress& each) {
        return each.told_commit < commit && each.told_commit < each.next().previous() &&
               each.is_replicating();
    };
    for (progress& each : office->peers) {
        flush_peer(*office, each, round_begins || (notice_due && untold(each)));
        behind |= untold(each);
    }
    office->heartbeat_due = false;
    // An idle leader tells its followers the commit index a little later, unless an append does it
    // before.
    if (!behind) {
        office->notice_at = never;
    } else if (office->notice_at == never || notice_due) {
        office->notice_at = now_ + options_.heartbeat_interval / 20;
    }
    if (round_begins) confirm_reads();
    if (office->resigning) {
        for (progress& each : office->peers) send_heartbeat(*office, each);
        become_follower(hard_.term, {});
        return;
    }
    if (!office->leaving) return;
    const std::size_t gone = std::erase_if(office->peers, [&](const progress& each) {
        return each.leaving && ((each.match() >= members_.latest().index &&
                                 each.told_commit >= members_.latest().index) ||
                                now_ >= each.leave_by);
    });
    if (gone != 0) count_voters(*office);
}

// `now`: something must go out even without entries.
inline void consensus::flush_peer(leader_state& office, progress& each, bool now) noexcept {
    bool sent = false;
    const index_t base = log_.base().index;
    // The log no longer reaches the peer. Even with a full window: if what is in flight was lost,
    // no refusal can say so, because there is no position left that a heartbeat could ask about.
    const bool out_of_reach = each.next() <= base && newest_;
    if (out_of_reach && each.reachable && !each.is_snapshotting()) each.become_snapshotting();
    for (;;) {
        const bool entries = each.next() <= log_.last_index();
        if (!entries && !each.is_probing()) break;
        if (each.next() <= base || !each.reachable) break;
        if (!each.may_send(options_.inflight_messages_max, options_.inflight_bytes_max)) break;
        if (!entries) {
            run_view nothing;
            nothing.first = each.next();
            send_append(office, each, nothing);
            sent = true;
            break;
        }
        if (!log_.tail().resident(each.next())) {
            request_load(each);
            break;
        }
        send_append(office, each,
                    log_.tail().take(each.cursor, log_.last_index(),
                                     {~u32{0}, options_.message_bytes_max}));
        sent = true;
    }
    if (snapshotting* shipment = each.shipment(); shipment != nullptr && !shipment->shipping) {
        if (office.heartbeat_due || !shipment->tried) {
            shipment->shipping = shipment->tried = true;
            snapshot_effects(ship_snapshot{each.id, log_.base().index});
        }
    }
    if (!sent && (now || office.heartbeat_due)) send_heartbeat(office, each);
}

// Requires: entries.first is what it gets next.
inline void consensus::send_append(leader_state& office, progress& each,
                                   const run_view& entries) noexcept {
    const index_t before = entries.first.previous();
    send_now<append_request>(each.id, hard_.term, log_id{before, log_.term_at(before)}, commit_,
                             log_.last_index(), office.reads.round(), entries);
    each.told_commit = std::min(commit_, entries.empty() ? before : entries.last());
    each.sent(entries);
}

// An empty append: keeps followers, carries commit index and read round, and shows a lost message
// by its refusal. To a peer of which nothing is known it claims nothing.
inline void consensus::send_heartbeat(leader_state& office, progress& each) noexcept {
    const index_t last = each.is_replicating() ? each.next().previous() : each.match();
    log_id previous;
    if (last >= log_.base().index) previous = {last, log_.term_at(last)};
    send_now<append_request>(each.id, hard_.term, previous, commit_, log_.last_index(),
                             office.reads.round(), run_view{});
    each.told_commit = std::max(each.told_commit, std::min(commit_, previous.index));
}

[[gnu::noinline]] inline void consensus::request_load(progress& each) noexcept {
    if (each.loading || each.load_paused) return;
    each.loading = true;
    requests_ = requests_.next();
    each.load = requests_;
    const index_t last = log_.tail().first().previous();
    const u64 window =
        options_.inflight_bytes_max - std::min(options_.inflight_bytes_max, each.window().bytes());
    const u64 bytes = std::min<u64>(std::max<u64>(window, options_.message_bytes_max),
                                    4u * options_.message_bytes_max);
    out().load.push_back(
        {each.load, each.next(), last, static_cast<u32>(std::min<u64>(bytes, ~u32{0}))});
    out().has |= effects::loading;
}

// Entries read back from disk, for a laggard or for the machine. They may be stale by now:
// positions and terms are compared before anything is sent (known bug 22).
inline void consensus::loaded(request_id id, error status, std::span<const run> entries) noexcept {
    if (!running()) return;
    touch();
    if (id == apply_load_) {
        apply_load_ = {};
        if (status) return stop(status);  // our own log can't be read: nothing more may be applied
        // Asked for before an install: its state holds these entries, or they are asked for again.
        if (opening_restore_ || flow_.pauses_apply()) return;
        for (const run& each : entries) {
            const run_view& view = each.view();
            if (view.first != handed_.next() || log_.term_at(view.first) != view.term) break;
            const index_t limit = std::min(commit_, stable_.stable());
            if (view.first > limit) break;
            const run_view fits = view.slice(view.first, std::min(view.last(), limit));
            replayed_.push_back(run(fits));
            handed_out(out().apply.emplace_back(fits));
        }
        apply_cursor_ = {handed_.next(), 0, 0, 0};
        return;
    }
    leader_state* office = leading();
    if (office == nullptr) return;
    for (progress& each : office->peers) {
        if (!each.loading || each.load != id) continue;
        each.loading = false;
        if (status.code == errc::compacted && newest_ && !each.is_snapshotting())
            each.become_snapshotting();
        each.load_paused = bool(status);  // asked again at the next heartbeat
        if (status) return;
        if (each.next() <= log_.base().index)
            return;  // compacted while it was read: the log can't say what precedes
        for (const run& loaded : entries) {
            const run_view& view = loaded.view();
            if (!each.may_send(options_.inflight_messages_max, options_.inflight_bytes_max)) return;
            if (view.first != each.next() || log_.term_at(view.last()) != view.term) return;
            send_append(*office, each, view);
            filling_->loads.push_back(run(view));
        }
        each.cursor = {};
        each.cursor.index = each.next();
        return;
    }
}

// Raft §5.4.2: only an entry of the leader's own term is committed by counting; it commits those
// before it.
[[gnu::noinline]] inline void consensus::try_commit() noexcept {
    leader_state* office = leading();
    if (office == nullptr) return;
    const u64 reached = office->voters.agreed(
        stable_.stable().value, [&](u8 at) { return office->peers[at].match().value; });
    const index_t to{std::min(reached, log_.last_index().value)};
    if (to <= commit_ || log_.term_at(to) != hard_.term) return;
    const index_t before = commit_;
    commit_ = to;
    stir();
    if (office->notice_at == never) office->notice_at = now_ + options_.heartbeat_interval / 20;
    if (unnamed_learners_) touch();
    if (before < office->barrier) confirm_reads();
    // A joint configuration that a former leader committed waits for this one to leave it.
    members_committed(before < office->barrier ? index_t{} : before);
}

}  // namespace core

RAFTKIT_NAMESPACE_END
