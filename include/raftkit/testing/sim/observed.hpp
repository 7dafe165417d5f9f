#pragma once
// Real parts of a node with a witness in between: every batch, snapshot and message passes a
// checker on its way. The parts themselves are untouched; what is simulated is below them (files,
// network) and beside them (time).

#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include <raftkit/snapshot/store/file.hpp>
#include <raftkit/storage/wal/wal.hpp>
#include <raftkit/testing/machine/register_map.hpp>
#include <raftkit/testing/sim/disk.hpp>
#include <raftkit/testing/sim/runner.hpp>
#include <raftkit/testing/sim/world.hpp>

RAFTKIT_NAMESPACE_BEGIN

class poller;

namespace testing {

// What the wrappers of one life share with the seat of their node.
struct sim_witness {
    world* in = nullptr;
    node_id id;
    sim_disk* disk = nullptr;
    u64 incarnation = 0;
    std::deque<parcel> arrived;
    std::vector<parcel> leaving;  // until the end of the poll
    void* seat = nullptr;
    void (*look)(void* seat) = nullptr;  // tells the checker the status of the core
    void (*wake)(void* seat) = nullptr;  // something arrived
};
using witness_handle = std::shared_ptr<sim_witness>;

class observed_wal {
public:
    observed_wal(witness_handle by, wal_options options, sim_runner runner)
        : by_(std::move(by)), log_(std::move(options), by_->disk->files(), std::move(runner)) {}

    result<recovered_log> open(const identity& who, completion_port port) {
        result<recovered_log> found = log_.open(who, port);
        if (found && defect() == sabotage::forgotten_vote) found->hard.voted_for = {};
        if (found && !found->found) {
            by_->in->check.recovered(by_->id, found->hard, found->base.at, found->last);
            last_ = found->last.index;
        }
        return found;
    }
    persisted persist(const persist_batch& batch) noexcept {
        by_->look(by_->seat);
        mark(batch);
        if (by_->in->log.in_words()) by_->in->say(by_->id, words(batch));
        by_->in->check.persisting(by_->id, batch);
        persisted done = log_.persist(batch);
        if (defect() == sabotage::early_acknowledgement) done.upto = batch.id;
        return told(done);
    }
    void load(load_request asked) noexcept {
        RAFTKIT_MARK(sim_loaded);
        log_.load(asked);
    }
    void compact(const log_base& upto) noexcept {
        by_->look(by_->seat);
        if (by_->in->log.in_words()) by_->in->say(by_->id, "compact to " + words(upto.at));
        by_->in->check.compacting(by_->id, upto);
        RAFTKIT_MARK(sim_compacted);
        log_.compact(upto);
    }
    void close() noexcept { log_.close(); }
    persisted flush() noexcept { return told(log_.flush()); }
    bool flush_waits() const noexcept { return log_.flush_waits(); }
    instant tick(instant now) noexcept { return log_.tick(now); }
    bool ready_for(u64 bytes) const noexcept { return log_.ready_for(bytes); }
    result<identity> stored_identity() noexcept { return log_.stored_identity(); }

private:
    sabotage defect() const noexcept { return by_->in->plan.defect; }
    void mark(const persist_batch& batch) noexcept {
        if (batch.reset != nullptr) {
            RAFTKIT_MARK(sim_reset);
            last_ = batch.reset->at.index;
        }
        for (const run_view& each : batch.append) {
            if (each.first <= last_) RAFTKIT_MARK(sim_truncated);
            last_ = each.last();
        }
    }
    persisted told(const persisted& done) noexcept {
        // Whether the group of a process that died in the middle of it is on the disk, recovery
        // tells.
        if (by_->disk->crashed()) return done;
        by_->in->check.durable(by_->id, done.upto);
        if (done.status) by_->in->check.failed(by_->id);
        return done;
    }

    witness_handle by_;
    basic_wal<sim_files, sim_runner> log_;
    index_t last_;
};

class observed_snapshots {
    using store = basic_file_snapshots<sim_files>;

public:
    using reader = store::reader;
    class writer {
    public:
        writer(witness_handle by, store::writer&& inner)
            : by_(std::move(by)), inner_(std::move(inner)) {}
        result<void> begin_section(const section_meta& section) {
            return inner_.begin_section(section);
        }
        result<void> write(const chunk& part) { return inner_.write(part); }
        result<u64> recheck() {
            result<u64> looked = inner_.recheck();
            if (looked && *looked != 0) RAFTKIT_MARK(sim_install_resumed);
            return looked;
        }
        bool holds(u32 section, u64 offset, u64 bytes) const noexcept {
            return inner_.holds(section, offset, bytes);
        }
        result<void> suspend() { return inner_.suspend(); }
        void took(duration time) noexcept { inner_.took(time); }
        result<snapshot_manifest> publish() {
            result<snapshot_manifest> made = inner_.publish();
            if (!made) return made.why();
            if (by_->in->log.in_words())
                by_->in->say(by_->id, "published " + words(made->meta.id.at));
            by_->in->check.published(by_->id, made->meta);
            return made;
        }

