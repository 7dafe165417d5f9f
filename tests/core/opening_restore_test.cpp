// Between open and the restore of the newest snapshot a core's machine is not what its log says.
#include <raftkit/core/invariants.hpp>

#include <doctest/doctest.h>

#include <vector>

using namespace raftkit;

namespace {

configuration voters(u64 count) {
    configuration members;
    for (u64 id = 1; id <= count; ++id)
        members.members.push_back({{id}, member_role::voter, {}, 0, {}});
    return members;
}

// One voter of three with a snapshot at 5, whose disk is done at once.
struct restarted {
    snapshot_meta kept;
    core::consensus node;
    std::vector<envelope> sent;
    u64 resets = 0;
    index_t handed;

    explicit restarted(bool installing)
        : kept(meta(installing)), node(identity{7, 1, {1}, 0}, {}, found(installing), 1) {}

    static snapshot_meta meta(bool installing) {
        snapshot_meta made;
        made.id = {{{5}, {2}}, 1};
        made.members = voters(3);
        made.installing = installing;
        return made;
    }
    // A crash between publish and reset leaves the old log, of another term; else it is compacted.
    static core::recovered found(bool installing) {
        core::recovered seen;
        seen.base.members = voters(3);
        seen.peers.joined = true;
        seen.hard.term = {2};
        seen.snapshot = meta(installing);
        if (installing) {
            seen.last = {{3}, {1}};
            seen.term_runs = {{{1}, {1}}};
        } else {
            seen.base.at = {{5}, {2}};
            seen.last = {{7}, {2}};
            seen.term_runs = {{{6}, {2}}};
            seen.hard.commit_hint = {7};
        }
        REQUIRE(core::reconcile(seen).action != core::start_action::damaged);
        return seen;
    }
    void turn() {
        while (node.has_effects()) {
            effects& out = node.take_effects();
            if (out.has & effects::sending)
                sent.insert(sent.end(), out.send.begin(), out.send.end());
            if (out.has & effects::applying) handed = out.apply.back().last();
            if (out.has & effects::persisting) {
                resets += out.persist.reset != nullptr;
                node.persisted(out.persist.id);
            }
        }
    }
    // As long as it likes, without hearing anybody.
    void wait() {
        for (int round = 0; round < 10 && node.deadline() != never; ++round) {
            node.advance(node.deadline());
            turn();
        }
    }
    bool asked_for_votes() const {
        for (const envelope& each : sent) {
            if (std::holds_alternative<vote_request>(each.body)) return true;
        }
        return false;
    }
};

}  // namespace

TEST_CASE("until its snapshot is restored a node neither campaigns nor applies, and then it does") {
    // Known bugs 59, 69; scenarios D53, D66, D79.
    for (const bool installing : {true, false}) {
        CAPTURE(installing);
        restarted one(installing);
        one.node.advance({});
        one.turn();
        CHECK(one.resets == (installing ? 1U : 0U));  // before anything else is acknowledged
        one.wait();
        CHECK_FALSE(one.asked_for_votes());
        CHECK(one.handed == index_t{});
        CHECK(one.node.status().term == term_t{2});

        // It votes all the same: log and hard state are whole.
        vote_request asked;
        asked.term = {3};
        asked.last = {{9}, {2}};
        one.node.receive({{2}, 0, asked});
        one.turn();
        REQUIRE_FALSE(one.sent.empty());
        const vote_reply* reply = std::get_if<vote_reply>(&one.sent.back().body);
        REQUIRE(reply != nullptr);
        CHECK(reply->granted);

        one.node.snapshot_restored(one.kept.id);
        one.turn();
        CHECK(one.node.status().applied == index_t{5});
        one.wait();
        CHECK(one.asked_for_votes());
        CHECK(core::invariants::check(one.node) == nullptr);
    }
}
