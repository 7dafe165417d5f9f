#pragma once
// A node's life: open, the phases until it serves, close. Included by driver.hpp alone.
//
//   open():  lock, recover, list, reconcile -> bootstrap record durable -> the core starts
//            -> restoring -> replaying -> serving
//   close(): hand over, last snapshot -> operations end -> queue drained -> storage and transport
//            closed -> stopped

#include <raftkit/io/clock.hpp>
#include <raftkit/node/driver.hpp>
#include <raftkit/node/start.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class Parts>
result<void> driver<Parts>::open() {
    if (parts_.clocks.monotonic != nullptr) parts_.now = parts_.clocks.monotonic();
    if (result<void> valid = parts_.options.validate(); !valid) return valid.why();
    identity who = parts_.options.who;
    if (who.cluster == 0) {
        result<u64> computed = computed_cluster();
        if (!computed) return computed.why();
        who.cluster = *computed;
    }
    result<recovered_log> log = parts_.storage.open(who, parts_.port());
    if (!log) return log.why();
    storage_open_ = true;
    limit_batches();
    parts_.self = log->self;
    if (log->found) {
        if (error why = check_found(*log->found)) return why;
    }
    result<store_report> report = parts_.snapshots.recover(parts_.self);
    if (!report) return report.why();
    tell_found(parts_, report->found);
    result<std::vector<snapshot_manifest>> listing = parts_.snapshots.list();
    if (!listing) return listing.why();

    std::optional<log_id> durable;
    if constexpr (durable_machine<typename Parts::machine_type>)
        durable = parts_.machine.durable_index();
    result<chosen_start> start = choose_start(*log, *listing, durable, parts_.snapshots,
                                              parts_.options.snapshot_chunk_bytes);
    if (!start) return start.why();
    core::recovered& seen = start->seen;
    if (start->refused) {
        if (start->rotten.empty()) locate(*start->refused, *report);
        return check_found(*start->refused);
    }
    tell_found(parts_, start->rotten);
    if (seen.snapshot && !seen.restore_skipped) restore_first_ = seen.snapshot;

    if (result<void> bound = bind_executors(); !bound) return bound.why();
    desk_ = std::make_unique<snapshot_desk<Parts>>(parts_);
    listing_ = std::move(*listing);  // told at the first poll, which says what time it is
    if (result<void> opened = parts_.transport.open(parts_.self, parts_.port()); !opened)
        return opened.why();
    transport_open_ = true;
    know(seen.peers, {});

    if (is_blank(seen) && parts_.options.bootstrap) {
        // Before the first message the list becomes the log's base: from here on nobody reads it
        // again.
        seen.base = {{}, *parts_.options.bootstrap};
        opening_ticket_ = {1};
        opening_durable_ = false;
        persist_batch first;
        first.id = opening_ticket_;
        first.reset = &seen.base;
        const persisted done = parts_.storage.persist(first);
        recovered_ = std::move(seen);
        event told(done);
        handle(told);
        flush_disk();
        return fatal_ ? result<void>(fatal_) : result<void>();
    }
    recovered_ = std::move(seen);
    flush_disk();  // tells how large the log is
    start_core();
    return {};
}

// Computed once, on an empty directory; afterwards the stored one counts, if it was made from the
// same name.
template <class Parts>
result<u64> driver<Parts>::computed_cluster() {
    const u64 made = cluster_id_of(parts_.options.cluster_name, *parts_.options.bootstrap);
    if constexpr (requires { parts_.storage.stored_identity(); }) {
        const result<identity> stored = parts_.storage.stored_identity();
        if (!stored) return stored.why().code == errc::not_found ? result<u64>(made) : stored.why();
        if (same_cluster_name(stored->cluster, made)) return stored->cluster;
    }
    return made;  // storage refuses a directory of another cluster
}

// Asks the corruption policy; an error: open() fails, nothing was changed.
template <class Parts>
error driver<Parts>::check_found(const damage& seen) {
    const damage_verdict verdict = parts_.policies.corruption.decide(seen);
    parts_.tell(damage_found{seen, verdict});
    found_ = seen;
    maybe(verdict == damage_verdict::repair);  // no repair is built: it is refused as well
    return {errc::corrupt, 0, seen.where, seen.offset != 0 ? seen.offset : seen.first.value};
}

