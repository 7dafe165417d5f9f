#pragma once
// Bodies of testing/sim/core_member.hpp: what becomes of effects. Disk and machine are queues that
// work later, the wire is the network; nothing here waits. Included by it.

#include <raftkit/testing/sim/core_member.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

inline void core_member::do_disk(effects& batch) {
    if ((batch.has & effects::persisting) != 0) disk_.persist(batch.persist);
    if ((batch.has & effects::loading) != 0) {
        for (const load_request& asked : batch.load) {
            if (in_->log.in_words())
                in_->say(id_, "load " + words(asked.first) + ".." + words(asked.last));
            disk_.load(asked);
        }
    }
    if ((batch.has & effects::rarely) != 0 && batch.rare.compact) {
        if (in_->log.in_words()) in_->say(id_, "compact to " + words(batch.rare.compact->at));
        in_->check.compacting(id_, *batch.rare.compact);
        disk_.compact(*batch.rare.compact);
    }
    schedule_disk();
}

inline void core_member::schedule_disk() {
    if (disk_scheduled_ || disk_.waiting() == 0) return;
    disk_scheduled_ = true;
    // The disk goes on while its process is paused.
    in_->time.after(drawn(in_->dice, in_->plan.disk_min, in_->plan.disk_max), group(),
                    [this] { work_disk(); });
}

inline void core_member::work_disk() {
    disk_scheduled_ = false;
    auto done = std::make_unique<core_disk::finished>(
        disk_.work(1 + static_cast<std::size_t>(in_->dice.below(disk_.waiting()))));
    if (disk_.damage() != nullptr) return in_->fail(id_, disk_.damage());
    if (done->durable) in_->check.durable(id_, *done->durable);
    completions_.push_back(std::move(done));
    schedule_disk();
    post([this](core::consensus& core) {
        const std::unique_ptr<core_disk::finished> oldest = std::move(completions_.front());
        completions_.pop_front();
        if (oldest->durable) core.persisted(*oldest->durable);
        for (const core_disk::finished::answer& each : oldest->loaded) {
            if (in_->log.in_words())
                in_->say(id_, std::string("loaded: ") + name_of(each.status.code));
            core.loaded(each.id, each.status, each.entries);
        }
    });
}

inline void core_member::do_wire(effects& batch) {
    if ((batch.has & effects::sending) == 0) return;
    for (const envelope& mail : batch.send) {
        in_->log.note(mail.peer.value << 8 | mail.body.index());
        if (in_->log.in_words()) in_->say(id_, "-> " + words(mail.peer) + " " + words(mail.body));
        in_->check.sending(id_, mail);
        in_->net.send(id_, mail);
    }
}

inline void core_member::do_machine(effects& batch) {
    if ((batch.has & effects::applying) != 0) {
        for (const run_view& entries : batch.apply) machine_queue_.push_back(entries);
    }
    if ((batch.has & effects::reading) != 0) {
        for (const read_ready& ready : batch.reads) {
            const auto found =
                std::find_if(reads_.begin(), reads_.end(),
                             [&](const pending_read& each) { return each.id == ready.id; });
            if (found == reads_.end()) return in_->fail(id_, "a read was answered twice");
            if (ready.status) {
                reads_.erase(found);
                continue;
            }
            found->at = ready.at;
            found->ready = true;
        }
        serve_reads();
    }
    schedule_machine();
}

inline void core_member::schedule_machine() {
    if (machine_scheduled_ || machine_queue_.empty()) return;
    machine_scheduled_ = true;
    later(drawn(in_->dice, in_->plan.apply_min, in_->plan.apply_max), [this] { work_machine(); });
}

inline void core_member::work_machine() {
    machine_scheduled_ = false;
    machine_item next = machine_queue_.front();
    machine_queue_.pop_front();
    if (const auto* entries = std::get_if<run_view>(&next)) {
        // A machine may confirm a part of a range first.
        index_t until = entries->last();
        if (entries->count > 1 && in_->dice.below(4) == 0) {
            until = {entries->first.value + in_->dice.below(entries->count - 1)};
            machine_queue_.push_front(entries->slice(until.next(), entries->last()));
        }
        apply(entries->slice(entries->first, until));
        post([until](core::consensus& core) { core.applied(until); });
    } else {
        restore(std::get<restore_snapshot>(next).id);
    }
    schedule_machine();
    const u64 every = in_->plan.snapshot_every;
    const u64 newest = shelf_.empty() ? 0 : shelf_.back().meta.id.at.index.value;
    if (every != 0 && applied_.value >= newest + every) capture();
}

inline void core_member::apply(const run_view& entries) {
    if (!check_run(entries.span(), entries.first, entries.term, entries.count).sound) {
        return in_->fail(id_, "a lent range changed before it was applied");
    }
    for (const entry_view entry : entries) {
        in_->check.applied(id_, entry);
        if (entry.kind == entry_kind::command) apply_register(state_, entry.at, entry.body);
        applied_ = entry.at.index;
        in_->check.digest(id_, applied_, digest_of(state_));
        finish_write(entry.at.index, entry.at.term);
    }
    in_->log.note(digest_of(state_));
    serve_reads();
}

inline void core_member::finish_write(index_t at, term_t term) {
    const pending_write* mine = writes_.find(at);
    if (mine == nullptr) return;
    if (mine->term == term) {  // known bug 31
        in_->check.acknowledged(id_, {at, term});
        in_->clients.write_ended(mine->began, at);
    }
    writes_.erase(at);
}

inline void core_member::serve_reads() {
    std::erase_if(reads_, [this](const pending_read& each) {
        if (!each.ready || each.at > applied_) return false;
        in_->clients.read_ended(each.began, applied_);
        return true;
    });
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
