#pragma once
// Snapshots as the core sees them: positions, gates and when the log may shrink (Raft §7; design
// §10; recovery.md §2).

#include <raftkit/core/consensus.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

inline void consensus::snapshot_effects(snapshot_effect what) noexcept {
    out().rare.snapshots.push_back(std::move(what));
    out().has |= effects::rarely;
    touch();
}

inline void consensus::answer_offer(install_status status, snapshot_id id, index_t match,
                                    node_id to) noexcept {
    if (!to || to == who_.self || !may_acknowledge()) return;
    snapshot_done done;
    done.term = hard_.term;
    done.id = id;
    done.status = status;
    done.match = match;
    send_held(to, now_stamp(), done);
    touch();
}

inline void consensus::on(node_id from, const snapshot_offer& offer) noexcept {
    if (offer.term < hard_.term) {
        append_reply stale;
        stale.term = hard_.term;
        return send_held(from, now_stamp(), stale);
    }
    if (!follow(from, offer.term)) return;
    result<snapshot_meta> meta = decode_snapshot_meta(offer.meta.bytes());
    if (!meta || meta->id != offer.id || meta->id.at.term > hard_.term ||
        meta->members.members.empty()) {
        return reject();
    }
    const index_t durable = std::min(commit_, stable_.stable());
    if (offer.id.at.index <= durable) {
        return answer_offer(install_status::already_have, offer.id, durable, from);
    }
    if (flow_.step >= install_step::filled && !flow_.is(offer.id)) {
        return answer_offer(install_status::installing, offer.id, {}, from);
    }
    // Its end will be told; meanwhile this keeps it, and the log behind it, at the leader.
    if (flow_.is(offer.id) && flow_.step >= install_step::stored) {
        return answer_offer(install_status::installing, offer.id, {}, from);
    }
    if (opening_restore_) return answer_offer(install_status::installing, offer.id, {}, from);
    if (!hard_is_durable()) return;  // the leader's term first; the offer comes again
    // Which of two offers is fetched is the receiver's business; snapshot_received() tells which
    // one came.
    if (flow_.step == install_step::idle) {
        flow_.meta = *meta;
        flow_.step = install_step::fetching;
    }
    flow_.from = from;
    accept_snapshot accept{from, hard_.term, std::move(*meta), offer.manifest.keep(), offer.first};
    snapshot_effects(std::move(accept));
}

inline void consensus::on(node_id from, const snapshot_done& done) noexcept {
    if (done.term > hard_.term) return become_follower(done.term, {});
    if (leading() == nullptr || done.term < hard_.term) return;
    progress* each = peer(from);
    if (each == nullptr) return reject();
    each->heard_at = now_;
    const bool good =
        done.status == install_status::installed || done.status == install_status::already_have;
    if (good) {
        if (done.match > log_.last_index()) return reject();
        const bool rose = each->accept(done.match);
        if (snapshotting* shipment = each->shipment()) {
            if (shipment->shipping) snapshot_effects(cancel_ship{from});
            each->become_probing(each->match().next());
            touch();
        }
        if (rose) try_commit();
        advance_transfer();
        return;
    }
    // Refused or failed: a refusal never moves match. `installing` and `busy` leave the shipment as
    // it is.
    snapshotting* shipment = each->shipment();
    if (shipment == nullptr || !shipment->shipping) return;
    if (done.status == install_status::installing || done.status == install_status::busy) return;
    snapshot_effects(cancel_ship{from});
    shipment->shipping = false;
}

inline void consensus::ship_ended(node_id to, snapshot_id, errc) noexcept {
    progress* each = peer(to);
    if (each == nullptr || !running()) return;
    if (snapshotting* shipment = each->shipment()) shipment->shipping = false;
    touch();
}

inline bool consensus::admits(node_id from, term_t term, snapshot_id) const noexcept {
    if (!running() || term != hard_.term) return false;
    if (const leader_state* office = leading()) {
        for (const progress& each : office->peers) {
            if (each.id == from) return true;
        }
        return false;
    }
    return flow_.step == install_step::fetching &&
           (from == leader() || members_.latest().find(from) != nullptr);
}

// The configuration at a captured index, never the newest one (known bug 37).
inline result<snapshot_basis> consensus::basis_at(index_t at) const noexcept {
    if (at > applied_ || at > stable_.stable())
        return error{errc::not_applied, 0, "core.basis_at", at.value};
    if (at < log_.base().index) return error{errc::compacted, 0, "core.basis_at", at.value};
    // A node that joined without a list knows none before the first membership entry: such a
    // snapshot would be useless to everybody, itself included.
    const configuration& members = members_.at(at);
    if (members.members.empty()) return error{errc::not_member, 0, "core.basis_at", at.value};
    return snapshot_basis{{at, log_.term_at(at)}, members};
}

inline void consensus::snapshot_published(const snapshot_meta& meta) noexcept {
    if (!newest_ || older(newest_->id, meta.id)) newest_ = meta;
    touch();
}

