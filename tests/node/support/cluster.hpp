#pragma once
// Nodes of one cluster on one thread and in virtual time: manual drives, an in-process hub, disks
// and shelves that survive a restart. Operations remember how they ended, and that they ended once.

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <raftkit/node/drive/manual.hpp>
#include <raftkit/node/node.hpp>
#include <raftkit/snapshot/store/memory.hpp>
#include <raftkit/testing/machine/register_map.hpp>
#include <raftkit/transport/inproc.hpp>

#include <node/support/plain_storage.hpp>

namespace node_tests {

using namespace raftkit;

// Hears everything that a test asks about.
struct witness {
    std::vector<role_changed> roles;
    std::vector<node_phase> phases;
    std::vector<index_t> commits;
    u64 applied_batches = 0, published = 0, restored = 0, shipped = 0, failed = 0, damaged = 0;
    u64 sent = 0;  // messages
    index_t compacted_to, offered_first;  // the latter: of the last offer that left
    error stop_cause;
    bool was_stopped = false;
};
struct listener {
    witness* to = nullptr;
    void on(const role_changed& what) noexcept { to->roles.push_back(what); }
    void on(const phase_changed& what) noexcept { to->phases.push_back(what.to); }
    void on(const committed& what) noexcept { to->commits.push_back(what.upto); }
    void on(const apply_batch&) noexcept { ++to->applied_batches; }
    void on(const snapshot_published&) noexcept { ++to->published; }
    void on(const snapshot_restored&) noexcept { ++to->restored; }
    void on(const snapshot_shipped&) noexcept { ++to->shipped; }
    void on(const snapshot_failed&) noexcept { ++to->failed; }
    void on(const compacted& what) noexcept { to->compacted_to = what.first; }
    void on(const damage_found&) noexcept { ++to->damaged; }
    void on(const stopped& what) noexcept {
        to->stop_cause = what.why;
        to->was_stopped = true;
    }
};
// Lets a peer in from the directory alone that the door was told.
template <class Door, class Sink>
struct doorman {
    template <class Mail>
    void operator()(const Mail& mail) noexcept {
        const auto bound = door->known.find(mail.peer.value);
        const bool stranger =
            bound != door->known.end() && bound->second >> 16 != mail.incarnation >> 16;
        stranger ? void(++door->refused) : (*inside)(mail);
    }
    void operator()(peer_state seen) noexcept { (*inside)(seen); }
    Door* door;
    Sink* inside;
};
// Hears what leaves, and lets a peer in from the directory alone that it was told, as TCP does.
struct heard_transport : inproc_transport {
    heard_transport(inproc_hub& hub, witness& by) : inproc_transport(hub), to(&by) {}
    using inproc_transport::send;
    void send(const envelope& mail) noexcept {
        ++to->sent;
        if (const auto* offer = std::get_if<snapshot_offer>(&mail.body))
            to->offered_first = offer->first;
        inproc_transport::send(mail);
    }
    void know(node_id peer, u64 incarnation) noexcept {
        if (incarnation == 0) {
            known.erase(peer.value);
        } else {
            known[peer.value] = incarnation;
        }
    }
    void members(const configuration& now) noexcept {
        for (const member& each : now.members) {
            if (each.incarnation != 0) know(each.id, each.incarnation);
        }
    }
    template <class Sink>
    void drain(Sink& sink) noexcept {
        doorman<heard_transport, Sink> judge{this, &sink};
        inproc_transport::drain(judge);
    }
    void distrust(node_id peer) noexcept { distrusted.push_back(peer); }
    witness* to;
    std::vector<node_id> distrusted;
    std::map<u64, u64> known;
    u64 refused = 0;
};
struct test_policies : manual_policies {
    trigger::manual trigger{};
    compaction::trailing compaction{.entries = 10, .bytes = 1u << 30};
    throttle::none throttle{};
    listener observer{};
};

using test_node =
    node<plain_storage, heard_transport, testing::register_map, memory_snapshots, test_policies>;

// A request with a memory.
template <class Request>
struct asked : Request {
    asked() : Request(&asked::end) {}
    static void end(operation& self, error why, byte_span bytes) noexcept {
        asked& mine = static_cast<asked&>(self);
        ++mine.ends;
        mine.how = why;
        mine.reply = as_text(bytes);
    }
    bool done() const { return ends != 0; }
    bool ok() const { return ends == 1 && !how; }
    int ends = 0;
    error how;
    std::string reply;
};

struct set_command : asked<proposal> {
    set_command(u32 key, u64 value)
        : bytes(testing::register_command(testing::register_op::set, key, value)) {
        command = byte_span(bytes);
    }
    std::vector<std::byte> bytes;
};

inline configuration voters(std::initializer_list<u64> ids) {
    configuration made;
    for (const u64 id : ids)
        made.members.push_back({{id}, member_role::voter, member_role::none, 0, ""});
    return made;
}

// Where a machine works when a test says so, as a thread of its own would: late.
struct apply_gate {
    bool closed = false;
    operation* waiting = nullptr;
    void open() {
        closed = false;
        if (operation* job = std::exchange(waiting, nullptr)) job->finish(*job, {}, {});
    }
};
struct gated_executor {
    apply_gate* gate = nullptr;
    void run(operation& job) noexcept {
        if (gate->closed) return void(gate->waiting = &job);
        job.finish(job, {}, {});
    }
};
struct gated_policies : test_policies {
    gated_executor apply_on{};
};

template <class Policies>
class basic_cluster {
public:
    using node_type = raftkit::node<plain_storage, heard_transport, testing::register_map,
                                    memory_snapshots, Policies>;
    struct seat {
        apply_gate gate;
        plain_disk disk;
        memory_snapshots shelf;
        witness heard;
        node_options options;
        std::unique_ptr<node_type> up;
        std::unique_ptr<drive::manual<node_type>> drive;
    };

