// A machine that is overwritten while it restores (in_place_machine): from its first chunk to its
// commit nobody applies, captures or reads.

#include <doctest/doctest.h>

#include <node/support/cluster.hpp>

using namespace node_tests;

namespace {

// What the machine is, and what happened to it that must not.
struct plain_state {
    std::vector<u64> values;
    bool half = false, fails = false, refuses = false;
    u64 broken = 0, restores = 0;
};

// Appends numbers. Its restore begins by forgetting everything.
class overwritten {
public:
    static constexpr bool restores_in_place = true;
    explicit overwritten(plain_state& state) : state_(&state) {}

    void apply(const command& c, reply_sink&) {
        state_->broken += state_->half;
        state_->values.push_back(load_le<u64>(c.body.data()));
    }
    struct image {
        std::vector<u64> values;
        std::size_t at = 0;
        result<image_step> next(std::span<std::byte> room) {
            u32 bytes = 0;
            for (; at < values.size() && bytes + 8 <= room.size(); ++at, bytes += 8)
                store_le(room.data() + bytes, values[at]);
            const bool end = at == values.size();
            return image_step{bytes, end, end};
        }
    };
    result<image> capture() {
        state_->broken += state_->half;
        return image{state_->values};
    }
    struct writer {
        plain_state* to;
        result<void> write(const chunk& part) {
            if (to->fails && !to->values.empty()) return error{errc::corrupt, 0, "overwritten"};
            for (std::size_t at = 0; at < part.bytes.size(); at += 8)
                to->values.push_back(load_le<u64>(part.bytes.bytes().data() + at));
            return {};
        }
        void commit() noexcept { to->half = false; }
    };
    result<writer> restore(const snapshot_meta&) {
        state_->half = true;
        state_->values.clear();
        ++state_->restores;
        if (state_->refuses) return error{errc::no_space, 0, "overwritten"};
        return writer{state_};
    }

private:
    plain_state* state_;
};
static_assert(in_place_machine<overwritten> && state_machine<overwritten>);

struct trio {
    using node_t =
        node<plain_storage, inproc_transport, overwritten, memory_snapshots, test_policies>;
    struct seat {
        plain_disk disk;
        memory_snapshots shelf;
        witness heard;
        plain_state state;
        std::unique_ptr<node_t> up;
    };
    inproc_hub hub;
    std::array<seat, 3> seats;
    instant now{seconds(1).ns};

    seat& at(u64 id) { return seats[id - 1]; }
    // `slow`: one event a poll, so that a restore lasts.
    void start(u64 id, bool slow = false) {
        seat& one = at(id);
        one.state = {};
        node_options options;
        options.who.self = {id};
        options.bootstrap = voters({1, 2, 3});
        options.seed = id;
        options.snapshot_chunk_bytes = 4096;
        if (slow) options.events_per_poll = 1;
        test_policies rules;
        rules.observer.to = &one.heard;
        one.up = std::make_unique<node_t>(options, plain_storage(one.disk), inproc_transport(hub),
                                          overwritten(one.state), one.shelf, std::move(rules));
        REQUIRE(bool(one.up->open()));
    }
    template <class Enough>
    bool run_until(Enough&& enough) {
        for (u32 turn = 0; turn < 20'000; ++turn, now = now + milliseconds(1)) {
            for (seat& each : seats) {
                if (each.up != nullptr) each.up->poll(now);
            }
            if (enough()) return true;
        }
        return false;
    }
    u64 leader() {
        for (u64 id = 1; id <= 3; ++id) {
            if (at(id).up != nullptr && at(id).up->status().serving_reads) return id;
        }
        return 0;
    }
    void write(u32 count) {
        std::vector<std::byte> bytes(8);
        for (u32 i = 0; i < count; ++i) {
            store_le(bytes.data(), u64{i});
            asked<proposal> wish;
            wish.command = byte_span(bytes);
            at(leader()).up->propose(static_cast<proposal&>(wish));
            REQUIRE(run_until([&] { return wish.done(); }));
            REQUIRE(wish.ok());
        }
    }
    // The first follower is away until only a snapshot helps; it comes back slowly.
    u64 far_behind() {
        for (u64 id = 1; id <= 3; ++id) start(id);
        REQUIRE(run_until([&] { return leader() != 0; }));
        write(5);
        const u64 away = leader() % 3 + 1;
        at(away).up.reset();
        write(1500);  // more than two chunks a step
        asked<snapshot_ticket> ticket;
        at(leader()).up->snapshot_now(ticket);
        REQUIRE(run_until([&] { return ticket.done(); }));
        REQUIRE(ticket.ok());
        start(away, true);
        return away;
    }
    // Its restore fails, and will fail again.
    u64 without_machine() {
        const u64 slow = far_behind();
        at(slow).state.fails = true;
        REQUIRE(run_until([&] { return at(slow).up->status().phase == node_phase::failed; }));
        return slow;
    }
    // A start that heals: it has what the leader has, and nothing was read out of order.
    void restarts_like(u64 id, u64 led) {
        start(id);
        REQUIRE(run_until([&] { return leader() == led; }));
        CHECK(run_until([&] { return at(id).state.values == at(led).state.values; }));
        CHECK(at(id).state.broken == 0);
    }
};

}  // namespace

