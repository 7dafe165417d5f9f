#pragma once
// The bodies of sender, in the order in which a transfer lives; included by sender.hpp alone.

#include <raftkit/snapshot/sender.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class Store>
auto sender<Store>::find(node_id to) noexcept -> transfer* {
    for (auto& each : transfers_) {
        if (each->to == to && each->live()) return each.get();
    }
    return nullptr;
}

template <class Store>
u32 sender<Store>::sending() const noexcept {
    u32 count = 0;
    // A peer that cannot be reached holds up nobody else (scenario D71).
    for (const auto& each : transfers_) count += each->ships() && each->reachable ? 1 : 0;
    return count;
}

// ---- beginning ----

template <class Store>
void sender<Store>::ship(const ship_snapshot& asked, term_t term, const kept_snapshots& kept,
                         instant now, snapshot_actions& out) {
    if (transfer* runs = find(asked.to)) {
        // At most one a peer (known bug 63); what runs goes on if it is what is wanted.
        const bool chosen = runs->phase != phase_t::waiting;
        const bool fits = !chosen || runs->id().at.index >= asked.at_least;
        runs->at_least = std::max(runs->at_least, asked.at_least);
        if (runs->term == term && fits) return;
        end(*runs, out);
    }
    auto made = std::make_unique<transfer>(*store_, port_);
    made->to = asked.to;
    made->term = term;
    made->at_least = asked.at_least;
    made->phase = choose(*made, kept) ? phase_t::queued : phase_t::waiting;
    if (made->phase == phase_t::waiting) out.add(order::want_capture{made->at_least});
    transfers_.push_back(std::move(made));
    start_queued(now, out);
}

// The newest stored snapshot, if the log has its successor: at_least is the last index before the
// log.
template <class Store>
bool sender<Store>::choose(transfer& one, const kept_snapshots& kept) {
    const kept_snapshots::entry* newest = kept.newest();
    if (newest == nullptr || newest->manifest.meta.id.at.index < one.at_least) return false;
    one.chooses(newest->manifest);
    return true;
}

// The receiver is in the middle of another snapshot, of an earlier offer, from which the log goes
// on as well: it is finished, not begun anew. Null if that one is of no use, or gone.
template <class Store>
auto sender<Store>::turn_to(transfer& one, snapshot_id id, const kept_snapshots& kept, instant now,
                            snapshot_actions& out) -> transfer* {
    const kept_snapshots::entry* wanted = kept.find(id);
    if (wanted == nullptr || wanted->leaving || id.at.index < one.at_least) return nullptr;
    auto made = std::make_unique<transfer>(*store_, port_);
    made->to = one.to;
    made->term = one.term;
    made->at_least = one.at_least;
    made->reachable = one.reachable;
    made->credit = false;  // it knows what it lacks
    made->phase = phase_t::queued;
    made->chooses(wanted->manifest);
    end(one, out);
    sweep();
    transfers_.push_back(std::move(made));
    transfer* turned = transfers_.back().get();
    start_queued(now, out);
    return turned;
}

template <class Store>
void sender<Store>::look_again(const kept_snapshots& kept, instant now, snapshot_actions& out) {
    for (auto& each : transfers_) {
        if (each->phase != phase_t::waiting) continue;
        if (choose(*each, kept)) {
            each->phase = phase_t::queued;
        } else {
            fail(*each, errc::no_snapshot, out);
        }
    }
    sweep();
    start_queued(now, out);
}

template <class Store>
void sender<Store>::start_queued(instant now, snapshot_actions& out) {
    for (auto& each : transfers_) {
        if (each->phase != phase_t::queued || sending() >= options_.snapshot_sends_max) continue;
        each->phase = phase_t::opening;
        each->job.id = each->id();
        pins_->lease(each->to, each->id(), now);
        run(*each, out);
    }
}

