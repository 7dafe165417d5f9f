#pragma once
// A deterministic one-thread cluster of real nodes: the real driver, the real log and the real
// snapshot store on simulated disks and a simulated network. Clients are at work while a plan of
// faults is carried out (safety phase), then the faults stop, a minority may stay dead, and
// everybody else must come to rest in bounded time (liveness phase).
//
//      cluster(draw_swarm(seed)).run()  ->  run_outcome; the same seed gives the same run, with
//      words if asked
//      cluster(swarm, admit(swarm, actions)).run()  ->  the same with a plan of one's own
//
// Three sources of chance: the clients' dice, the plan (drawn before), and the dice of the world
// and of each life. The plan's actions are no tasks of the scheduler, whose ties are drawn. After
// every step of a node the safety checker has seen its status, its batches, its messages and its
// applied entries.

#include <algorithm>
#include <memory>
#include <optional>
#include <set>

#include <raftkit/testing/check/liveness.hpp>
#include <raftkit/testing/sim/core_cluster.hpp>
#include <raftkit/testing/sim/nemesis.hpp>
#include <raftkit/testing/sim/seat.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

class cluster {
public:
    explicit cluster(const swarm& plan, bool in_words = false)
        : cluster(plan, draw_faults(plan), in_words) {}
    cluster(const swarm& plan, fault_plan faults, bool in_words)
        : world_(plan, voters_upto(plan.voters), in_words), faults_(std::move(faults)) {
        for (u64 id = 1; id <= plan.voters + plan.spares; ++id) {
            all_.push_back({id});
            seats_.push_back(std::make_unique<sim_seat>(world_, node_id{id}, draw_seat(id)));
        }
    }
    ~cluster() { seats_.clear(); }  // before the operations that they know

    std::size_t tail_lines = 150;

    run_outcome run() {
        for (auto& each : seats_) {
            if (world_.ok()) each->start();
        }
        clients();
        under_faults();
        if (world_.ok()) heal();
        return report();
    }

private:
    struct asked_write : proposal {
        cluster* home = nullptr;
        node_id at;
        u64 life = 0;  // of its node: with it dies the answer
        bool over = false;
        index_t began;
        std::vector<std::byte> bytes;
    };
    struct asked_read : operation {
        cluster* home = nullptr;
        node_id at;
        u64 life = 0;
        bool over = false;
        index_t began;
    };

    sim_seat& seat(node_id id) { return *seats_[id.value - 1]; }
    seat_plan draw_seat(u64 id) const;
    void run_until(instant until);
    sim_seat* somebody(prng& dice);
    void write(sim_seat& at, prng& dice);
    void read(sim_seat& at);
    void ended(asked_write& mine, error why, byte_span reply);
    void ended(asked_read& mine, error why);
    template <class Request, class Prepare>
    void ask(void (sim_node::*how)(Request&) noexcept, sim_seat& at, Prepare prepare);
    void clients();
    template <class Act>
    void client(u64 number, duration mean, Act act);
    void heal();
    void bury_some();
    void come_to_rest(duration bound);
    template <class Asked>
    void check_answered(const std::vector<std::unique_ptr<Asked>>& all);
    std::vector<observed_node> observed(std::vector<node_status>& into);
    run_outcome report();

    // --- the nemesis: sim/cluster/perform.hpp
    void under_faults();
    sim_seat* seat_of(aim whom);
    node_id id_of(aim whom);
    std::optional<configuration> changed(const fault::change& asked, sim_seat& at);
    void perform(const fault::kill& what);
    void perform(const fault::kill_in_call& what);
    void perform(const fault::blackout& what);
    void perform(const fault::restart& what);
    void perform(const fault::pause& what);
    void perform(const fault::clock& what);
    void perform(const fault::split& what);
    void perform(const fault::isolate& what);
    void perform(const fault::ring&) { world_.net.ring(all_); }
    void perform(const fault::bridge& what) { world_.net.bridge(all_, id_of(what.middle)); }
    void perform(const fault::cut& what);
    void perform(const fault::slow& what);
    void perform(const fault::join&) { world_.net.join_all(); }
    void perform(const fault::weather& what) { world_.net.faults = what.wire; }
    void perform(const fault::transfer& what);
    void perform(const fault::change& what);
    void perform(const fault::snapshot& what);
    void perform(const fault::disk& what);