// An operator looks for a file: the snapshot that was set aside if the log needs one, else what the
// log can name.
template <class Parts>
void driver<Parts>::locate(damage& seen, const store_report& report) {
    if (seen.part == damaged_part::no_snapshot && !report.found.empty()) {
        seen.file = report.found.front().file;
        seen.offset = report.found.front().offset;
        return;
    }
    if constexpr (requires { parts_.storage.locate(seen); }) parts_.storage.locate(seen);
}

template <class Parts>
void driver<Parts>::limit_batches() noexcept {
    if constexpr (requires { parts_.storage.batches_max(u32{}); })
        parts_.storage.batches_max(parts_.options.persist_batches_max);
}

template <class Parts>
result<void> driver<Parts>::bind_executors() {
    auto& rules = parts_.policies;
    if constexpr (bindable_executor<bare<decltype((rules.apply_on))>>)
        rules.apply_on.bind(parts_.port());
    if constexpr (bindable_executor<bare<decltype((rules.work_on))>>)
        rules.work_on.bind(parts_.port());
    apply_.home = this;
    apply_.finish = [](operation& self, error, byte_span) noexcept {
        apply_job& job = static_cast<apply_job&>(self);
        Parts& parts = job.home->parts_;
        job.more = parts.queue.step_taken(parts.clocks.monotonic, parts.options.apply_slice);
        parts.port().post(applied{parts.queue.applied(), {}});
    };
    return {};
}

// Which directory each peer must come from: that of the book, else the one that the configuration
// names. Who is in neither any more may come back with another one.
template <class Parts>
void driver<Parts>::know(const peer_book& book, const configuration& now) noexcept {
    if constexpr (requires(node_id peer) { parts_.transport.know(peer, u64{}); }) {
        std::vector<node_id> bound;
        for (const auto& [peer, incarnation] : book.incarnations) {
            parts_.transport.know(peer, incarnation);
            bound.push_back(peer);
        }
        for (const member& each : now.members) {
            if (each.incarnation == 0 || each.id == parts_.self.self || book.find(each.id) != 0)
                continue;
            parts_.transport.know(each.id, each.incarnation);
            bound.push_back(each.id);
        }
        for (const node_id before : known_) {
            if (std::find(bound.begin(), bound.end(), before) == bound.end())
                parts_.transport.know(before, 0);
        }
        known_ = std::move(bound);
    }
}

// What is recovered is durable: the core may speak.
template <class Parts>
void driver<Parts>::start_core() noexcept {
    const u64 seed = parts_.options.seed != 0 ? parts_.options.seed : os_random();
    parts_.core.emplace(parts_.self, parts_.options.for_core(), std::move(*recovered_), seed);
    recovered_.reset();
    const core::status& now = parts_.core->status();
    serve_at_ = now.commit;
    parts_.queue.starts_at(now.applied);
    requests_.applied(now.applied, parts_.ender());
    if (restore_first_) {
        restoring_to_ = restore_first_->id.at.index;
        enter(node_phase::restoring);
        serve_at_ = std::max(serve_at_, restoring_to_);
        desk_->restore_at_open(*restore_first_);
        restore_first_.reset();
    } else {
        enter(node_phase::replaying);
    }
}

template <class Parts>
void driver<Parts>::enter(node_phase next) noexcept {
    if (parts_.phase == next) return;
    const node_phase before = std::exchange(parts_.phase, next);
    if (desk_) desk_->serving(next == node_phase::serving && !parts_.closing);
    parts_.tell(phase_changed{before, next});
    publish();
}

