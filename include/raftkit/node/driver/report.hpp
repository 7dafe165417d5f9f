#pragma once
// What a node tells: its status, exact on the thread that polls, and the events that sum up a turn.
// Included by driver.hpp alone.

#include <raftkit/node/driver.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class Parts>
void driver<Parts>::describe(node_status& into) const noexcept {
    if (parts_.core) static_cast<core::status&>(into) = parts_.core->status();
    into.self = parts_.self.self ? parts_.self.self : parts_.options.who.self;
    into.cluster = parts_.self.cluster;
    into.incarnation = parts_.self.incarnation;
    into.phase = parts_.phase;
    into.closing = parts_.closing;
    into.log_bytes = parts_.log_bytes;
    into.operations = parts_.operations;
    if (fatal_) into.stop_cause = fatal_;
    if (into.stopped) {  // whatever the core last was: a stopped node leads nobody
        into.role = role_kind::follower;
        into.serving_reads = false;
        if (into.leader == into.self) into.leader = {};
    }
    if (desk_) {
        const coordinator& saves = desk_->saves();
        into.snapshots_kept = saves.kept().size();
        into.snapshots_saved = saves.counts().saved;
        into.snapshots_installed = saves.counts().installed;
        into.snapshots_failed = saves.counts().failed;
        into.saving = saves.phase() != save_phase::idle;
        into.installing = desk_->installing();
    }
    describe_snapshots(into);
    if (!parts_.core || into.joined) return;
    for (node_id each : parts_.core->waits_for()) {
        if (into.waits_for_count < peers_max) into.waits_for[into.waits_for_count++] = each;
    }
}

// Always snapshot <= applied <= commit, and first <= snapshot + 1. Of an install the snapshot is
// shown when the machine has it, until then the one before. That which is on its way into the
// machine at open counts as applied: what is below it will not be applied any more.
template <class Parts>
void driver<Parts>::describe_snapshots(node_status& into) const noexcept {
    if (restoring_to_) into.applied = std::max(into.applied, into.snapshot);
    into.commit = std::max(into.commit, into.applied);
    const auto show = [&into](const snapshot_meta& meta) {  // newest first
        if (into.newest_snapshot.at.index || meta.id.at.index > into.applied) return;
        into.newest_snapshot = meta.id;
        into.snapshot_bytes = meta.bytes;
    };
    if (listing_) {  // the desk hears it in the first poll
        for (const snapshot_manifest& each : *listing_) show(each.meta);
    } else if (desk_) {
        for (const auto& each : desk_->saves().kept().entries()) show(each.manifest.meta);
    }
    if (into.snapshot <= into.applied) return;
    into.snapshot = into.newest_snapshot.at.index;
    into.snapshot_term = into.newest_snapshot.at.term;
}

template <class Parts>
void driver<Parts>::publish() noexcept {
    node_status now;
    describe(now);
    published_.publish(now);
    published_at_ = parts_.now;
    if (now.rejected > rejected_told_) {
        const u64 more = now.rejected - std::exchange(rejected_told_, now.rejected);
        parts_.tell(rejected{{}, {errc::unauthentic, 0, "core: messages dropped"}, more});
    }
}

// At the end of the turn that moved it.
template <class Parts>
void driver<Parts>::tell_commit() noexcept {
    if (!parts_.core || parts_.core->commit() <= committed_told_) return;
    committed_told_ = parts_.core->commit();
    parts_.tell(committed{committed_told_});
}

// Records may be damaged on their way under a frame, a datagram or a link whose own sum is right.
// The core drops them; the connection that brought them is no good any more (scenario H112).
template <class Parts>
void driver<Parts>::judge(const envelope& dropped) noexcept {
    const auto* request = std::get_if<append_request>(&dropped.body);
    if (request == nullptr || request->entries.empty()) return;
    const run_view& sent = request->entries;
    if (check_run(sent.span(), sent.first, sent.term, sent.count).sound) return;
    if constexpr (requires { parts_.transport.distrust(dropped.peer); }) {
        parts_.transport.distrust(dropped.peer);  // which tells it
    } else {
        parts_.tell(
            rejected{dropped.peer, {errc::corrupt, 0, "node: a peer's entries are damaged"}});
    }
}

// On the thread that polls it is exact; elsewhere at most publish_every old while the node is busy.
template <class Parts>
node_status driver<Parts>::status() const noexcept {
    if (polls_on_.load(std::memory_order_relaxed) != detail::this_thread())
        return published_.read();
    node_status now;
    describe(now);
    return now;
}

RAFTKIT_NAMESPACE_END
