#pragma once
// The bodies of receiver, in the order in which an install lives, until it is stored; included by
// receiver.hpp alone.

#include <raftkit/snapshot/receiver.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class Store>
install_stage receiver<Store>::stage() const noexcept {
    if (phase_ == receive_phase::idle) return install_stage::none;
    return phase_ < receive_phase::deciding ? install_stage::fetching : install_stage::restoring;
}

// ---- offers ----

template <class Store>
void receiver<Store>::accept(const accept_snapshot& offered, index_t commit,
                             const kept_snapshots& kept, instant now, snapshot_actions& out) {
    const snapshot_id wanted = offered.meta.id;
    const auto answer = [&](install_status why) {
        out.add(order::tell_accept_failed{wanted, why});
    };
    const install_decision rule = decide_install(
        {stage(), id(), term_}, {wanted, offered.term, offered.leader_first}, commit);
    switch (rule.verdict) {
        case install_verdict::already_have: return answer(install_status::already_have);
        case install_verdict::stale: return answer(install_status::stale);
        case install_verdict::busy: return answer(install_status::busy);
        case install_verdict::finish:
            // The leader ships another one now: the next want turns it back to what runs here.
            answer(install_status::installing);
            retry_gap_ = retry_after_;
            if (transferring()) ask_again(now, out);
            return;
        case install_verdict::resume:
            // The leader's reminder changes nothing: what got lost is asked for again in its time.
            // It is answered, for wants may not be due for longer than a lease: while what is
            // staged is looked at, or the throttle holds us back.
            answer(install_status::installing);
            if (std::exchange(from_, offered.from) == offered.from && term_ == offered.term) return;
            term_ = offered.term;
            retry_gap_ = retry_after_;
            if (transferring()) ask_again(now, out);
            return;
        case install_verdict::replace:
            if (job_ != nullptr) job_->forget = true;
            close(false, out);
            break;
        case install_verdict::start: break;
    }
    result<snapshot_manifest> manifest = decode_manifest(offered.manifest.bytes());
    if (!manifest || check_offer(offered.meta, *manifest, piece_bytes_max_))
        return answer(install_status::corrupt);
    begin(offered, std::move(*manifest), kept.find(wanted) != nullptr, out);
}

template <class Store>
void receiver<Store>::begin(const accept_snapshot& offered, snapshot_manifest manifest, bool stored,
                            snapshot_actions& out) {
    from_ = offered.from;
    term_ = offered.term;
    manifest_ = std::move(manifest);
    manifest_.meta.origin = snapshot_origin::installed;
    manifest_.meta.installing = true;
    stored_ = stored;
    phase_ = receive_phase::asking;
    out.add(order::install_began{id()});
}

template <class Store>
void receiver<Store>::refuse(snapshot_actions& out) {
    RAFTKIT_ASSERT(phase_ == receive_phase::asking);
    out.add(order::tell_accept_failed{id(), install_status::busy});
    phase_ = receive_phase::idle;
    manifest_ = {};
}

template <class Store>
void receiver<Store>::go(instant now, snapshot_actions& out) {
    if (phase_ != receive_phase::asking) return;
    job_ = std::make_unique<job_t>(*store_, manifest_, port_);
    moved_at_ = now;
    if (!stored_) return create(now, out);
    phase_ = receive_phase::probing;
    run(job_t::command_t::probe, out);
}

template <class Store>
void receiver<Store>::create(instant now, snapshot_actions& out) {
    phase_ = receive_phase::creating;
    staged_ = false;
    chunks_ = transfer_chunks(manifest_.sections, manifest_.chunk_bytes);
    next_ = written_ = 0;
    retry_gap_ = retry_after_;
    slots_.clear();
    held_.clear();
    // The first pieces come unasked: they have their slots before the wants leave, and are asked
    // for if they don't.
    while (next_ < chunks_.count() && next_ < options_.snapshot_initial_credit &&
           slots_.size() < options_.snapshot_window_chunks) {
        slots_.push_back({chunks_.at(next_++), now, slot::asked, false});
    }
    fill_window(now, out);
    run(job_t::command_t::create, out);
    const std::vector<early_piece> early = std::exchange(early_, {});
    for (const early_piece& each : early) piece(each.from, each.got, now, out);
}

// ---- pieces ----

template <class Store>
void receiver<Store>::fill_window(instant now, snapshot_actions& out) {
    while (next_ < chunks_.count() && slots_.size() < options_.snapshot_window_chunks) {
        const transfer_chunk one = chunks_.at(next_++);
        if (phase_ == receive_phase::fetching && job_->holds(one)) {
            ++written_;
            ++counts_.reused;
            continue;
        }
        slots_.push_back({one, now, slot::asked, false});
        want(slots_.back(), now, out);
    }
}

template <class Store>
void receiver<Store>::want(slot& one, instant now, snapshot_actions& out) {
    one.asked_at = now;
    outgoing_bulk made;
    made.mail = {from_, incarnation_,
                 snapshot_want{term_, id(), one.place.section, one.place.offset, one.place.bytes}};
    out.bulk.push_back(std::move(made));
}

template <class Store>
void receiver<Store>::ask_again(instant now, snapshot_actions& out) {
    for (slot& each : slots_) {
        if (each.state != slot::asked) continue;
        ++counts_.asked_again;
        each.again = true;
        want(each, now, out);
    }
}

