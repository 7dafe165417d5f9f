#pragma once
// Bodies of testing/sim/core_member.hpp: snapshots by their descriptions only. Capture, publish,
// compact, offer, fetch, fill, restore and settle take time and may fail, but no byte of an image
// crosses the network. Included by it.

#include <raftkit/testing/sim/core_member.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

inline const shelved_snapshot* core_member::shelved(snapshot_id id) const noexcept {
    for (const shelved_snapshot& each : shelf_) {
        if (each.meta.id == id) return &each;
    }
    return nullptr;
}
inline shelved_snapshot* core_member::find_shelved(snapshot_id id) noexcept {
    return const_cast<shelved_snapshot*>(shelved(id));
}

inline void core_member::capture() {
    const index_t newest = shelf_.empty() ? index_t{} : shelf_.back().meta.id.at.index;
    if (capturing_ || !up() || applied_ <= newest) return;
    // An install that replaces the state owns the machine.
    if (accepting_ && accepting_->stored) return;
    capturing_ = true;
    shelved_snapshot made;
    made.meta.id = {{applied_, {}}, in_->dice.next() | 1};
    made.meta.sections = 1;
    made.state = state_;
    const std::vector<std::byte> image = encode_registers(state_);
    digest128_builder digest;
    digest.update(image);
    made.meta.bytes = image.size();
    made.meta.digest = digest.finish();
    save(std::move(made));
}

// The state was taken where it is applied; what the core says of that index follows when the core
// knows it.
inline void core_member::save(shelved_snapshot made) {
    later(drawn(in_->dice, milliseconds(1), in_->plan.disk_max * 4 + milliseconds(2)),
          [this, made = std::move(made)]() mutable {
              const result<snapshot_basis> basis = core_->basis_at(made.meta.id.at.index);
              if (basis.why().code == errc::not_applied) return save(std::move(made));
              capturing_ = false;
              const bool stale =
                  !shelf_.empty() && made.meta.id.at.index <= shelf_.back().meta.id.at.index;
              const bool fails = in_->faults && in_->dice.below(10) == 0;
              if (!basis || stale || fails) return;
              made.meta.id.at = basis->at;
              made.meta.members = basis->members;
              publish(std::move(made));
          });
}

inline void core_member::publish(shelved_snapshot made) {
    if (in_->log.in_words()) in_->say(id_, "publishes a snapshot at " + words(made.meta.id.at));
    in_->check.published(id_, made.meta);
    shelf_.push_back(std::move(made));
    const snapshot_meta meta = shelf_.back().meta;
    post([this, meta](core::consensus& core) {
        core.snapshot_published(meta);
        if (in_->dice.below(4) != 0) compact();
    });
}

// The host's policy: `trailing` entries behind the last, and everything after the oldest kept
// snapshot.
inline void core_member::compact() {
    if (shelf_.empty()) return;
    while (shelf_.size() > 2 && !accepting_) {
        in_->check.removed(id_, shelf_.front().meta.id);
        shelf_.erase(shelf_.begin());
    }
    const u64 last = core_->status().last.value;
    const u64 wanted = last > in_->plan.trailing ? last - in_->plan.trailing + 1 : 1;
    const u64 kept = shelf_.front().meta.id.at.index.value + 1;
    const u64 newest = shelf_.back().meta.id.at.index.value + 1;
    const bool fallback = in_->plan.seed % 2 == 0;
    // A host may ask for anything: the core never goes past what is durable.
    const bool too_much = in_->dice.below(8) == 0;
    core_->compact_to({too_much ? last + 1 : std::min(wanted, fallback ? kept : newest)});
}

inline void core_member::do_rare(effects& batch) {
    if ((batch.has & effects::rarely) == 0) return;
    for (snapshot_effect& asked : batch.rare.snapshots) {
        if (in_->log.in_words()) in_->say(id_, words(asked));
        do_snapshot(asked);
    }
    if (batch.rare.role && in_->log.in_words()) {
        in_->say(id_, std::string("is ") + name_of(batch.rare.role->role) + " in term " +
                          words(batch.rare.role->term));
    }
}

inline void core_member::do_snapshot(snapshot_effect& asked) {
    if (const auto* ship = std::get_if<ship_snapshot>(&asked)) {
        shipping_[ship->to] = {ship->at_least, ++shipments_};
        later(drawn(in_->dice, {}, milliseconds(3)),
              [this, to = ship->to, number = shipments_] { offer(to, number); });
    } else if (const auto* stop = std::get_if<cancel_ship>(&asked)) {
        shipping_.erase(stop->to);
    } else if (auto* accept = std::get_if<accept_snapshot>(&asked)) {
        const snapshot_id id = accept->meta.id;
        if (accepting_ && accepting_->what.meta.id == id) return;  // an offer comes more than once
        if (accepting_ && accepting_->stored) {
            return later({}, [this, id] {
                input(
                    [id](core::consensus& core) { core.accept_failed(id, install_status::busy); });
            });
        }
        accepting_ = accepting{std::move(*accept), 0, false};
        later(drawn(in_->dice, milliseconds(1), milliseconds(40)), [this, id] { fetch(id); });
    } else if (const auto* cancel = std::get_if<cancel_accept>(&asked)) {
        if (accepting_ && accepting_->what.meta.id == cancel->id) accepting_.reset();
    } else {
        machine_queue_.push_back(std::get<restore_snapshot>(asked));
        schedule_machine();
    }
}

