// What a node may start with: a machine that is durable by itself beside log and snapshots.

#include <doctest/doctest.h>

#include <node/support/cluster.hpp>

using namespace node_tests;

namespace {

// A log of entries base+1..last, all of one term.
core::recovered log_of(u64 base, u64 last, u64 term) {
    core::recovered seen;
    seen.hard.term = {term};
    seen.base.at = {{base}, {base == 0 ? 0 : term}};
    seen.last = {{last}, {term}};
    if (last > base) seen.term_runs = {{{base + 1}, {term}}};
    return seen;
}
core::recovered with_snapshot(core::recovered seen, u64 index, u64 term, bool installing) {
    seen.snapshot.emplace();
    seen.snapshot->id.at = {{index}, {term}};
    seen.snapshot->installing = installing;
    return seen;
}
core::start_plan judged(const core::recovered& seen, u64 index, u64 term) {
    return judge_machine(seen, core::reconcile(seen), {{index}, {term}});
}
bool refused(const core::start_plan& plan, u64 first, u64 last) {
    return plan.action == core::start_action::damaged && plan.first == index_t{first} &&
           plan.last == index_t{last} && plan.why[0] != '\0';
}

// Keeps its state outside of the node, as a database does.
struct durable_map : testing::register_map {
    explicit durable_map(log_id at) : opened_at(at) {}
    log_id durable_index() const noexcept { return opened_at; }
    log_id opened_at;
};
using durable_node =
    node<plain_storage, inproc_transport, durable_map, memory_snapshots, test_policies>;

// One node on `disk`, opened with a machine that says how far it is.
struct lone_durable {
    lone_durable(plain_disk& disk, log_id at) : disk_(&disk) {
        node_options options;
        options.who.self = {1};
        options.bootstrap = voters({1});
        options.seed = 1;
        test_policies rules;
        rules.observer.to = &heard;
        up = std::make_unique<durable_node>(options, plain_storage(*disk_), inproc_transport(hub),
                                            durable_map(at), memory_snapshots(), std::move(rules));
    }
    inproc_hub hub;
    witness heard;
    plain_disk* disk_;
    std::unique_ptr<durable_node> up;
};

// A disk with a few entries of one leader.
void fill(plain_disk& disk) {
    lone_durable first(disk, {});
    REQUIRE(first.up->open().why().code == errc::ok);
    instant now{};
    for (u32 k = 0; k < 5; ++k) {
        set_command wish(k, k);
        for (now = now + seconds(3); !first.up->status().serving_reads; now = now + seconds(3))
            first.up->poll(now);
        first.up->propose(wish);
        for (u32 turns = 0; turns < 5; ++turns) first.up->poll(now);
        REQUIRE(wish.ok());
    }
}

}  // namespace

TEST_CASE("a machine that is ahead of its log is damage, and both ends are named") {
    CHECK(refused(judged(log_of(0, 5, 2), 8, 2), 6, 8));
    CHECK(refused(judged(log_of(3, 5, 2), 6, 2), 1, 3));  // row 4: no snapshot reaches the log
    CHECK(refused(judged(with_snapshot(log_of(3, 5, 2), 4, 2, false), 6, 2), 6, 6));
    CHECK(refused(judged(core::recovered{}, 7, 0), 1, 7));  // the log's directory was lost
    // While an install's reset is not done, the snapshot is as far as the machine may be.
    const core::recovered installing = with_snapshot(log_of(0, 5, 2), 9, 2, true);
    CHECK(judged(installing, 9, 2).action == core::start_action::reset_to_snapshot);
    CHECK(judged(installing, 4, 2).action == core::start_action::reset_to_snapshot);
    CHECK(refused(judged(installing, 10, 2), 10, 10));
}

TEST_CASE("a machine of another term than its log or its snapshot is damage") {
    core::recovered seen = log_of(0, 5, 2);
    seen.term_runs = {{{1}, {1}}, {{4}, {2}}};
    CHECK(judged(seen, 3, 1).action == core::start_action::replay);
    CHECK(judged(seen, 5, 2).action == core::start_action::replay);
    CHECK(refused(judged(seen, 4, 1), 4, 4));
    CHECK(refused(judged(seen, 3, 2), 3, 3));
    CHECK(refused(judged(seen, 3, 3), 3, 3));  // above the hard state's
    CHECK(refused(judged(with_snapshot(log_of(0, 5, 3), 9, 3, true), 9, 2), 9, 9));
    // What lies behind the base is replaced by the snapshot: nothing to compare.
    CHECK(judged(with_snapshot(log_of(3, 5, 2), 4, 2, false), 2, 1).action ==
          core::start_action::keep_log);
    CHECK(judged(log_of(0, 5, 2), 0, 0).action == core::start_action::replay);
}

TEST_CASE("a node refuses to open a machine that knows more than its log, and changes nothing") {
    plain_disk disk;
    fill(disk);
    const log_id last = {{disk.entries.rbegin()->first}, disk.entries.rbegin()->second.view().term};
    const u64 persists = disk.persists;
    {
        lone_durable ahead(disk, {{last.index.value + 3}, last.term});
        const error why = ahead.up->open().why();
        CHECK(why.code == errc::corrupt);
        CHECK(why.detail == last.index.value + 1);
        REQUIRE(ahead.up->found() != nullptr);
        CHECK(ahead.up->found()->part == damaged_part::log);
        CHECK(ahead.up->found()->first == last.index.next());
        CHECK(ahead.up->found()->last.value == last.index.value + 3);
        CHECK(ahead.heard.damaged == 1);
    }
    {
        lone_durable other(disk, {last.index, last.term.next()});
        CHECK(other.up->open().why().code == errc::corrupt);
    }
    CHECK(disk.persists == persists);
}

TEST_CASE("what a durable machine applied counts as committed, whatever the log's hint says") {
    plain_disk disk;
    fill(disk);
    const log_id last = {{disk.entries.rbegin()->first}, disk.entries.rbegin()->second.view().term};
    disk.hard.commit_hint = {};
    lone_durable again(disk, last);
    REQUIRE(again.up->open().why().code == errc::ok);
    again.up->poll({1});
    const node_status now = again.up->status();
    CHECK(now.applied == last.index);
    CHECK(now.commit == last.index);
}
