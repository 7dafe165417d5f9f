#pragma once
// One place of a simulated cluster: a real node on a simulated disk, through all of its lives. A
// crash keeps the disk, as a process death or a power cut would leave it; everything else begins
// anew. What a life draws follows from the seed, the place and the number of the life alone, so
// that a plan with one crash less changes no other place's dice.

#include <memory>
#include <optional>
#include <vector>

#include <raftkit/node/node.hpp>
#include <raftkit/testing/sim/disk_actions.hpp>
#include <raftkit/testing/sim/observed.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

struct sim_policies : manual_policies {
    trigger::entries trigger{};
    compaction::trailing compaction{};
    throttle::none throttle{};
    sim_executor work_on{};
};
using sim_node = node<observed_wal, sim_transport, sim_machine, observed_snapshots, sim_policies>;

struct seat_plan {  // what the cluster draws beside the swarm
    life_numbers numbers;
    node_options options;
};

// How a life ends: the process dies, or the power goes and takes what was not synced.
enum class death : u8 { process, power };

class sim_seat {
public:
    sim_seat(world& in, node_id id, seat_plan plan)
        : in_(&in), id_(id), plan_(std::move(plan)), disk_(in.plan.seed * 64 + id.value) {}
    sim_seat(sim_seat&&) = delete;
    ~sim_seat() {
        if (node_) kill(death::process, for_good);
    }

    node_id id() const noexcept { return id_; }
    bool up() const noexcept { return node_ != nullptr; }
    sim_node& node() noexcept { return *node_; }
    sim_disk& disk() noexcept { return disk_; }
    u64 incarnation() const noexcept { return witness_ ? witness_->incarnation : 0; }
    u64 installs() const noexcept { return installs_; }
    u64 life() const noexcept { return life_; }
    u64 rotted() const noexcept { return rotted_; }
    // It refused to start for what happened to its disk, and stays down.
    bool lost() const noexcept { return lost_; }

    void start();
    // It comes back after that time, unless somebody starts it before; `for_good`: never by itself.
    void kill(death how, duration down_for);
    static constexpr duration for_good{-1};
    // The process dies in a file operation to come.
    void kill_at(u64 nth, crash_moment moment, death how, duration down_for);
    void renumber(const life_numbers& next) { plan_.numbers = next; }
    void pause(duration how_long) { paused_until_ = in_->time.now() + how_long; }
    void set_clock(i64 ppm);
    // --- faults of its disk: sim/seat/disk.hpp
    void disturb(const disk_action& what, duration down_for);
    void damage(const disk_action& what);
    void mend();
    void work_fast() {
        workshop_->commit_max = microseconds(500);
        workshop_->job_max = microseconds(200);
    }
    // Something was asked of the node, or arrived for it.
    void nudge() { schedule(in_->time.now()); }

private:
    u64 group() const noexcept { return id_.value << 32 | life_; }
    instant local(instant at) const noexcept;
    duration real(duration local_wait) const noexcept;
    void look();
    void poll();
    void schedule(instant when);
    void sort_out();
    void rot();
    void refused(error why);
    void stopped(error why);
    bool excused(error why) const noexcept;
    void make_workshop();
    void make_witness();
    machine_watch watch() noexcept;

    world* in_;
    node_id id_;
    seat_plan plan_;
    sim_disk disk_;
    u64 life_ = 0, installs_ = 0, rotted_ = 0;
    prng dice_{0};  // of this life
    // Its clock showed `shown_` at `set_at_`, and gains since.
    instant shown_, set_at_;
    i64 gains_ppm_ = 0;
    death dies_by_ = death::process;
    duration down_for_ = for_good;
    instant paused_until_;
    instant scheduled_ = never;
    u64 wakes_ = 0;
    bool polling_ = false, opened_ = false;
    bool disturbed_ = false, damaged_ = false, lost_ = false;
    duration troubled_for_;  // how long it is down when an error of its disk ends it
    bool settled_ = false;   // its core wants nothing that the checker has not heard of

    std::shared_ptr<sim_workshop> workshop_;
    witness_handle witness_;
    std::unique_ptr<sim_node> node_;
};

inline void sim_seat::make_workshop() {
    workshop_ = std::make_shared<sim_workshop>();
    workshop_->time = &in_->time;
    workshop_->group = group();
    workshop_->dice = prng(dice_.next());
    workshop_->blocking = in_->plan.blocking_log;
    workshop_->commit_max = in_->plan.disk_max;
    workshop_->job_max = in_->plan.disk_max;
    workshop_->who = this;
    workshop_->durable = [](void* who, const persisted& done) {
        auto* self = static_cast<sim_seat*>(who);
        // The group of a process that died in the middle of it may be on the disk or not; recovery
        // tells.
        if (self->disk_.crashed()) return;
        self->in_->check.durable(self->id_, done.upto);
        if (done.status) self->in_->check.failed(self->id_);
    };
    workshop_->posted = [](void* who) { static_cast<sim_seat*>(who)->nudge(); };
    workshop_->blocked = [](void* who, duration how_long) {
        auto* self = static_cast<sim_seat*>(who);
        self->paused_until_ = std::max(self->paused_until_, self->in_->time.now() + how_long);
    };
}

