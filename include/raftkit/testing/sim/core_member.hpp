#pragma once
// One node of the bare-core simulation: a core::consensus, a disk that is late, a machine, a shelf
// of snapshots and the clients that talk to it. It does with effects whatever a host is allowed to
// do: the kinds in any order, slowly, or only some of them before the process dies.
//
//   network, clients, timers -> input() -> core -> effects -> disk queue, machine queue, wire,
//   snapshots
//                                  ^                              |
//                                  +------- completions ----------+
//
// Only the disk and the shelf outlive a crash.

#include <array>
#include <deque>
#include <memory>
#include <optional>

#include <raftkit/core/consensus.hpp>
#include <raftkit/core/invariants.hpp>
#include <raftkit/testing/sim/core_disk.hpp>
#include <raftkit/testing/sim/world.hpp>
#include <raftkit/testing/words.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

struct shelved_snapshot {
    snapshot_meta meta;
    register_state state;
};

class core_member {
public:
    using finder = core_member* (*)(void* cluster, node_id id);

    core_member(world& in, node_id id, const configuration* bootstrap, void* cluster, finder find);

    node_id id() const noexcept { return id_; }
    bool up() const noexcept { return core_ != nullptr; }
    const core::status& status() const noexcept { return core_->status(); }
    const core_disk& disk() const noexcept { return disk_; }
    const configuration& members() const noexcept { return core_->members(); }
    index_t applied() const noexcept { return applied_; }
    u64 incarnation() const noexcept { return incarnation_; }
    u64 installs() const noexcept { return installs_; }
    const shelved_snapshot* shelved(snapshot_id id) const noexcept;

    void start();
    void crash();
    void pause(duration how_long) { paused_until_ = in_->time.now() + how_long; }

    // --- clients; requires up()
    void write(u32 key, u64 value, u32 padding);
    void read();
    void transfer(node_id to);
    void change(const configuration& next);
    void capture();

private:
    struct pending_write {
        term_t term;
        index_t began;
    };
    struct pending_read {
        request_id id;
        index_t began, at;
        bool ready = false;
    };
    using machine_item = std::variant<run_view, restore_snapshot>;
    struct shipment {
        index_t at_least;
        u64 number = 0;
    };
    struct accepting {
        accept_snapshot what;
        u32 tries = 0;
        bool stored = false;
    };

    u64 group() const noexcept { return id_.value << 32 | life_; }
    instant local_now() const noexcept {
        const i64 now = in_->time.now().ns;
        return {now + clock_ahead_ + now / 1'000'000 * drift_ppm_};
    }
    // Runs in this life, and not while the process is paused.
    template <class Run>
    void later(duration delay, Run run);
    // Everything that enters the core goes through here.
    template <class Run>
    void input(Run run);
    // Completions reach the core in order, whenever.
    template <class Run>
    void post(Run run);
    void flush();
    void schedule_wake();
    void receive(parcel&& mail);

    void do_disk(effects& batch);
    void do_wire(effects& batch);
    void do_machine(effects& batch);
    void do_rare(effects& batch);
    void schedule_disk();
    void work_disk();
    void schedule_machine();
    void work_machine();
    void apply(const run_view& entries);
    void finish_write(index_t at, term_t term);
    void serve_reads();
    void check_invariants();

    // --- snapshots: sim/core_member/snapshots.hpp
    void do_snapshot(snapshot_effect& asked);
    void save(shelved_snapshot made);
    void publish(shelved_snapshot made);
    void compact();
    void offer(node_id to, u64 number);
    void fetch(snapshot_id id);
    void drop_leftovers();
    void fill(snapshot_id id);
    void restore(snapshot_id id);
    void settle();
    shelved_snapshot* find_shelved(snapshot_id id) noexcept;

    world* in_;
    node_id id_;
    void* cluster_;
    finder find_;
    u64 incarnation_;
    u64 life_ = 0;
    i64 clock_ahead_ = 0, drift_ppm_ = 0;
    instant paused_until_, wake_at_ = never;
    u64 wakes_ = 0;

