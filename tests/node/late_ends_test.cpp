// What ends while the machine works late, as on a thread of its own: proposals that nobody will
// tell of any more, and a restore that was given up before the machine had heard of it.

#include <doctest/doctest.h>

#include <node/support/cluster.hpp>
#include <support/lone_core.hpp>

using namespace node_tests;

namespace {

using late_cluster = basic_cluster<gated_policies>;
using lone_tests::append_of;

// A peer of the one node that runs: votes for it, and ships it what a store holds, piece by piece.
struct puppet {
    puppet(late_cluster& with, u64 id, memory_snapshots& has) : wire(with.hub), shelf(has) {
        REQUIRE(wire.open(identity{with.status(1).cluster, 1, {id}, 0}, {}));
    }
    template <class Body>
    void say(const Body& body) {
        wire.send(envelope{{1}, 0, body});
    }
    void listen() { wire.drain(*this); }
    void operator()(const envelope& got) noexcept {
        if (const auto* asks = std::get_if<vote_request>(&got.body); asks != nullptr && votes)
            say(vote_reply{asks->term, asks->round, asks->pre, true});
        if (const auto* done = std::get_if<snapshot_done>(&got.body)) told = done->status;
    }
    void operator()(const bulk_envelope& got) noexcept {
        if (const auto* want = std::get_if<snapshot_want>(&got.body)) give(*want);
    }
    void operator()(peer_state) noexcept {}
    void give(const snapshot_want& want) {
        auto reader = shelf.open(want.id);
        REQUIRE(reader);
        const auto read = reader->read(want.section, want.offset, static_cast<u32>(want.bytes));
        REQUIRE(read);
        bulk_envelope made{{1},
                           0,
                           snapshot_piece{want.term, want.id, want.section, want.offset,
                                          bytes_view::of(read->bytes), errc::ok}};
        wire.send(made);
    }
    void offer(u64 term, const snapshot_manifest& what) {
        std::vector<std::byte> meta, manifest;
        encode(what.meta, meta);
        encode(what, manifest);
        const buffer first = buffer::copy_of(meta), second = buffer::copy_of(manifest);
        say(snapshot_offer{
            {term}, what.meta.id, bytes_view::of(first), bytes_view::of(second), {}});
    }
    inproc_transport wire;
    memory_snapshots& shelf;
    bool votes = true;
    std::optional<install_status> told;
};

// Two snapshots of one history, newest first.
std::vector<snapshot_manifest> two_snapshots(memory_snapshots& shelf) {
    cluster source(3);
    source.start_all();
    const u64 led = source.elect();
    for (u32 round = 0; round < 2; ++round) {
        for (u32 k = 0; k < 30; ++k) REQUIRE(source.set(k, k + round).code == errc::ok);
        asked<snapshot_ticket> ticket;
        source.node(led).snapshot_now(ticket);
        REQUIRE(source.run_until([&] { return ticket.done(); }));
        REQUIRE(ticket.ok());
    }
    shelf = source.at(led).shelf;
    return *shelf.list();
}

}  // namespace

TEST_CASE("what a removed leader proposed last is answered when its machine, which is late, is") {
    late_cluster c(3);
    c.start_all();
    const u64 led = c.elect();
    c.run(milliseconds(300));
    REQUIRE(c.set(1, 1).code == errc::ok);
    c.at(led).gate.closed = true;
    for (u64 id = 1; id <= 3; ++id) c.at(id).disk.late = id != led;
    const auto disks_catch_up = [&] {
        for (u64 id = 1; id <= 3; ++id) {
            if (id != led) c.node(id).storage().release();
        }
        c.run(milliseconds(5));
    };
    asked<membership_change> leave;
    leave.next = *c.node(led).members();
    std::erase_if(leave.next.members, [&](const member& each) { return each.id.value == led; });
    c.node(led).change_members(leave);
    c.run(milliseconds(5));
    set_command before(2, 2), behind(3, 3);
    c.node(led).propose(before);
    c.run(milliseconds(5));
    disks_catch_up();  // the joint configuration commits, and the last one goes out
    REQUIRE_FALSE(c.node(led).members()->joint);
    for (u64 id = 1; id <= 3; ++id) {
        if (id != led) c.hub.cut({led}, {id}, true);
    }
    c.node(led).propose(behind);
    c.run(milliseconds(5));
    disks_catch_up();  // it commits, and its leader leads no more
    REQUIRE(c.status(led).role != role_kind::leader);
    c.run(seconds(5));
    CHECK(before.ends == 0);  // committed, but its machine has not got there
    CHECK(behind.ends == 0);
    CHECK(leave.ends == 0);
    c.at(led).gate.open();
    c.run(milliseconds(5));
    CHECK(before.ok());
    CHECK(behind.ends == 1);
    CHECK(behind.how.code == errc::outcome_unknown);
    CHECK(behind.how.detail == u64(errc::not_member));
    CHECK(leave.ok());
}

TEST_CASE("a restore waits for one that was given up before the machine had heard of it") {
    memory_snapshots shelf;
    const std::vector<snapshot_manifest> made = two_snapshots(shelf);
    REQUIRE(made.size() == 2);
    late_cluster c(3, [](node_options& each) { each.first_start = start_rule::trusted; });
    REQUIRE(c.start(1));
    c.poll();
    puppet first(c, 2, shelf), second(c, 3, shelf);
    const auto until = [&](auto&& enough) {
        return c.run_until([&] {
            first.listen();
            second.listen();
            return enough();
        });
    };
    const term_t term{made[0].meta.id.at.term.value + 5};
    first.say(append_of(term.value, {}, {}, 0));
    c.poll();
    c.at(1).gate.closed = true;
    first.offer(term.value, made[1]);
    REQUIRE(until([&] { return c.status(1).snapshots_kept == 1; }));
    // Its leader falls silent, and it wins an election: the install is given up.
    REQUIRE(until([&] { return c.status(1).role == role_kind::leader; }));
    CHECK_FALSE(c.status(1).installing);
    first.votes = second.votes = false;
    const term_t next{c.status(1).term.value + 1};
    second.say(append_of(next.value, {}, {}, 0));
    c.poll();  // a term is durable before an offer of it counts
    second.offer(next.value, made[0]);
    REQUIRE(until([&] { return c.at(1).heard.published == 2; }));
    CHECK(c.at(1).heard.restored == 0);
    c.at(1).gate.open();
    CHECK(until([&] { return c.at(1).heard.restored == 1; }));
    CHECK(c.status(1).applied == made[0].meta.id.at.index);
    CHECK(until([&] { return second.told == install_status::installed; }));
    CHECK(c.values(1).at(7) == 8);
}
