#pragma once
// A deterministic one-thread cluster of real nodes: the real driver, the real log and the real
// snapshot store on simulated disks and a simulated network. Clients and a nemesis are at work for
// a while (safety phase), then the faults stop, a minority may stay dead, and everybody else must
// come to rest in bounded time (liveness phase).
//
//      cluster(draw_swarm(seed)).run()  ->  run_outcome; the same seed gives the same run, with
//      words if asked
//
// After every step of a node the safety checker has seen its status, its batches, its messages and
// its applied entries.

#include <algorithm>
#include <memory>
#include <unordered_set>

#include <raftkit/testing/check/liveness.hpp>
#include <raftkit/testing/sim/core_cluster.hpp>
#include <raftkit/testing/sim/seat.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

class cluster {
public:
    explicit cluster(const swarm& plan, bool in_words = false)
        : world_(plan, voters_upto(plan.voters), in_words), dice_(plan.seed ^ 0xc1a5) {
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
        nemesis();
        run_until(instant{} + world_.plan.run_for / 2);
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
    sim_seat* somebody();
    void write(sim_seat& at);
    void read(sim_seat& at);
    void ended(asked_write& mine, error why, byte_span reply);
    void ended(asked_read& mine, error why);
    template <class Request, class Prepare>
    void ask(void (sim_node::*how)(Request&) noexcept, sim_seat& at, Prepare prepare);
    void clients();
    void nemesis();
    void end_life(sim_seat& down, death how);
    void break_links();
    void change_members(sim_seat& at);
    void heal();
    template <class Asked>
    void check_answered(const std::vector<std::unique_ptr<Asked>>& all);
    std::vector<observed_node> observed(std::vector<node_status>& into);
    run_outcome report();
    template <class Act>
    void every(duration mean, bool always, Act act);

    static constexpr u64 messages_max = 2'000'000;

    world world_;
    prng dice_;
    std::vector<node_id> all_;
    std::vector<std::unique_ptr<asked_write>> writes_;
    std::vector<std::unique_ptr<asked_read>> reads_;
    std::vector<std::unique_ptr<membership_change>> changes_;
    std::vector<std::unique_ptr<leadership_transfer>> transfers_;
    std::vector<std::unique_ptr<snapshot_ticket>> tickets_;
    std::vector<std::unique_ptr<sim_seat>> seats_;
    std::unordered_set<u64> refused_;  // commands that were said to be certainly not executed
    u64 next_value_ = 0;
    bool quiet_ = false;
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
    options.persist_batches_max = one_of(dice, {1U, 4U});
    made.retained = options.snapshot_fallback || dice.below(2) == 0 ? 2 : 1;
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

template <class Act>
void cluster::every(duration mean, bool always, Act act) {
    if (mean.ns == 0) return;
    const duration wait{static_cast<i64>(1 + dice_.below(static_cast<u64>(mean.ns) * 2))};
    world_.time.after(wait, 0, [this, mean, always, act]() mutable {
        if (!always && !world_.faults) return;
        if (!quiet_) act();
        every(mean, always, act);
    });
}

inline sim_seat* cluster::somebody() {
    std::vector<sim_seat*> up, leaders;
    for (auto& each : seats_) {
        if (!each->up()) continue;
        up.push_back(each.get());
        if (each->node().status().role == role_kind::leader) leaders.push_back(each.get());
    }
    if (up.empty()) return nullptr;
    if (!leaders.empty() && dice_.below(4) != 0) return leaders[dice_.below(leaders.size())];
    return up[dice_.below(up.size())];
}

inline void cluster::write(sim_seat& at) {
    auto mine = std::make_unique<asked_write>();
    mine->home = this;
    mine->at = at.id();
    mine->life = at.life();
    mine->began = world_.clients.begin();
    const u64 padding =
        world_.plan.value_bytes_max == 0 ? 0 : dice_.below(world_.plan.value_bytes_max);
    mine->bytes = register_command(register_op::add, static_cast<u32>(dice_.below(5)),
                                   ++next_value_, static_cast<u32>(padding));
    mine->command = byte_span(mine->bytes);
    if (dice_.below(2) == 0) mine->deadline = instant{never.ns - 1};
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
            if (why.code == errc::reply_lost) return;
            if (reply.size() != 8) return world_.fail(mine.at, "a write without its reply");
            world_.check.acknowledged_command(mine.at, {load_le<u64>(reply.data())}, mine.bytes);
            world_.clients.write_ended(mine.began, {load_le<u64>(reply.data())});
            return;
        case outcome::not_done: refused_.insert(hash_of(mine.bytes)); return;
        case outcome::unknown: return;
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
    every(world_.plan.write_every, true, [this] {
        sim_seat* at = somebody();
        if (at == nullptr) return;
        for (u64 burst = dice_.below(8) == 0 ? dice_.below(20) : 1; burst > 0; --burst) write(*at);
    });
    every(world_.plan.read_every, true, [this] {
        if (sim_seat* at = somebody()) read(*at);
    });
}

}  // namespace testing

RAFTKIT_NAMESPACE_END

#include <raftkit/testing/sim/cluster/phases.hpp>
