#pragma once
// One core whose disk is done at once and whose machine applies when it is told to; peers are what
// a test says in their names.

#include <doctest/doctest.h>

#include <optional>
#include <vector>

#include <raftkit/core/invariants.hpp>

namespace lone_tests {

using namespace raftkit;

inline configuration voters(u64 count) {
    configuration members;
    for (u64 id = 1; id <= count; ++id) {
        member each;
        each.id = {id};
        members.members.push_back(each);
    }
    return members;
}

inline core::recovered joined(u64 count) {
    core::recovered found;
    found.base.members = voters(count);
    found.peers.joined = true;
    return found;
}

// Entries first..last of one term, as a peer sends them or a disk gives them back.
inline run entries_of(block_pool& pool, u64 first, u64 last, u64 term,
                      const configuration* now = nullptr) {
    std::vector<std::byte> body;
    if (now != nullptr) encode(*now, body);
    const entry_kind kind = now != nullptr ? entry_kind::membership : entry_kind::command;
    run_builder builder(pool);
    run_view whole;
    for (u64 index = first; index <= last; ++index) {
        const run_view one = builder.append({{index}, {term}}, kind, body, 0);
        if (whole.empty()) {
            whole = one;
        } else {
            whole.bytes += one.bytes;
            ++whole.count;
        }
    }
    return run(whole);
}

// One node whose disk is done at once and whose machine applies when it is told to.
struct lone {
    block_pool pool;
    core::consensus node;
    std::vector<envelope> sent;
    std::vector<load_request> loads;
    std::vector<error> transfers;
    index_t handed;
    u32 restores = 0, accepts = 0;

    lone(core::recovered found, const core::options& numbers = {}, u64 incarnation = 0)
        : node(identity{7, 1, {1}, incarnation}, numbers, std::move(found), 1) {}

    void turn() {
        while (node.has_effects()) {
            effects& out = node.take_effects();
            if (out.has & effects::sending) {
                sent.insert(sent.end(), out.send.begin(), out.send.end());
            }
            if (out.has & effects::loading) {
                loads.insert(loads.end(), out.load.begin(), out.load.end());
            }
            if (out.has & effects::applying) handed = out.apply.back().last();
            if (out.has & effects::rarely) {
                for (const snapshot_effect& each : out.rare.snapshots) {
                    restores += std::holds_alternative<restore_snapshot>(each);
                    accepts += std::holds_alternative<accept_snapshot>(each);
                }
                if (out.rare.transfer) transfers.push_back(*out.rare.transfer);
            }
            if (out.has & effects::persisting) node.persisted(out.persist.id);
        }
        const char* broken = core::invariants::check(node);
        CHECK_MESSAGE(broken == nullptr, broken);
    }
    template <class Body>
    void hear(u64 from, const Body& body, u64 incarnation = 0) {
        node.receive({{from}, incarnation, body});
        turn();
    }
    template <class Body>
    std::optional<Body> last_sent() const {
        for (std::size_t k = sent.size(); k > 0; --k) {
            if (const Body* body = std::get_if<Body>(&sent[k - 1].body)) return *body;
        }
        return std::nullopt;
    }
    void win_alone() {
        node.advance({});
        node.advance(node.deadline());
        turn();
        REQUIRE(node.leads());
    }
};

// Of two voters: the other one, 2, says yes twice.
inline void win_with_one_vote(lone& leader, u64 incarnation = 0) {
    leader.node.advance({});
    leader.node.advance(leader.node.deadline());
    leader.turn();
    for (int phase = 0; phase < 2; ++phase) {
        const auto asked = leader.last_sent<vote_request>();
        REQUIRE(asked);
        vote_reply granted;
        granted.term = asked->term;
        granted.round = asked->round;
        granted.pre = asked->pre;
        granted.granted = true;
        leader.hear(2, granted, incarnation);
    }
    REQUIRE(leader.node.leads());
}

inline append_request append_of(u64 term, log_id previous, const run_view& entries, u64 commit) {
    append_request made;
    made.term = {term};
    made.previous = previous;
    made.entries = entries;
    made.commit = {commit};
    made.last = entries.empty() ? previous.index : entries.last();
    return made;
}

}  // namespace lone_tests
