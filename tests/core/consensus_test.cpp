// The core alone, three of them, with disks that are done at once: the smallest thing that is Raft.
#include <raftkit/core/invariants.hpp>

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>

using namespace raftkit;

namespace {

configuration three_voters() {
    configuration members;
    for (u64 id = 1; id <= 3; ++id) {
        member each;
        each.id = {id};
        members.members.push_back(each);
    }
    return members;
}

struct mail {
    envelope body;
    run held;  // keeps the bytes that the message lends
};

// Delivers everything, persists at once, applies at once.
struct trio {
    std::map<u64, std::unique_ptr<core::consensus>> nodes;
    std::map<u64, std::vector<std::string>> applied;
    std::map<u64, std::vector<read_ready>> reads;
    std::deque<std::pair<u64, mail>> wire;  // to, message
    instant now{};
    u64 cut_off = 0;

    explicit trio(u32 voters = 3) {
        for (u64 id = 1; id <= voters; ++id) {
            core::recovered found;
            found.base.members = three_voters();
            found.base.members.members.resize(voters);
            found.peers.joined = true;
            nodes[id] = std::make_unique<core::consensus>(identity{7, 1, {id}, 0}, core::options{},
                                                          std::move(found), id);
        }
    }
    void carry_out(u64 id) {
        core::consensus& node = *nodes[id];
        while (node.has_effects()) {
            effects& out = node.take_effects();
            if (out.has & effects::sending) {
                for (const envelope& each : out.send) {
                    mail sent{each, {}};
                    sent.body.peer = {id};
                    if (auto* request = std::get_if<append_request>(&sent.body.body);
                        request && request->entries.count) {
                        sent.held = run(request->entries);
                    }
                    wire.emplace_back(each.peer.value, std::move(sent));
                }
            }
            const ticket done = out.has & effects::persisting ? out.persist.id : ticket{};
            index_t last;
            if (out.has & effects::applying) {
                for (const run_view& range : out.apply) {
                    for (const entry_view entry : range) {
                        if (entry.kind == entry_kind::command)
                            applied[id].emplace_back(as_text(entry.body));
                    }
                    last = range.last();
                }
            }
            if (out.has & effects::reading) {
                for (const read_ready& each : out.reads) reads[id].push_back(each);
            }
            if (done) node.persisted(done);
            if (last) node.applied(last);
            const char* broken = core::invariants::check(node);
            CHECK_MESSAGE(broken == nullptr, broken);
        }
    }
    void settle() {
        for (auto& [id, node] : nodes) carry_out(id);
        while (!wire.empty()) {
            auto [to, next] = std::move(wire.front());
            wire.pop_front();
            if (to == cut_off || next.body.peer.value == cut_off) continue;
            nodes[to]->receive(next.body);
            carry_out(to);
        }
    }
    void pass(duration time) {
        const instant until = now + time;
        while (now < until) {
            now = now + milliseconds(10);
            for (auto& [id, node] : nodes) node->advance(now);
            settle();
        }
    }
    u64 leader() {
        for (auto& [id, node] : nodes) {
            if (node->leads() && id != cut_off) return id;
        }
        return 0;
    }
};

}  // namespace

TEST_CASE("three nodes elect one leader, commit and apply the same commands") {
    trio cluster;
    cluster.pass(seconds(5));
    const u64 leader = cluster.leader();
    REQUIRE(leader != 0);
    for (int k = 0; k < 100; ++k) {
        CHECK(
            cluster.nodes[leader]->propose(entry_kind::command, as_bytes("c" + std::to_string(k))));
        if (k % 7 == 0) cluster.settle();
    }
    cluster.pass(seconds(1));
    for (u64 id = 1; id <= 3; ++id) {
        REQUIRE(cluster.applied[id].size() == 100);
        CHECK(cluster.applied[id].back() == "c99");
        CHECK(cluster.nodes[id]->status().commit == index_t{101});
    }
    CHECK(cluster.nodes[leader]->status().uncommitted_bytes == 0);  // known bug 26
}