// Again and again until the core says that the shipment is over.
inline void core_member::offer(node_id to, u64 number) {
    const shipment* going = shipping_.find(to);
    if (going == nullptr || going->number != number) return;
    later(milliseconds(300), [this, to, number] { offer(to, number); });
    if (shelf_.empty() || shelf_.back().meta.id.at.index < going->at_least) return capture();
    std::vector<std::byte> meta;
    encode(shelf_.back().meta, meta);
    const envelope mail{to, incarnation_,
                        snapshot_offer{core_->status().term, shelf_.back().meta.id,
                                       bytes_view::of(byte_span(meta)), {}}};
    if (in_->log.in_words()) in_->say(id_, "-> " + words(to) + " " + words(mail.body));
    in_->check.sending(id_, mail);
    in_->net.send(id_, mail);
}

// What an install left that was given up before the machine saw it.
inline void core_member::drop_leftovers() {
    while (!shelf_.empty() && shelf_.back().meta.installing &&
           shelf_.back().meta.id.at.index > applied_) {
        in_->check.removed(id_, shelf_.back().meta.id);
        shelf_.pop_back();
    }
}

// The bytes come while sender and receiver can talk; otherwise it asks again, and at last gives up.
inline void core_member::fetch(snapshot_id id) {
    if (!accepting_ || accepting_->what.meta.id != id || accepting_->stored) return;
    const node_id from = accepting_->what.from;
    const core_member* sender = find_(cluster_, from);
    const bool reachable = sender != nullptr && sender->up() && in_->net.connected(from, id_) &&
                           in_->net.connected(id_, from);
    const shelved_snapshot* theirs = reachable ? sender->shelved(id) : nullptr;
    if (theirs == nullptr) {
        const bool gone = reachable || ++accepting_->tries > 5;
        if (!gone) return later(milliseconds(200), [this, id] { fetch(id); });
        accepting_.reset();
        return input(
            [id](core::consensus& core) { core.accept_failed(id, install_status::cancelled); });
    }
    if (shelved(id) == nullptr) {
        drop_leftovers();
        const bool stale = !shelf_.empty() && id.at.index <= shelf_.back().meta.id.at.index;
        if (stale) {
            accepting_.reset();
            return input(
                [id](core::consensus& core) { core.accept_failed(id, install_status::stale); });
        }
        shelved_snapshot mine = *theirs;
        mine.meta = accepting_->what.meta;
        mine.meta.origin = snapshot_origin::installed;
        mine.meta.installing = true;
        in_->check.published(id_, mine.meta);
        shelf_.push_back(std::move(mine));
    }
    accepting_->stored = true;
    const snapshot_meta meta = find_shelved(id)->meta;
    bool restores = false;
    input([&](core::consensus& core) { restores = core.snapshot_received(meta); });
    if (in_->log.in_words())
        in_->say(id_, "stores " + words(id.at) + (restores ? " to restore" : " to keep"));
    if (!up()) return;
    if (restores) {
        later(drawn(in_->dice, {}, milliseconds(30)), [this, id] { fill(id); });
    } else {
        accepting_.reset();  // kept; settle() takes the marker when the log has come so far
    }
}

inline void core_member::fill(snapshot_id id) {
    if (!accepting_ || accepting_->what.meta.id != id) return;
    if (in_->faults && in_->dice.below(12) == 0) {  // the image does not load
        accepting_.reset();
        return input([id](core::consensus& core) {
            core.accept_failed(id, install_status::restore_failed);
        });
    }
    input([id](core::consensus& core) { core.snapshot_filled(id); });
}

inline void core_member::restore(snapshot_id id) {
    const shelved_snapshot* from = shelved(id);
    if (from == nullptr) return in_->fail(id_, "a restore of a snapshot that is gone");
    ++installs_;
    state_ = from->state;
    applied_ = id.at.index;
    in_->check.restored(id_, id.at);
    in_->check.digest(id_, applied_, digest_of(state_));
    // What it stood for is in the image: whether its own entry or another's, nobody can tell any
    // more.
    while (!writes_.empty() && writes_.begin()->first <= applied_)
        writes_.erase(writes_.begin()->first);
    if (accepting_ && accepting_->what.meta.id == id) accepting_.reset();
    serve_reads();
    post([id](core::consensus& core) { core.snapshot_restored(id); });
}

// The marker goes when the log begins at the snapshot, or holds its entry, for good.
inline void core_member::settle() {
    for (shelved_snapshot& each : shelf_) {
        const bool restored = each.meta.installing && applied_ >= each.meta.id.at.index;
        if (restored && disk_.image().holds(each.meta.id.at)) each.meta.installing = false;
        const bool below =
            each.meta.installing && each.meta.id.at.index < disk_.image().base.at.index;
        if (below) each.meta.installing = false;
    }
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