inline void sim_seat::make_witness() {
    witness_ = std::make_shared<sim_witness>();
    witness_->in = in_;
    witness_->id = id_;
    witness_->disk = &disk_;
    witness_->seat = this;
    witness_->look = [](void* self) { static_cast<sim_seat*>(self)->look(); };
    witness_->wake = [](void* self) { static_cast<sim_seat*>(self)->nudge(); };
}

inline machine_watch sim_seat::watch() noexcept {
    return {
        this,
        [](void* who, const command& done, const register_state& now) {
            auto* self = static_cast<sim_seat*>(who);
            self->look();
            self->in_->check.applied_command(self->id_, {done.at, entry_kind::command, done.body});
            self->in_->check.digest(self->id_, done.at.index, digest_of(now));
            self->in_->log.note(now.chain);
        },
        [](void* who, const snapshot_meta& from, const register_state& now) {
            auto* self = static_cast<sim_seat*>(who);
            ++self->installs_;
            self->look();
            if (self->in_->log.in_words())
                self->in_->say(self->id_, "restored " + words(from.id.at));
            self->in_->check.restored(self->id_, from.id.at);
            self->in_->check.digest(self->id_, now.at.index, digest_of(now));
        }};
}

inline void sim_seat::start() {
    RAFTKIT_ASSERT(!node_);
    ++life_;
    opened_ = false;
    dice_ = prng(in_->plan.seed * 0x9e3779b97f4a7c15ULL ^ group());
    shown_ = {static_cast<i64>(dice_.below(10'000'000'000))};
    set_at_ = in_->time.now();
    gains_ppm_ = 0;
    dies_by_ = dice_.below(2) == 0 ? death::process : death::power;
    down_for_ = drawn(dice_, milliseconds(1), in_->plan.down_for * 2);
    if (in_->log.in_words()) in_->say(id_, "starts");
    make_workshop();
    make_witness();
    node_options options = plan_.options;
    options.who.self = id_;
    options.seed = dice_.next() | 1;
    const life_numbers& numbers = plan_.numbers;
    options.persist_batches_max = numbers.persist_batches_max;
    options.inflight_messages_max = numbers.inflight_messages_max;
    options.apply_batch_entries_max = numbers.apply_batch_entries_max;
    wal_options log;
    log.directory = "log";
    log.segment_bytes = numbers.segment_bytes;
    log.seed = dice_.next() | 1;
    sim_policies rules;
    rules.trigger.count = numbers.snapshot_every;
    rules.compaction.entries = numbers.trailing;
    rules.retention.count = numbers.retained;
    rules.work_on = sim_executor(workshop_);
    const bool misreads = in_->plan.defect == sabotage::misread_command;
    node_ = std::make_unique<sim_node>(options, observed_wal(witness_, log, sim_runner(workshop_)),
                                       sim_transport(witness_), sim_machine(watch(), misreads),
                                       observed_snapshots(witness_), std::move(rules));
    in_->check.started(id_);
    const result<void> opened = node_->open();
    if (!opened && !disk_.crashed()) return refused(opened.why());
    opened_ = true;
    settled_ = false;
    rot();
    paused_until_ = {};
    scheduled_ = never;
    sort_out();
    if (node_) nudge();
}

// The newest snapshot rots before it is read, wherever an older one and the log behind it are
// there: the node has to come back (scenario D50).
inline void sim_seat::rot() {
    prng dice(in_->plan.seed ^ group() * 0x9e3779b97f4a7c15ULL);
    const node_status now = node_->status();
    if (!in_->faults || now.phase != node_phase::restoring || dice.below(2) == 0) return;
    const auto names = disk_.files().list("snap");
    if (!names) return;
    std::vector<snapshot_id> kept;
    for (const std::string& each : *names) {
        if (const auto id = snapshot_disk::published_id(each)) kept.push_back(*id);
    }
    std::sort(kept.begin(), kept.end(), [](snapshot_id a, snapshot_id b) { return older(b, a); });
    if (kept.size() < 2 || now.first > kept[1].at.index.next()) return;
    const std::string file = "snap/snap-" + snapshot_disk::name_of(kept[0]) + "/section-000.snap";
    const u64 bytes = disk_.content(file).size();
    if (bytes == 0 || !disk_.flip_bits(file, dice.below(bytes))) return;
    ++rotted_;
    in_->check.rotted(id_, kept[0]);
    if (in_->log.in_words()) in_->say(id_, "finds " + words(kept[0].at) + " rotten");
}

// What a dying process still does must not reach the disk: every call fails until the crash has
// been played.
inline void sim_seat::kill(death how, duration down_for) {
    if (in_->log.in_words()) in_->say(id_, how == death::power ? "loses power" : "is killed");
    if (!disk_.crashed()) disk_.crash_at(1);
    in_->time.drop(group());
    in_->net.detach(id_);
    in_->check.crashed(id_);
    opened_ = false;
    node_.reset();
    if (how == death::power) {
        disk_.power_cut();
    } else {
        disk_.process_crash();
    }
    if (down_for == for_good) return;
    in_->time.after(down_for, 0, [this, life = life_] {
        if (!up() && !lost_ && life == life_ && in_->faults && in_->ok()) start();
    });
}

inline void sim_seat::kill_at(u64 nth, crash_moment moment, death how, duration down_for) {
    if (disk_.crashed()) return;
    disk_.crash_at(nth, moment);
    dies_by_ = how;
    down_for_ = down_for;
}

inline void sim_seat::set_clock(i64 ppm) {
    shown_ = local(in_->time.now());
    set_at_ = in_->time.now();
    gains_ppm_ = ppm;
    nudge();  // its deadlines are elsewhere now
}

inline instant sim_seat::local(instant at) const noexcept {
    const i64 passed = (at - set_at_).ns;
    constexpr i64 million = 1'000'000;
    return shown_ + duration{passed + passed / million * gains_ppm_ +
                             passed % million * gains_ppm_ / million};
}
// How long to wait until so much has passed on its clock. Never too short.
inline duration sim_seat::real(duration local_wait) const noexcept {
    if (gains_ppm_ == 0) return local_wait;
    const i64 wait = std::min(local_wait, minutes(60)).ns;
    return {(wait * 1'000 / (1'000'000 + gains_ppm_) + 1) * 1'000};
}

inline void sim_seat::look() {
    if (!node_ || !opened_) return;
    const node_status now = node_->status();
    const auto& seen = in_->check.of(id_).seen;
    if (seen) mark_change(*seen, now);
    in_->check.observe(id_, now);
}

inline void sim_seat::schedule(instant when) {
    if (polling_ || when == never) return;
    when = std::max({when, in_->time.now(), paused_until_});
    if (when >= scheduled_) return;
    scheduled_ = when;
    in_->time.at(when, group(), [this, number = ++wakes_] {
        if (number != wakes_) return;
        if (in_->time.now() < paused_until_) {
            scheduled_ = never;
            return schedule(paused_until_);
        }
        poll();
    });
}

inline void sim_seat::poll() {
    scheduled_ = never;
    if (disk_.crashed()) return sort_out();  // it died in a task of its own
    polling_ = true;
    const instant next = node_->poll(local(in_->time.now()));
    polling_ = false;
    settled_ = next > local(in_->time.now());
    sort_out();
    if (!node_ || next == never) return;
    // Jobs and messages that came up inside the poll may already have asked for an earlier one.
    const duration wait =
        next > local(in_->time.now()) ? next - local(in_->time.now()) : duration{};
    schedule(in_->time.now() + real(wait) + nanoseconds(1000));
}

// After every entry into the node: the checker looks, messages leave, and a process that died in a
// call is buried.
inline void sim_seat::sort_out() {
    if (opened_) look();
    if (opened_ && settled_) {
        in_->check.check_commit(id_);
        if (node_->members() != nullptr) in_->check.check_in_force(id_, *node_->members());
        // At a start a node counts what it restores as applied before the machine has it.
        if (node_->status().phase != node_phase::restoring) in_->check.check_applied(id_);
    }
    std::vector<parcel> leaving = std::exchange(witness_->leaving, {});
    for (const parcel& mail : leaving) {
        in_->log.note(id_.value << 56 ^ static_cast<u64>(in_->time.now().ns));
        if (const envelope* letter = mail.letter()) {
            if (in_->log.in_words())
                in_->say(id_, "-> " + words(letter->peer) + " " + words(letter->body));
            in_->check.sending(id_, *letter);
            mark_sent(letter->body);
            in_->net.send(id_, *letter);
        } else {
            mark_sent(mail.bulk()->body);
            in_->net.send(id_, *mail.bulk());
        }
    }
    if (disk_.crashed()) {
        RAFTKIT_MARK(sim_died_in_a_call);
        return kill(dies_by_, down_for_);
    }
    if (node_ && node_->closed()) stopped(node_->status().stop_cause);
}

}  // namespace testing

RAFTKIT_NAMESPACE_END

#include <raftkit/testing/sim/seat/disk.hpp>