TEST_CASE("a single voter elects itself and commits without messages") {
    trio alone(1);
    alone.pass(seconds(3));
    REQUIRE(alone.leader() == 1);
    CHECK(alone.nodes[1]->propose(entry_kind::command, as_bytes("x")));
    alone.settle();
    CHECK(alone.applied[1] == std::vector<std::string>{"x"});
}

TEST_CASE("a read on the leader is served after a round; on a follower it is refused") {
    trio cluster;
    cluster.pass(seconds(5));
    const u64 leader = cluster.leader();
    REQUIRE(leader != 0);
    REQUIRE(cluster.nodes[leader]->read({42}, false));
    cluster.settle();
    REQUIRE(cluster.reads[leader].size() == 1);
    CHECK(cluster.reads[leader][0].id == request_id{42});
    CHECK(!cluster.reads[leader][0].status);
    const u64 follower = leader % 3 + 1;
    CHECK(cluster.nodes[follower]->read({1}, false).why().code == errc::not_leader);
}

TEST_CASE("the cluster goes on without its leader, and the old leader comes back as a follower") {
    trio cluster;
    cluster.pass(seconds(5));
    const u64 old_leader = cluster.leader();
    REQUIRE(old_leader != 0);
    cluster.cut_off = old_leader;
    CHECK(cluster.nodes[old_leader]->propose(entry_kind::command, as_bytes("lost")));
    cluster.pass(seconds(8));
    const u64 next = cluster.leader();
    REQUIRE(next != 0);
    CHECK_FALSE(cluster.nodes[old_leader]->leads());  // check quorum, scenario A9
    CHECK(cluster.nodes[next]->propose(entry_kind::command, as_bytes("kept")));
    cluster.pass(seconds(1));
    cluster.cut_off = 0;
    cluster.pass(seconds(3));
    CHECK(cluster.applied[old_leader] == std::vector<std::string>{"kept"});
}

TEST_CASE("leadership is handed over within one election timeout") {
    trio cluster;
    cluster.pass(seconds(5));
    const u64 leader = cluster.leader();
    REQUIRE(leader != 0);
    const u64 target = leader % 3 + 1;
    CHECK(cluster.nodes[leader]->transfer_to({target}));
    cluster.pass(milliseconds(200));
    CHECK(cluster.leader() == target);
}

TEST_CASE("a voter is replaced through learner, joint configuration and promotion") {
    // scenario E91
    trio cluster;
    cluster.pass(seconds(5));
    const u64 leader = cluster.leader();
    REQUIRE(leader != 0);
    core::recovered fresh;
    cluster.nodes[4] = std::make_unique<core::consensus>(identity{7, 1, {4}, 5u << 16},
                                                         core::options{}, std::move(fresh), 4);
    configuration next = three_voters();
    member learner;
    learner.id = {4};
    learner.role = member_role::learner;
    next.members.push_back(learner);
    REQUIRE(cluster.nodes[leader]->change_members(next));
    CHECK(cluster.nodes[leader]->change_members(next).why().code == errc::change_in_progress);
    cluster.pass(seconds(1));
    REQUIRE(!cluster.nodes[leader]->members().joint);
    // The leader named the learner by itself: only a named one can be promoted.
    CHECK(cluster.nodes[leader]->members().find({4})->incarnation == 5u << 16);
    next.members[3].role = member_role::voter;
    std::erase_if(next.members, [&](const member& each) { return each.id.value == leader; });
    REQUIRE(cluster.nodes[leader]->change_members(next));
    cluster.pass(seconds(8));
    CHECK_FALSE(cluster.nodes[leader]->leads());  // removed, it stepped down after the commit
    const u64 now_leads = cluster.leader();
    REQUIRE(now_leads != 0);
    CHECK(cluster.nodes[now_leads]->members().members.size() == 3);
    CHECK(cluster.nodes[now_leads]->propose(entry_kind::command, as_bytes("after")));
    cluster.pass(seconds(1));
    CHECK(cluster.applied[4] == std::vector<std::string>{"after"});
}