    explicit basic_cluster(u64 count, void (*adjust)(node_options&) = nullptr) : seats_(count) {
        configuration all;
        for (u64 id = 1; id <= count; ++id) all.members.push_back(voters({id}).members[0]);
        for (u64 id = 1; id <= count; ++id) {
            node_options& options = at(id).options;
            options.who.self = {id};
            options.bootstrap = all;
            options.seed = id;
            if (adjust != nullptr) adjust(options);
        }
    }

    seat& at(u64 id) { return seats_[id - 1]; }
    node_type& node(u64 id) { return *at(id).up; }
    node_status status(u64 id) { return node(id).status(); }
    const std::map<u32, u64>& values(u64 id) { return node(id).machine().state().values; }

    result<void> start(u64 id) {
        seat& one = at(id);
        Policies rules;
        rules.observer.to = &one.heard;
        if constexpr (requires { rules.apply_on.gate; }) rules.apply_on.gate = &one.gate;
        one.up = std::make_unique<node_type>(one.options, plain_storage(one.disk),
                                             heard_transport(hub, one.heard),
                                             testing::register_map{}, one.shelf, std::move(rules));
        one.drive = std::make_unique<drive::manual<node_type>>(*one.up);
        const result<void> opened = one.drive->open();
        if (opened) check_order(one.up->status());
        return opened;
    }
    void start_all() {
        for (u64 id = 1; id <= seats_.size(); ++id) REQUIRE(start(id).why().code == errc::ok);
    }
    // As a power cut: nothing is closed.
    void crash(u64 id) {
        at(id).drive.reset();
        at(id).up.reset();
    }

    void poll() {
        for (seat& each : seats_) {
            if (each.up == nullptr) continue;
            each.drive->poll(now);
            check_order(each.up->status());
        }
    }
    // What anybody may rely on, whenever he asks.
    static void check_order(const node_status& seen) {
        const bool ordered = seen.snapshot <= seen.applied && seen.applied <= seen.commit &&
                             seen.newest_snapshot.at.index <= seen.applied &&
                             seen.first <= seen.newest_snapshot.at.index.next();
        if (!ordered) {
            FAIL_CHECK("snapshot " << seen.newest_snapshot.at.index.value << " applied "
                                   << seen.applied.value << " commit " << seen.commit.value
                                   << " first " << seen.first.value << " phase "
                                   << int(seen.phase));
        }
    }
    // A millisecond at a time, until `enough` or for `most`.
    template <class Enough>
    bool run_until(Enough&& enough, duration most = seconds(20)) {
        for (const instant end = now + most; now < end; now = now + milliseconds(1)) {
            poll();
            if (enough()) return true;
        }
        return false;
    }
    void run(duration time) {
        run_until([] { return false; }, time);
    }
    // 0: none serves.
    u64 leader() {
        for (u64 id = 1; id <= seats_.size(); ++id) {
            if (at(id).up != nullptr && status(id).serving_reads) return id;
        }
        return 0;
    }
    u64 elect() {
        REQUIRE(run_until([&] { return leader() != 0; }));
        return leader();
    }
    u64 follower() {
        for (u64 id = 1; id <= seats_.size(); ++id) {
            if (at(id).up != nullptr && id != leader()) return id;
        }
        return 0;
    }
    error set(u32 key, u64 value) {
        set_command wish(key, value);
        node(leader()).propose(wish);
        REQUIRE(run_until([&] { return wish.done(); }));
        return wish.how;
    }
    void cut_off(u64 id, bool lost = true) {
        for (u64 other = 1; other <= seats_.size(); ++other) {
            if (other == id) continue;
            hub.cut({id}, {other}, lost);
            hub.cut({other}, {id}, lost);
        }
    }

    instant now{seconds(1).ns};
    inproc_hub hub;

private:
    std::vector<seat> seats_;
};
using cluster = basic_cluster<test_policies>;

}  // namespace node_tests