    private:
        witness_handle by_;
        store::writer inner_;
    };

    explicit observed_snapshots(witness_handle by)
        : by_(std::move(by)), inner_("snap", by_->disk->files()) {}

    // A crash may have published or removed what nobody was told of.
    result<store_report> recover(const identity& who) {
        result<store_report> report = inner_.recover(who);
        if (!report) return report.why();
        result<std::vector<snapshot_manifest>> listing = inner_.list();
        if (!listing) return listing.why();
        std::vector<snapshot_meta> metas;
        for (const snapshot_manifest& each : *listing) metas.push_back(each.meta);
        by_->in->check.listed(by_->id, metas);
        return report;
    }
    result<writer> create(const snapshot_manifest& asked) {
        result<store::writer> made = inner_.create(asked);
        if (!made) return made.why();
        return writer(by_, std::move(*made));
    }
    result<reader> open(snapshot_id id) { return inner_.open(id); }
    result<std::vector<snapshot_manifest>> list() { return inner_.list(); }
    result<void> remove(snapshot_id id) {
        result<void> done = inner_.remove(id);
        if (done) by_->in->check.removed(by_->id, id);
        return done;
    }
    result<void> settle(snapshot_id id) { return inner_.settle(id); }
    result<void> quarantine(snapshot_id id) {
        result<void> done = inner_.quarantine(id);
        if (done) by_->in->check.removed(by_->id, id);
        RAFTKIT_MARK(sim_quarantined);
        return done;
    }
    result<void> forget_staged() {
        if (by_->in->log.in_words()) by_->in->say(by_->id, "forgets what is staged");
        RAFTKIT_MARK(sim_staging_forgotten);
        return inner_.forget_staged();
    }
    result<u64> free_bytes() { return inner_.free_bytes(); }

private:
    witness_handle by_;
    store inner_;
};

// Messages leave at the end of the poll, when the checker knows everything that they may speak of.
// What a dead process would have said is never heard.
class sim_transport {
public:
    explicit sim_transport(witness_handle by) : by_(std::move(by)) {}

    result<void> open(const identity& who, completion_port) {
        by_->incarnation = who.incarnation;
        by_->in->net.attach(by_->id, {by_.get(), &sim_transport::take, who.incarnation});
        return {};
    }
    void send(const envelope& mail) noexcept { put(mail); }
    void send(const bulk_envelope& mail) noexcept { put(mail); }
    void members(const configuration&) noexcept {}
    void close() noexcept { by_->in->net.detach(by_->id); }
    result<void> attach(poller&) { return {}; }
    template <class Sink>
    void drain(Sink& sink) noexcept {
        while (!by_->arrived.empty()) {
            const parcel mail = std::move(by_->arrived.front());
            by_->arrived.pop_front();
            if (mail.letter() != nullptr) {
                sink(*mail.letter());
            } else {
                sink(*mail.bulk());
            }
        }
    }

private:
    template <class Envelope>
    void put(const Envelope& mail) noexcept {
        if (!by_->disk->crashed()) by_->leaving.emplace_back(mail);
    }
    static void take(void* who, parcel&& mail) {
        auto* by = static_cast<sim_witness*>(who);
        if (by->in->log.in_words() && mail.letter() != nullptr) {
            by->in->say(by->id,
                        "<- " + words(mail.letter()->peer) + " " + words(mail.letter()->body));
        }
        by->arrived.push_back(std::move(mail));
        by->wake(by->seat);
    }

    witness_handle by_;
};
static_assert(storage<observed_wal> && snapshot_store<observed_snapshots> &&
              resumable_writer<observed_snapshots::writer> && forgetting_store<observed_snapshots>);

// The machine needs no witness: it tells its watch. Here it can be broken.
class sim_machine : public register_map {
public:
    sim_machine(machine_watch watch, bool broken) noexcept : register_map(watch), broken_(broken) {}

    void apply(const command& asked, reply_sink& replies) noexcept {
        if (!broken_ || !restored_) return register_map::apply(asked, replies);
        restored_ = false;
        command misread = asked;
        misread.body = asked.body.first(asked.body.size() - 1);
        register_map::apply(misread, replies);
    }
    result<writer> restore(const snapshot_meta& of) {
        restored_ = true;
        return register_map::restore(of);
    }

private:
    bool broken_, restored_ = false;
};
static_assert(state_machine<sim_machine>);

}  // namespace testing

RAFTKIT_NAMESPACE_END