template <class Store>
void sender<Store>::opened(transfer& one, instant now, snapshot_actions& out) {
    one.phase = phase_t::shipping;
    std::vector<std::byte> bytes;
    encode(one.manifest.meta, bytes);
    one.meta_bytes = buffer::copy_of(bytes);
    bytes.clear();
    encode(one.manifest, bytes);
    one.manifest_bytes = buffer::copy_of(bytes);
    if (!one.meta_bytes.valid() || !one.manifest_bytes.valid())
        return fail(one, errc::no_space, out);

    one.offer_gap = offer_interval_;
    offer(one, now, out);
    if (!one.credit) return;
    for (u64 number = 0; number < options_.snapshot_initial_credit && number < one.chunks.count();
         ++number) {
        ask(one, number);
    }
}

template <class Store>
void sender<Store>::offer(transfer& one, instant now, snapshot_actions& out) {
    outgoing_offer made;
    made.meta = one.meta_bytes.share();
    made.manifest = one.manifest_bytes.share();
    made.mail = {one.to, incarnation_,
                 snapshot_offer{one.term, one.id(), bytes_view::of(made.meta),
                                bytes_view::of(made.manifest)}};
    out.offers.push_back(std::move(made));
    one.offer_at = now + one.offer_gap;
    one.offer_gap = std::min(one.offer_gap * 2, offer_interval_ * offer_gaps_max);
}

// ---- pieces ----

template <class Store>
void sender<Store>::want(node_id from, const snapshot_want& asked, const kept_snapshots& kept,
                         instant now, snapshot_actions& out) {
    transfer* one = find(from);
    if (one != nullptr && one->term == asked.term && one->id() != asked.id) {
        one = turn_to(*one, asked.id, kept, now, out);
    }
    const bool ships = one != nullptr && (one->ships() || !one->credit);
    if (!ships || one->id() != asked.id || one->term != asked.term) {
        // It asks for something that is not on its way: told at once, it need not wait for its
        // timer.
        outgoing_bulk gone;
        gone.mail = {
            from, incarnation_,
            snapshot_piece{asked.term, asked.id, asked.section, asked.offset, {}, errc::not_found}};
        out.bulk.push_back(std::move(gone));
        return;
    }
    const std::optional<transfer_chunk> place = one->chunks.find(asked.section, asked.offset);
    if (!place || asked.bytes != place->bytes) return;
    if (one->phase != phase_t::shipping) {
        // While its reader opens, what is asked for waits; the rest comes as credit.
        if (!one->credit) ask(*one, place->number);
        return;
    }
    pins_->progressed(from, now);
    one->offer_gap =
        offer_interval_ * offer_gaps_max;  // answered: from now on an offer is a reminder
    one->offer_at = now + one->offer_gap;
    ask(*one, place->number);
    start_reads(out);
}

template <class Store>
void sender<Store>::ask(transfer& one, u64 number) {
    if (one.asked.size() >= asked_max) return;  // nobody has a window like that
    if (std::find(one.asked.begin(), one.asked.end(), number) != one.asked.end()) return;
    one.asked.push_back(number);
}

// One read a transfer, snapshot_disk_depth over all of them, peers in turn.
template <class Store>
void sender<Store>::start_reads(snapshot_actions& out) {
    for (std::size_t tried = 0;
         tried < transfers_.size() && reading_ < options_.snapshot_disk_depth; ++tried) {
        if (turn_ >= transfers_.size()) turn_ = 0;
        transfer& one = *transfers_[turn_++];
        if (one.phase != phase_t::shipping || one.job.running || one.asked.empty() ||
            !one.reachable)
            continue;
        one.job.wanted = one.chunks.at(one.asked.front());
        one.asked.erase(one.asked.begin());
        one.job.bytes = one.job.wanted.bytes;
        ++reading_;
        run(one, out);
    }
}

template <class Store>
void sender<Store>::deliver(transfer& one, snapshot_actions& out) {
    const transfer_chunk place = one.job.wanted;
    const errc status = one.job.status.code;
    piece(one, place, std::move(one.job.read), status, out);
    if (status == errc::ok) return;
    if (status == errc::corrupt) out.add(order::quarantine_snapshot{one.id()});
    fail(one, status, out);
}

template <class Store>
void sender<Store>::piece(const transfer& one, transfer_chunk place, buffer bytes, errc status,
                          snapshot_actions& out) {
    outgoing_bulk made;
    made.keep = std::move(bytes);
    made.mail = {one.to, incarnation_,
                 snapshot_piece{one.term, one.id(), place.section, place.offset,
                                bytes_view::of(made.keep), status}};
    out.bulk.push_back(std::move(made));
}