// While the machine is being replaced only one that is overwritten in place can fail.
inline void consensus::accept_failed(snapshot_id id, install_status status) noexcept {
    if (!running()) return;
    if (flow_.step == install_step::idle) return;
    const bool ours = flow_.is(id);
    if (ours && flow_.step == install_step::resetting) return;
    answer_offer(status, id, {}, flow_.from);
    if (!ours || status == install_status::installing) return;
    flow_.machine_lost |= flow_.step == install_step::restoring;
    flow_.close();
}

// (4) The gate, first time: what the commit index passed meanwhile is kept as an ordinary snapshot.
inline bool consensus::snapshot_received(const snapshot_meta& meta) noexcept {
    touch();
    if (!running()) return false;
    if (flow_.step > install_step::fetching || leads() || opening_restore_) return false;
    flow_.meta = meta;
    if (meta.id.at.index <= commit_) {
        if (!newest_ || older(newest_->id, meta.id)) newest_ = meta;
        close_flow_as_kept();
        return false;
    }
    flow_.step = install_step::stored;
    return true;
}

inline void consensus::snapshot_filled(snapshot_id id) noexcept {
    if (!running() || !flow_.is(id) || flow_.step != install_step::stored) return;
    flow_.step = install_step::filled;
    touch();
    maybe_restore();
}

// (4) again, and (5): no range goes out from here; when all that went out are applied, the point of
// no return.
inline void consensus::maybe_restore() noexcept {
    if (flow_.step != install_step::filled || applied_ != handed_) return;
    if (flow_.meta.id.at.index <= commit_) {
        snapshot_effects(cancel_accept{flow_.meta.id});
        if (!newest_ || older(newest_->id, flow_.meta.id)) newest_ = flow_.meta;
        close_flow_as_kept();
        return;
    }
    flow_.step = install_step::restoring;
    snapshot_effects(restore_snapshot{flow_.meta.id});
}

inline void consensus::close_flow_as_kept() noexcept {
    answer_offer(install_status::already_have, flow_.meta.id, std::min(commit_, stable_.stable()),
                 flow_.from);
    flow_.close();
}

// The machine now holds the snapshot's state. (6) keep the suffix if the log agrees at its
// position, else reset.
inline void consensus::snapshot_restored(snapshot_id id) noexcept {
    if (!running()) return;
    touch();
    if (opening_restore_) {
        if (!newest_ || newest_->id != id) return;
        opening_restore_ = false;
        applied_ = handed_ = std::max(handed_, id.at.index);
        apply_cursor_ = {handed_.next(), 0, 0, 0};
        commit_ = std::max(commit_, std::min(id.at.index, log_.last_index()));
        return;
    }
    if (!flow_.is(id) || flow_.step != install_step::restoring) return;
    const snapshot_meta meta = flow_.meta;
    newest_ = meta;
    const bool keeps = log_.terms().contains(id.at);
    if (!keeps) {
        reset_log_to(meta);
        members_in_force();
    }
    applied_ = handed_ = id.at.index;
    apply_cursor_ = {handed_.next(), 0, 0, 0};
    lent_.clear();
    lent_bytes_ = 0;
    replayed_.clear();
    apply_load_ = {};  // what it asked for is behind us, and may be gone from disk
    commit_ = std::max(commit_, id.at.index);
    verified_ = std::max(verified_, id.at.index);
    flow_.machine_lost = false;
    flow_.step = install_step::resetting;
    flow_.reset_ticket = stable_.upcoming();
    forget_removed();
    answer_offer(install_status::installed, id, id.at.index, flow_.from);
    if (keeps) flow_.close();
}

inline bool consensus::restore_instead(const snapshot_meta* older) noexcept {
    if (!running() || !opening_restore_ || stable_.reset_open()) return false;
    // The log must have what follows it, and be the one that it was made of (known bug 55).
    const bool goes_on =
        older == nullptr ? !log_.base().index : log_.terms().contains(older->id.at);
    if (!goes_on) return false;
    touch();
    if (older != nullptr) {
        newest_ = *older;
    } else {
        newest_.reset();
        opening_restore_ = false;
    }
    return true;
}

inline void consensus::reset_log_to(const snapshot_meta& meta) noexcept {
    log_.reset(meta.id.at, stable_.issued());
    forget_namesakes(members_.latest(), meta.members);
    members_.reset(meta.members);
    stable_.reset();
    ++reset_version_;
    dirty_ |= reset_dirty;
    persist_cursor_ = {meta.id.at.index.next(), 0, 0, 0};
    touch();
}

// Everything below `keep_from` may go: it is in a durable snapshot, applied and durable here. The
// caller's number is clamped, never believed.
inline void consensus::compact_to(index_t keep_from) noexcept {
    if (!running() || !newest_ || stable_.reset_open()) return;
    index_t to = std::min(keep_from.previous(), newest_->id.at.index);
    to = std::min({to, applied_, stable_.stable()});
    if (to <= log_.base().index) return;
    const log_base base{{to, log_.term_at(to)}, members_.at(to)};
    members_.compact(to);
    log_.compact(to);
    out().rare.compact = base;
    out().has |= effects::rarely;
    touch();
}

}  // namespace core

RAFTKIT_NAMESPACE_END