template <class Parts>
void driver<Parts>::advance_phase() noexcept {
    if (fatal_) return;
    if (const error lost = desk_->machine_lost()) {
        // Where the log goes on no leader offers an install: a restart restores and replays.
        if (parts_.core->status().commit > desk_->commit_when_lost()) return fail(lost);
        return enter(node_phase::failed);
    }
    if (parts_.phase == node_phase::failed) {  // another install has succeeded
        serve_at_ = std::max(serve_at_, parts_.core->status().commit);
        enter(node_phase::replaying);
    }
    if (parts_.phase == node_phase::restoring) {
        if (const error why = desk_->open_failure()) {
            return fail(desk_->open_damage() ? check_found(*desk_->open_damage()) : why);
        }
        if (desk_->restoring_at_open()) return;
        restoring_to_ = {};
        enter(node_phase::replaying);
        desk_->stable_reached(parts_.core->status().stable);
    }
    if (parts_.phase == node_phase::replaying && parts_.core->status().applied >= serve_at_) {
        enter(node_phase::serving);
        requests_.serving(parts_.ender());
    }
}

// A failed write or sync of the log, or of apply: no further acknowledgement, and the node goes
// (known bug 46 ff.).
template <class Parts>
void driver<Parts>::fail(error why) noexcept {
    if (fatal_) return;
    fatal_ = why;
    stop_core(why);
    pending_.end_all(errc::io, "node: stopped by a failure", parts_.ender());
    requests_.end_all(errc::stopped, parts_.ender());
    enter(node_phase::failed);
    close(parts_.now);
}

// Whoever acts as leader hears that it ended.
template <class Parts>
void driver<Parts>::stop_core(error why) noexcept {
    if (!parts_.core || parts_.core->status().stopped) return;
    const bool led = parts_.core->leads();
    parts_.core->stop(why);
    if (led) parts_.tell(role_changed{role_kind::follower, parts_.core->status().term, {}});
}

// ---- closing ----

template <class Parts>
void driver<Parts>::close(instant deadline) noexcept {
    if (parts_.closing) {
        close_at_ = earliest(close_at_, deadline);
        return;
    }
    parts_.closing = true;
    close_at_ = deadline;
    if (desk_ && parts_.core) {
        const bool saves = parts_.options.close_timeout.ns > 0 && !fatal_;
        const instant until = parts_.now + parts_.options.close_timeout;
        desk_->close(saves ? earliest(deadline, until) : parts_.now);
    }
    if (parts_.core && !fatal_ && parts_.core->leads() && deadline > parts_.now) {
        handing_over_ = bool(parts_.core->transfer_to({}));
        hand_over_until_ = earliest(deadline, parts_.now + parts_.options.election_timeout_min);
    }
}

template <class Parts>
void driver<Parts>::advance_close() noexcept {
    if (handing_over_) {
        const bool over =
            !parts_.core->leads() || parts_.core->status().transfer_target == node_id{};
        if (!over && parts_.now < hand_over_until_) return;
        handing_over_ = false;
    }
    if (desk_ && !desk_->idle()) {
        const bool saving = desk_->saves().phase() != save_phase::idle;
        // A running save gets its time; transfers and installs do not: they are resumed elsewhere.
        if (!hurried_ && (!saving || parts_.now >= close_at_)) {
            hurried_ = true;
            desk_->hurry();
        }
        if (!desk_->idle()) return;
    }
    if (apply_.running || more_to_apply_) return;
    finish_close();
}

template <class Parts>
void driver<Parts>::finish_close() noexcept {
    pending_.end_all(errc::stopped, "node: closed", parts_.ender());
    requests_.end_all(errc::stopped, parts_.ender());
    stop_core(fatal_);
    // What was handed to the machine is applied; whoever still waits is told.
    while (parts_.queue.has_work()) (void)parts_.queue.step(nullptr, {});
    parts_.queue.end_reads({errc::stopped, 0, "node: closed"});
    shut_down();
    enter(node_phase::stopped);
    parts_.tell(raftkit::stopped{fatal_});
    publish();
}

template <class Parts>
void driver<Parts>::shut_down() noexcept {
    if (std::exchange(transport_open_, false)) parts_.transport.close();
    if (std::exchange(storage_open_, false)) parts_.storage.close();
}

RAFTKIT_NAMESPACE_END