// ---- jobs ----

template <class Store>
void sender<Store>::run(transfer& one, snapshot_actions& out) {
    RAFTKIT_ASSERT(!one.job.running);
    one.job.running = true;
    out.add(order::run_job{&one.job});
}

template <class Store>
bool sender<Store>::owns(const operation* job) const noexcept {
    return std::any_of(transfers_.begin(), transfers_.end(),
                       [&](const auto& each) { return &each->job == job; });
}

template <class Store>
void sender<Store>::stepped(const operation* job, instant now, snapshot_actions& out) {
    const auto at = std::find_if(transfers_.begin(), transfers_.end(),
                                 [&](const auto& each) { return &each->job == job; });
    RAFTKIT_ASSERT(at != transfers_.end());
    transfer& one = **at;
    one.job.running = false;
    if (one.job.bytes != 0) --reading_;
    one.job.bytes = 0;
    switch (one.phase) {
        case phase_t::opening:
            if (one.job.status) {
                if (one.job.status.code == errc::corrupt)
                    out.add(order::quarantine_snapshot{one.id()});
                fail(one, one.job.status.code, out);
            } else {
                opened(one, now, out);
            }
            break;
        case phase_t::shipping: deliver(one, out); break;
        case phase_t::ending:
            if (!one.job.done) run(one, out);  // its last step
            break;
        case phase_t::waiting:
        case phase_t::queued:
            RAFTKIT_ASSERT(false && "a transfer without a reader has no job");
            break;
    }
    sweep();
    start_queued(now, out);
    start_reads(out);
}

// ---- ending ----

template <class Store>
void sender<Store>::fail(transfer& one, errc why, snapshot_actions& out) {
    out.add(order::tell_ship_ended{one.to, one.id(), why});
    end(one, out);
}

// From here the transfer is nobody's: only its job is waited for.
template <class Store>
void sender<Store>::end(transfer& one, snapshot_actions& out) {
    if (one.ships()) pins_->released(one.to);
    one.phase = phase_t::ending;
    one.asked.clear();
    one.offer_at = never;
    one.job.cancel();
    if (one.job.running) out.add(order::hurry_job{&one.job});
    if (!one.job.running && one.job.opened() && !one.job.done) run(one, out);
}

template <class Store>
void sender<Store>::sweep() {
    std::erase_if(transfers_, [](const auto& each) {
        return each->phase == phase_t::ending && !each->job.running;
    });
}

template <class Store>
void sender<Store>::cancel(node_id to, snapshot_actions& out) {
    if (transfer* one = find(to)) end(*one, out);
    sweep();
}

template <class Store>
void sender<Store>::cancel_all(snapshot_actions& out) {
    for (auto& each : transfers_) {
        if (each->live()) end(*each, out);
    }
    sweep();
}

// ---- peers and time ----

template <class Store>
void sender<Store>::peer_changed(node_id peer, bool reachable, instant now, snapshot_actions& out) {
    transfer* one = find(peer);
    if (one == nullptr || one->reachable == reachable) return;
    one->reachable = reachable;
    if (reachable && one->phase == phase_t::shipping) {
        // What was on the wire is lost: the peer asks again for what it misses. It may have
        // restarted.
        one->asked.clear();
        one->offer_gap = offer_interval_;
        offer(*one, now, out);
    }
    start_queued(now, out);
}

template <class Store>
void sender<Store>::advance(instant now, snapshot_actions& out) {
    pins_->lapse(now, [&](node_id to, snapshot_id) {
        if (transfer* one = find(to)) fail(*one, errc::timed_out, out);
    });
    sweep();
    for (auto& each : transfers_) {
        if (each->phase == phase_t::shipping && each->offer_at <= now) offer(*each, now, out);
    }
    start_queued(now, out);
    start_reads(out);
}

template <class Store>
instant sender<Store>::deadline() const noexcept {
    instant first = pins_->deadline();
    for (const auto& each : transfers_) first = earliest(first, each->offer_at);
    return first;
}

RAFTKIT_NAMESPACE_END