template <class Store>
void receiver<Store>::piece(node_id from, const snapshot_piece& got, instant now,
                            snapshot_actions& out) {
    const auto drop = [&] { ++counts_.dropped; };
    const bool may_be_early = phase_ <= receive_phase::asking || got.id != id();
    if (may_be_early && early_.size() < options_.snapshot_initial_credit)
        return keep_early(from, got);
    if (!transferring() || from != from_ || got.id != id()) return drop();
    if (got.status != errc::ok) {
        // The leader cannot give it: a new offer of the same or another snapshot is the way on.
        return fail(
            got.status == errc::corrupt ? install_status::corrupt : install_status::cancelled, out);
    }
    const std::optional<transfer_chunk> place = chunks_.find(got.section, got.offset);
    if (!place || got.bytes.size != place->bytes) return drop();
    const auto at = std::find_if(slots_.begin(), slots_.end(), [&](const slot& each) {
        return each.place.number == place->number;
    });
    if (at == slots_.end() || at->state != slot::asked) return drop();

    chunk made{place->section, place->offset, got.bytes.keep(), false, false};
    if (!made.bytes.valid()) return drop();
    made.end_of_section = place->offset + place->bytes == manifest_.sections[place->section].bytes;
    made.end = place->number + 1 == chunks_.count();
    at->state = slot::held;
    if (!at->again) retry_gap_ = std::max(retry_after_, retry_gap_ - retry_gap_ / 4);
    held_.push_back(std::move(made));
    moved_at_ = now;
    ++counts_.pieces;
    counts_.bytes += place->bytes;
    write_held(out);
}

template <class Store>
void receiver<Store>::keep_early(node_id from, const snapshot_piece& got) {
    early_piece made{from, got, got.bytes.size <= piece_bytes_max_ ? got.bytes.keep() : buffer{}};
    if (got.status != errc::ok || !made.keep.valid()) return void(++counts_.dropped);
    made.got.bytes = bytes_view::of(made.keep);
    early_.push_back(std::move(made));
}

template <class Store>
void receiver<Store>::write_held(snapshot_actions& out) {
    if (phase_ != receive_phase::fetching || job_->running || held_.empty()) return;
    job_->batch.swap(held_);
    for (slot& each : slots_) {
        if (each.state == slot::held) each.state = slot::writing;
    }
    for (const chunk& each : job_->batch) job_->bytes += each.bytes.size();
    run(job_t::command_t::write, out);
}

// A batch is in the store: its slots are free for chunks that were never asked for.
template <class Store>
void receiver<Store>::written(instant now, snapshot_actions& out) {
    written_ += std::erase_if(slots_, [](const slot& each) { return each.state == slot::writing; });
    go_on(now, out);
}

// The writer is ready. What an earlier one staged need not come; what was asked for before that was
// known may come all the same, and is dropped.
template <class Store>
void receiver<Store>::began(instant now, snapshot_actions& out) {
    phase_ = receive_phase::fetching;
    const u64 found = std::erase_if(slots_, [&](const slot& each) {
        return each.state == slot::asked && job_->holds(each.place);
    });
    written_ += found;
    counts_.reused += found;
    go_on(now, out);
}

template <class Store>
void receiver<Store>::go_on(instant now, snapshot_actions& out) {
    fill_window(now, out);
    if (written_ == chunks_.count()) {
        phase_ = receive_phase::publishing;
        return run(job_t::command_t::publish, out);
    }
    write_held(out);
}

// ---- jobs ----

template <class Store>
void receiver<Store>::run(typename job_t::command_t command, snapshot_actions& out) {
    RAFTKIT_ASSERT(!job_->running);
    job_->command = command;
    job_->running = true;
    out.add(order::run_job{job_.get()});
}

template <class Store>
bool receiver<Store>::owns(const operation* job) const noexcept {
    if (job_ != nullptr && job_.get() == job) return true;
    return std::any_of(dying_.begin(), dying_.end(),
                       [&](const auto& each) { return each.get() == job; });
}

template <class Store>
void receiver<Store>::stepped(const operation* job, instant now, snapshot_actions& out) {
    if (job_ == nullptr || job_.get() != job) return buried(job, out);
    job_->running = false;
    job_->bytes = 0;
    if (job_->status) {
        const bool damaged = job_->status.code == errc::corrupt;
        return fail(damaged ? install_status::corrupt : install_status::cancelled, out);
    }
    obeyed(now, out);
}

template <class Store>
void receiver<Store>::obeyed(instant now, snapshot_actions& out) {
    moved_at_ = now;
    switch (phase_) {
        case receive_phase::probing:
            if (job_->differs) return fail(install_status::corrupt, out);
            if (job_->stored) return decide(out);
            out.add(
                order::quarantine_snapshot{id()});  // listed, but it does not open: fetched anew
            return create(now, out);
        case receive_phase::creating:
            if (job_->rechecked == 0) return began(now, out);
            job_->bytes = job_->rechecked;  // the throttle's business as much as what is written
            return run(job_t::command_t::recheck, out);
        case receive_phase::fetching: return written(now, out);
        case receive_phase::publishing:
            manifest_ = *job_->published;
            out.add(order::install_stored{manifest_});
            return decide(out);
        default: RAFTKIT_ASSERT(false && "no job runs in this phase");
    }
}

// The last step of a cancelled job. What it published all the same nobody waits for, and its marker
// would outlive it.
template <class Store>
void receiver<Store>::buried(const operation* job, snapshot_actions& out) {
    const auto at = std::find_if(dying_.begin(), dying_.end(),
                                 [&](const auto& each) { return each.get() == job; });
    RAFTKIT_ASSERT(at != dying_.end());
    job_t& gone = **at;
    gone.running = false;
    gone.bytes = 0;
    if (!gone.done) {
        gone.running = true;
        return out.add(order::run_job{&gone});
    }
    if (gone.published) out.add(order::remove_snapshot{gone.published->meta.id});
    dying_.erase(at);
}

RAFTKIT_NAMESPACE_END