    core_disk disk_;                       // durable
    std::vector<shelved_snapshot> shelf_;  // durable, rising

    std::unique_ptr<core::consensus> core_;
    std::optional<core::invariants::memory> remembered_;  // in this life
    bool flushing_ = false;
    bool disk_scheduled_ = false, machine_scheduled_ = false;
    std::deque<machine_item> machine_queue_;
    register_state state_;
    index_t applied_;
    flat_map<index_t, pending_write> writes_;
    std::vector<pending_read> reads_;
    u64 next_request_ = 0;
    flat_map<node_id, shipment> shipping_;
    u64 shipments_ = 0;
    std::optional<accepting> accepting_;
    bool capturing_ = false;
    u64 installs_ = 0;
    std::deque<std::unique_ptr<core_disk::finished>> completions_;
};

inline core_member::core_member(world& in, node_id id, const configuration* bootstrap,
                                void* cluster, finder find)
    : in_(&in), id_(id), cluster_(cluster), find_(find), incarnation_(id.value * 65536 + 1) {
    if (bootstrap != nullptr) disk_.image().base = {{}, *bootstrap};
    const i64 drift = in.plan.clock_drift_ppm;
    clock_ahead_ = static_cast<i64>(in.dice.below(10'000'000'000));
    drift_ppm_ = drift == 0 ? 0 : static_cast<i64>(in.dice.below(static_cast<u64>(drift)));
}

template <class Run>
void core_member::later(duration delay, Run run) {
    in_->time.after(delay, group(), [this, run = std::move(run)]() mutable {
        if (in_->time.now() < paused_until_) {
            return later(paused_until_ - in_->time.now(), std::move(run));
        }
        run();
    });
}

template <class Run>
void core_member::input(Run run) {
    RAFTKIT_ASSERT(core_ != nullptr);
    RAFTKIT_ASSERT(!flushing_);
    core_->advance(local_now());
    run(*core_);
    flush();
    if (core_ != nullptr) schedule_wake();
}

template <class Run>
void core_member::post(Run run) {
    later(drawn(in_->dice, {}, microseconds(300)),
          [this, run = std::move(run)]() mutable { input(std::move(run)); });
}

inline void core_member::start() {
    ++life_;
    core::recovered found = recovered_from(disk_.image());
    if (life_ > 1) in_->check.recovered(id_, found.hard, found.base.at, found.last);
    in_->check.started(id_);
    state_ = {};
    applied_ = {};
    snapshot_id opening;
    if (!shelf_.empty()) {
        found.snapshot = shelf_.back().meta;
        const core::start_plan plan = core::reconcile(found);
        if (plan.action == core::start_action::damaged) return in_->fail(id_, plan.why);
        state_ = shelf_.back().state;
        applied_ = found.snapshot->id.at.index;
        in_->check.restored(id_, found.snapshot->id.at);
        opening = found.snapshot->id;
    }
    if (in_->log.in_words()) in_->say(id_, "starts with last " + words(found.last));
    core::options numbers = in_->plan.numbers;
    numbers.first_start_trusted = in_->plan.trusted_start;
    const identity who{1, 1, id_, incarnation_};
    core_ = std::make_unique<core::consensus>(who, numbers, std::move(found), in_->dice.next());
    in_->net.attach(id_, {this,
                          [](void* self, parcel&& mail) {
                              static_cast<core_member*>(self)->receive(std::move(mail));
                          },
                          incarnation_});
    paused_until_ = {};
    wake_at_ = never;
    input([](core::consensus&) {});
    if (!up() || !opening.at.index) return;
    later(drawn(in_->dice, {}, milliseconds(200)), [this, opening] {
        input([opening](core::consensus& core) { core.snapshot_restored(opening); });
    });
}

inline void core_member::crash() {
    if (in_->log.in_words()) in_->say(id_, "crashes");
    in_->time.drop(group());
    in_->net.detach(id_);
    in_->check.crashed(id_);
    // Some of what was under way reached the disk all the same.
    disk_.crash(in_->dice.below(disk_.waiting() + 1));
    if (disk_.damage() != nullptr) in_->fail(id_, disk_.damage());
    machine_queue_.clear();
    core_.reset();
    remembered_.reset();
    disk_scheduled_ = machine_scheduled_ = flushing_ = capturing_ = false;
    writes_.clear();
    reads_.clear();
    shipping_.clear();
    accepting_.reset();
    completions_.clear();
}

inline void core_member::schedule_wake() {
    const instant due = core_->deadline();
    if (due == never || due >= wake_at_) return;
    wake_at_ = due;
    const instant now = local_now();
    const duration wait = due > now ? duration{(due - now).ns + 1000} : duration{};
    later(wait, [this, number = ++wakes_] {
        if (number != wakes_) return;  // an earlier one was asked for since
        wake_at_ = never;
        input([](core::consensus&) {});
    });
}

inline void core_member::receive(parcel&& mail) {
    // A paused process gets its mail later.
    later({}, [this, mail = std::move(mail)]() mutable {
        const envelope* letter = mail.letter();
        if (letter == nullptr) return;
        if (in_->log.in_words())
            in_->say(id_, "<- " + words(letter->peer) + " " + words(letter->body));
        input([letter](core::consensus& core) { core.receive(*letter); });
    });
}

inline void core_member::flush() {
    flushing_ = true;
    in_->check.observe(id_, core_->status());
    while (in_->ok() && core_->has_effects()) {
        effects& batch = core_->take_effects();
        in_->check.observe(id_, core_->status());
        if ((batch.has & effects::persisting) != 0) {
            if (in_->log.in_words()) in_->say(id_, words(batch.persist));
            in_->check.persisting(id_, batch.persist);
        }
        in_->check.check_commit(id_);
        in_->check.check_in_force(id_, core_->members());
        std::array<void (core_member::*)(effects&), 4> kinds = {
            &core_member::do_disk, &core_member::do_wire, &core_member::do_machine,
            &core_member::do_rare};
        for (std::size_t left = kinds.size(); left > 1; --left) {
            std::swap(kinds[left - 1], kinds[in_->dice.below(left)]);
        }
        for (auto kind : kinds) {
            if (in_->faults && in_->plan.crash_every.ns != 0 && in_->dice.chance(30)) {
                crash();  // between two kinds of one batch
                return;
            }
            (this->*kind)(batch);
        }
    }
    flushing_ = false;
    check_invariants();
    settle();
}

// The core's own opinion of itself, at rest and since the last time.
inline void core_member::check_invariants() {
    if (!in_->ok()) return;
    if (const char* broken = core::invariants::check(*core_)) return in_->fail(id_, broken);
    if (remembered_) {
        const char* broken = core::invariants::check_delta(*remembered_, *core_);
        if (broken != nullptr) return in_->fail(id_, broken);
    }
    remembered_ = core::invariants::remember(*core_);
}

inline void core_member::write(u32 key, u64 value, u32 padding) {
    const std::vector<std::byte> body = register_command(register_op::add, key, value, padding);
    const index_t began = in_->clients.begin();
    input([&](core::consensus& core) {
        const result<log_id> made = core.propose(entry_kind::command, byte_span(body));
        if (made) writes_[made->index] = {made->term, began};
    });
}

inline void core_member::read() {
    const request_id id{++next_request_};
    const index_t began = in_->clients.begin();
    reads_.push_back({id, began, {}, false});
    input([&](core::consensus& core) {
        const bool lease = in_->plan.lease_reads && in_->dice.below(2) == 0;
        if (!core.read(id, lease)) {
            std::erase_if(reads_, [id](const pending_read& each) { return each.id == id; });
        }
    });
}

inline void core_member::transfer(node_id to) {
    input([to](core::consensus& core) { (void)core.transfer_to(to); });
}

inline void core_member::change(const configuration& next) {
    if (in_->log.in_words()) in_->say(id_, "change to " + words(next));
    input([&next](core::consensus& core) { (void)core.change_members(next); });
}

}  // namespace testing

RAFTKIT_NAMESPACE_END

#include <raftkit/testing/sim/core_member/effects.hpp>
#include <raftkit/testing/sim/core_member/snapshots.hpp>
