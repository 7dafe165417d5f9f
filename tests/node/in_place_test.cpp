// A machine that is overwritten while it restores (in_place_machine): from its first chunk to its
// commit nobody applies, captures or reads.

#include <doctest/doctest.h>

#include <node/support/cluster.hpp>

using namespace node_tests;

namespace {

// What the machine is, and what happened to it that must not.
struct plain_state {
    std::vector<u64> values;
    bool half = false, fails = false;
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

TEST_CASE("a restore in place that fails stops the node: its machine is nobody's state") {
    trio c;
    const u64 slow = c.far_behind();
    c.at(slow).state.fails = true;
    REQUIRE(c.run_until([&] { return c.at(slow).up->closed(); }));
    CHECK(c.at(slow).heard.was_stopped);
    CHECK(c.at(slow).heard.stop_cause.code == errc::corrupt);
    CHECK(c.at(slow).state.broken == 0);
    // Its log was not touched: the next start has the old state, and installs again.
    c.start(slow, true);
    CHECK(c.run_until([&] { return c.at(slow).state.values == c.at(c.leader()).state.values; }));
    CHECK(c.at(slow).state.broken == 0);
}