TEST_CASE("a machine that is restored in place is paused from the first chunk to the commit") {
    trio c;
    const u64 slow = c.far_behind();
    plain_state& state = c.at(slow).state;
    std::vector<std::unique_ptr<asked<operation>>> reads;
    u64 seen_half = 0, waited = 0, ended_before = 0;
    bool half_before = false;
    REQUIRE(c.run_until([&] {
        u64 ended = 0;
        for (const auto& each : reads) ended += each->ends != 0;
        seen_half += state.half;
        // Half before this poll and after it: whatever ended in it saw half a state.
        if (state.half && half_before) {
            state.broken += ended - ended_before;
            waited = std::max(waited, reads.size() - ended);
        }
        half_before = state.half;
        ended_before = ended;
        const bool asks = c.at(slow).up->status().phase == node_phase::serving;
        if (asks && reads.size() - ended < 3) {
            reads.push_back(std::make_unique<asked<operation>>());
            c.at(slow).up->read_stale(*reads.back());
        }
        return c.at(slow).heard.restored >= 1;
    }));
    CHECK(seen_half > 0);
    CHECK(waited > 0);
    CHECK(state.restores == 1);
    CHECK(c.run_until([&] { return c.at(slow).state.values == c.at(c.leader()).state.values; }));
    CHECK(c.run_until([&] {
        return std::all_of(reads.begin(), reads.end(), [](const auto& each) { return each->ok(); });
    }));
    CHECK(state.broken == 0);
    c.write(3);
    CHECK(c.run_until([&] { return c.at(slow).state.values == c.at(c.leader()).state.values; }));
    CHECK(state.broken == 0);
}

TEST_CASE("a restore in place that fails leaves the node failed until another install") {
    // S001-29
    for (const bool at_once : {false, true}) {
        CAPTURE(at_once);
        trio c;
        const u64 slow = c.far_behind();
        trio::seat& one = c.at(slow);
        (at_once ? one.state.refuses : one.state.fails) = true;
        std::vector<std::unique_ptr<asked<operation>>> early;
        const auto failed = [&] { return one.up->status().phase == node_phase::failed; };
        REQUIRE(c.run_until([&] {
            if (one.up->status().phase == node_phase::serving) {
                early.push_back(std::make_unique<asked<operation>>());
                one.up->read_stale(*early.back());
            }
            return failed();
        }));
        const index_t applied = one.up->status().applied;
        const u64 elections = one.up->status().elections, tried = one.state.restores;
        REQUIRE(c.run_until([&] {  // it is offered again and again
            CHECK(failed());
            return one.state.restores >= tried + 3;
        }));
        CHECK_FALSE(one.heard.was_stopped);
        CHECK(one.up->status().applied == applied);
        CHECK(one.heard.restored == 0);
        // What waited for the machine was told; what comes now is refused; nobody captures.
        u64 told = 0;
        for (const auto& each : early) {
            CHECK(each->ends == 1);
            if (!each->how) continue;
            CHECK(each->how.code == errc::restore_failed);
            ++told;
        }
        if (!at_once) CHECK(told > 0);
        asked<operation> late;
        one.up->read_stale(late);
        asked<snapshot_ticket> save;
        one.up->snapshot_now(save);
        c.run_until([&] { return late.done() && save.done(); });
        CHECK(late.how.code == errc::not_started);
        CHECK(save.how.code == errc::not_started);
        CHECK(one.up->status().elections == elections);

        one.state.fails = one.state.refuses = false;
        CHECK(c.run_until([&] { return one.state.values == c.at(c.leader()).state.values; }));
        CHECK(c.run_until([&] { return one.up->status().phase == node_phase::serving; }));
        CHECK(one.heard.restored == 1);
        c.write(3);
        CHECK(c.run_until([&] { return one.state.values == c.at(c.leader()).state.values; }));
        asked<operation> again;
        one.up->read_stale(again);
        CHECK(c.run_until([&] { return again.done(); }));
        CHECK(again.ok());
        CHECK(one.state.broken == 0);
    }
}

TEST_CASE("a node without a machine votes but does not campaign, and a restart heals it") {
    trio c;
    const u64 slow = c.without_machine();
    trio::seat& one = c.at(slow);
    const u64 led = c.leader(), other = 6 - slow - led;
    const u64 elections = one.up->status().elections;
    c.at(other).up.reset();
    c.at(led).up.reset();
    const instant end = c.now + seconds(10);
    c.run_until([&] { return c.now >= end; });
    CHECK(one.up->status().elections == elections);
    c.start(led);
    // By its vote; without its log nothing is committed.
    REQUIRE(c.run_until([&] { return c.at(led).up->status().role == role_kind::leader; }));
    CHECK(one.up->status().phase == node_phase::failed);
    c.restarts_like(slow, led);
}

TEST_CASE("a node without a machine stops when its log goes on: a restart restores and replays") {
    trio c;
    const u64 slow = c.without_machine();
    trio::seat& one = c.at(slow);
    const u64 led = c.leader(), other = 6 - slow - led;
    c.at(led).up.reset();  // the other has its whole log, and no reason to offer a snapshot
    REQUIRE(c.run_until([&] { return one.heard.was_stopped; }));
    CHECK(c.at(other).up->status().role == role_kind::leader);
    CHECK(one.heard.stop_cause.code == one.up->status().stop_cause.code);
    CHECK(bool(one.heard.stop_cause));
    c.restarts_like(slow, other);
}