    static constexpr u64 messages_max = 2'000'000;

    world world_;
    fault_plan faults_;
    std::vector<node_id> all_;
    std::vector<std::unique_ptr<asked_write>> writes_;
    std::vector<std::unique_ptr<asked_read>> reads_;
    std::vector<std::unique_ptr<membership_change>> changes_;
    std::vector<std::unique_ptr<leadership_transfer>> transfers_;
    std::vector<std::unique_ptr<snapshot_ticket>> tickets_;
    std::vector<std::unique_ptr<sim_seat>> seats_;
    std::set<u64> refused_;  // commands that were said to be certainly not executed
    u64 next_value_ = 0;
    bool quiet_ = false;
    i64 rest_between_ = 1;  // times the clients' means
    run_outcome counted_;
};

inline seat_plan cluster::draw_seat(u64 id) const {
    prng dice(world_.plan.seed * 131 + id);
    seat_plan made;
    node_options& options = made.options;
    static_cast<core::options&>(options) = world_.plan.numbers;
    options.cluster_name = "sim";
    options.first_start = world_.plan.trusted_start ? start_rule::trusted : start_rule::all;
    options.lease_reads = world_.plan.lease_reads;
    options.snapshot_chunk_bytes = 4096;
    options.snapshot_window_chunks = one_of(dice, {1U, 2U, 8U});
    options.snapshot_initial_credit = one_of(dice, {0U, 1U, 8U});
    options.snapshot_lease = seconds(5);
    options.snapshot_fallback = dice.below(2) == 0;
    options.snapshot_verify_published = dice.below(4) == 0;
    options.snapshot_backoff_min = milliseconds(50);
    options.snapshot_backoff_max = seconds(1);
    options.snapshot_free_min = 0;
    options.snapshot_staging_ttl = world_.plan.staging_ttl;
    made.numbers.snapshot_every = world_.plan.snapshot_every;
    made.numbers.trailing = world_.plan.trailing;
    made.numbers.persist_batches_max = one_of(dice, {1U, 4U});
    made.numbers.inflight_messages_max = options.inflight_messages_max;
    made.numbers.apply_batch_entries_max = options.apply_batch_entries_max;
    made.numbers.retained = options.snapshot_fallback || dice.below(2) == 0 ? 2 : 1;
    const configuration list = voters_upto(world_.plan.voters);
    options.who.cluster = cluster_id_of("sim", list);
    if (id <= world_.plan.voters) options.bootstrap = list;
    return made;
}

inline void cluster::run_until(instant until) {
    while (world_.ok() && world_.time.next_at() <= until) {
        world_.time.step();
        if (world_.net.sent > messages_max) world_.fail({}, "a storm of messages");
    }
    if (world_.ok()) world_.time.run_until(until);
}

// One request after another; each has dice of its own, so that what a fault does to one request
// does not change what the next one asks for.
template <class Act>
void cluster::client(u64 number, duration mean, Act act) {
    if (mean.ns == 0) return;
    prng dice(world_.plan.seed * 0x9e3779b97f4a7c15ULL ^ number);
    const duration wait{static_cast<i64>(1 + dice.below(static_cast<u64>(mean.ns) * 2))};
    world_.time.after(wait * rest_between_, 0, [this, number, mean, act, dice]() mutable {
        if (!quiet_) act(dice);
        client(number + 2, mean, act);
    });
}

inline sim_seat* cluster::somebody(prng& dice) {
    std::vector<sim_seat*> up, leaders;
    for (auto& each : seats_) {
        if (!each->up()) continue;
        up.push_back(each.get());
        if (each->node().status().role == role_kind::leader) leaders.push_back(each.get());
    }
    if (up.empty()) return nullptr;
    if (!leaders.empty() && dice.below(4) != 0) return leaders[dice.below(leaders.size())];
    return up[dice.below(up.size())];
}

inline void cluster::write(sim_seat& at, prng& dice) {
    auto mine = std::make_unique<asked_write>();
    mine->home = this;
    mine->at = at.id();
    mine->life = at.life();
    mine->began = world_.clients.begin();
    const u64 padding =
        world_.plan.value_bytes_max == 0 ? 0 : dice.below(world_.plan.value_bytes_max);
    mine->bytes = register_command(register_op::add, static_cast<u32>(dice.below(5)), ++next_value_,
                                   static_cast<u32>(padding));
    mine->command = byte_span(mine->bytes);
    if (dice.below(2) == 0) mine->deadline = instant{never.ns - 1};
    mine->finish = [](operation& self, error why, byte_span reply) noexcept {
        auto& ended = static_cast<asked_write&>(self);
        ended.home->ended(ended, why, reply);
    };
    at.node().propose(static_cast<proposal&>(*mine));
    writes_.push_back(std::move(mine));
    at.nudge();
}

inline void cluster::ended(asked_write& mine, error why, byte_span reply) {
    mine.over = true;
    if (seat(mine.at).disk().crashed()) return;  // nobody hears a dead process
    switch (outcome_of(why.code)) {
        case outcome::done:
            if (why.code == errc::reply_lost) {
                RAFTKIT_MARK(sim_reply_lost);
                return;
            }
            if (reply.size() != 8) return world_.fail(mine.at, "a write without its reply");
            world_.check.acknowledged_command(mine.at, {load_le<u64>(reply.data())}, mine.bytes);
            world_.clients.write_ended(mine.began, {load_le<u64>(reply.data())});
            return;
        case outcome::not_done:
            RAFTKIT_MARK(sim_write_refused);
            refused_.insert(hash_of(mine.bytes));
            return;
        case outcome::unknown: RAFTKIT_MARK(sim_write_unknown); return;
    }
}

inline void cluster::read(sim_seat& at) {
    auto mine = std::make_unique<asked_read>();
    mine->home = this;
    mine->at = at.id();
    mine->life = at.life();
    mine->began = world_.clients.begin();
    mine->finish = [](operation& self, error why, byte_span) noexcept {
        auto& ended = static_cast<asked_read&>(self);
        ended.home->ended(ended, why);
    };
    at.node().read(*mine);
    reads_.push_back(std::move(mine));
    at.nudge();
}

inline void cluster::ended(asked_read& mine, error why) {
    mine.over = true;
    sim_seat& at = seat(mine.at);
    if (why) RAFTKIT_MARK(sim_read_refused);
    if (why || at.disk().crashed()) return;
    world_.clients.read_ended(mine.began, at.node().machine().state().at.index);
}

template <class Request, class Prepare>
void cluster::ask(void (sim_node::*how)(Request&) noexcept, sim_seat& at, Prepare prepare) {
    auto mine = std::make_unique<Request>();
    mine->finish = [](operation&, error, byte_span) noexcept {};
    prepare(*mine);
    (at.node().*how)(*mine);
    at.nudge();
    if constexpr (std::is_same_v<Request, membership_change>)
        changes_.push_back(std::move(mine));
    else if constexpr (std::is_same_v<Request, leadership_transfer>)
        transfers_.push_back(std::move(mine));
    else
        tickets_.push_back(std::move(mine));
}

inline void cluster::clients() {
    client(0, world_.plan.write_every, [this](prng& dice) {
        sim_seat* at = somebody(dice);
        if (at == nullptr) return;
        for (u64 burst = dice.below(8) == 0 ? dice.below(20) : 1; burst > 0; --burst) {
            write(*at, dice);
        }
    });
    client(1, world_.plan.read_every, [this](prng& dice) {
        if (sim_seat* at = somebody(dice)) read(*at);
    });
}

}  // namespace testing

RAFTKIT_NAMESPACE_END

#include <raftkit/testing/sim/cluster/perform.hpp>

#include <raftkit/testing/sim/cluster/phases.hpp>
