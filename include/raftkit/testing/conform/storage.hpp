#pragma once
// What every Storage must do, checkable for any storage and any test framework. The caller brings
// places:
//
//   struct places {
//       storage& fresh();   // on an empty place; open() is not called yet
//       storage& again();   // the place of the last one, which is closed: nothing was lost
//       void wait();        // something may happen in another thread
//       void crash(u32 n);  // optional: the power fails at the nth call to the place from now on,
//                           // 0 and 1 at the next; again() then brings what survived
//       void fail();        // optional: from now on the place refuses every write, until mend()
//       void mend();
//   };
//   conform::check_storage(places, [](const char* name, bool ok, const char* why) { ... });
//
// One check, one sentence, one reason to fail; `why` says what was seen.

#include <raftkit/testing/conform/storage/user.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace conform {

template <class Places, class Report>
class storage_checks {
public:
    storage_checks(Places& places, Report& report) : places_(&places), report_(&report) {}

    void run_all() {
        a_fresh_place_is_empty();
        entries_come_back();
        hard_state_and_entries_go_together();
        a_lower_index_supersedes();
        loads_are_bounded();
        compaction_forgets();
        a_reset_replaces_everything();
        a_bootstrap_is_a_base_at_zero();
        peers_and_fence_are_kept();
        an_owner_is_remembered();
        answers_come_once_and_in_order();
        what_is_lent_is_left_alone();
        if constexpr (requires { places_->crash(1); }) a_power_cut_takes_nothing_acknowledged();
        if constexpr (requires { places_->fail(); }) a_failure_is_for_good();
        close_is_the_end();
    }

private:
    using store = std::remove_reference_t<decltype(std::declval<Places&>().fresh())>;
    using user = storage_user<store, Places>;

    void say(const char* name, bool ok, const char* why) { (*report_)(name, ok, ok ? "" : why); }

    // The recovered log of the last place.
    template <class Look>
    void after_restart(const char* name, const char* why, Look look) {
        user again(places_->again(), *places_);
        const auto found = again.open();
        say(name, found && !found->found && look(*found, again), found ? why : found.why().where);
    }

    void a_fresh_place_is_empty() {
        user fresh(places_->fresh(), *places_);
        const auto found = fresh.open();
        const bool empty = found && !found->found && found->last == log_id{} &&
                           found->base.at == log_id{} && found->hard == hard_state{} &&
                           !found->fence && found->term_runs.empty();
        say("a fresh place holds nothing", empty, "open() reports a log");
        say("a fresh place draws an incarnation", found && (found->self.incarnation >> 16) != 0,
            "it is 0");
        const loaded none = fresh.load(1, 5);
        say("a load of nothing is an error", none.status.code == errc::not_found,
            "no error, or another");
    }
    void entries_come_back() {
        {
            user first(places_->fresh(), *places_);
            bool ok = bool(first.open());
            ok = ok && first.append(storage_run(1, 1, 3, 10)) &&
                 first.append(storage_run(4, 1, 2, 11)) && first.append(storage_run(6, 3, 1, 12)) &&
                 first.append(storage_membership(7, 3, 5));
            say("a batch becomes durable", ok, "no persisted{}, or an error");
            say("entries are loaded as they were written", first.holds(1, {10, 10, 10, 11, 11, 12}),
                "they differ");
            say("a load may begin anywhere", first.holds(5, {11, 12}), "they differ");
        }
        after_restart("a restart finds last, term runs and memberships", "they differ",
                      [](const recovered_log& found, user&) {
                          return found.last == log_id{{7}, {3}} &&
                                 found.term_runs == std::vector<log_id>{{{1}, {1}}, {{6}, {3}}} &&
                                 found.members.size() == 1 &&
                                 found.members[0].index == index_t{7} &&
                                 found.members[0].members == storage_members(5).members;
                      });
        after_restart("a restart finds the entries", "they differ",
                      [](const recovered_log&, user& again) {
                          return again.holds(1, {10, 10, 10, 11, 11, 12, 0});
                      });
    }
    void hard_state_and_entries_go_together() {
        {
            user first(places_->fresh(), *places_);
            bool ok = bool(first.open());
            for (u64 term = 1; term <= 5; ++term) {
                const hard_state hard{{term}, {term % 2 + 1}, {0}};
                persist_batch vote = first.batch();
                vote.hard = &hard;
                ok = ok && first.persist(vote);
            }
            say("votes become durable", ok, "no persisted{}, or an error");
        }
        after_restart("a restart finds the newest term and its vote", "another one",
                      [](const recovered_log& found, user&) {
                          return found.hard.term == term_t{5} && found.hard.voted_for == node_id{2};
                      });
    }
    void a_lower_index_supersedes() {
        {
            user first(places_->fresh(), *places_);
            bool ok = bool(first.open());
            ok = ok && first.append(storage_run(1, 1, 6, 20)) &&
                 first.append(storage_membership(7, 1, 9)) &&
                 first.append(storage_run(3, 2, 2, 21)) && first.append(storage_run(5, 2, 1, 22));
            say("superseding batches become durable", ok, "no persisted{}, or an error");
            say("what was superseded is gone",
                first.holds(1, {20, 20, 21, 21, 22}) && first.load(6, 6).status, "it is read");
        }
        after_restart("a restart sees nothing of what was superseded", "it does",
                      [](const recovered_log& found, user& again) {
                          return found.last == log_id{{5}, {2}} && found.members.empty() &&
                                 found.term_runs == std::vector<log_id>{{{1}, {1}}, {{3}, {2}}} &&
                                 again.holds(1, {20, 20, 21, 21, 22});
                      });
    }
    void loads_are_bounded() {
        user first(places_->fresh(), *places_);
        bool ok = bool(first.open()) && first.append(storage_run(1, 1, 20, 30, 100));
        const loaded some = first.load(1, 20, 500);
        u32 bytes = 0;
        for (const run& each : some.entries) bytes += each.view().bytes;
        say("a load keeps its bound", ok && !some.status && bytes > 0 && bytes <= 500,
            "it doesn't");
        const loaded one = first.load(7, 20, 1);
        ok = !one.status && one.entries.size() == 1 && one.entries[0].view().count == 1 &&
             one.entries[0].view().first == index_t{7};
        say("a load gives at least one entry", ok, "it doesn't");
        say("a load above the end gives what there is",
            first.holds(19, {30, 30}) && !first.load(19, 99).status, "an error");
    }
    void compaction_forgets() {
        {
            user first(places_->fresh(), *places_);
            const bool ok = bool(first.open()) && first.append(storage_run(1, 1, 4, 40)) &&
                            first.append(storage_run(5, 2, 4, 41)) && first.compact(5, 2);
            say("entries above the base stay", ok && first.holds(6, {41, 41, 41}), "they are gone");
            say("entries below the base are compacted",
                first.load(5, 8).status.code == errc::compacted, "no such error");
        }
        after_restart("a restart finds the base and its configuration", "another one",
                      [](const recovered_log& found, user& again) {
                          return found.base.at == log_id{{5}, {2}} &&
                                 found.last == log_id{{8}, {2}} &&
                                 found.base.members.members == storage_members(3).members &&
                                 found.term_runs == std::vector<log_id>{{{6}, {2}}} &&
                                 again.holds(6, {41, 41, 41});
                      });
    }
    // Known bug 70: an install makes a gap, and that is what reset is for.
    void a_reset_replaces_everything() {
        const log_base base{{{50}, {4}}, storage_members(7)};
        const hard_state hard{{4}, {}, {}};
        {
            user first(places_->fresh(), *places_);
            bool ok = bool(first.open()) && first.append(storage_run(1, 1, 8, 50));
            persist_batch reset = first.batch();
            reset.reset = &base;
            reset.hard = &hard;
            ok = ok && first.persist(reset) && first.append(storage_run(51, 4, 2, 51));
            say("a reset becomes durable, and the log goes on behind it",
                ok && first.holds(51, {51, 51}), "it doesn't");
        }
        after_restart("a restart finds only what follows the reset", "more, or less",
                      [&](const recovered_log& found, user& again) {
                          return found.base.at == base.at && found.last == log_id{{52}, {4}} &&
                                 found.term_runs == std::vector<log_id>{{{51}, {4}}} &&
                                 again.load(8, 52).status.code == errc::compacted &&
                                 found.base.members.members == base.members.members &&
                                 again.holds(51, {51, 51});
                      });
    }
    void a_bootstrap_is_a_base_at_zero() {
        const log_base base{{}, storage_members(3)};
        {
            user first(places_->fresh(), *places_);
            bool ok = bool(first.open());
            persist_batch reset = first.batch();
            reset.reset = &base;
            ok = ok && first.persist(reset);
            say("a configuration can be the base at index 0", ok, "no persisted{}, or an error");
        }
        after_restart("a restart finds the bootstrap configuration", "another one",
                      [&](const recovered_log& found, user& again) {
                          return found.base.at == log_id{} &&
                                 found.base.members.members == base.members.members &&
                                 again.append(storage_run(1, 1, 1, 60)) && again.holds(1, {60});
                      });
    }
    void peers_and_fence_are_kept() {
        const peer_book book{true, {{{1}, 111}, {{3}, 333}}};
        const fence_mark mark{true, {{12}, {3}}, {4}};
        {
            user first(places_->fresh(), *places_);
            bool ok = bool(first.open()) && first.append(storage_run(1, 1, 1, 70));
            persist_batch peers = first.batch();
            peers.peers = &book;
            ok = ok && first.persist(peers);
            persist_batch fence = first.batch();
            fence.fence = &mark;
            ok = ok && first.persist(fence) && first.compact(1, 1);
            say("peer book and fence become durable", ok, "no persisted{}, or an error");
        }
        after_restart("a restart finds peer book and fence, also behind a compaction", "others",
                      [&](const recovered_log& found, user&) {
                          return found.peers == book && found.fence &&
                                 found.fence->acked == mark.acked &&
                                 found.fence->at_damage == mark.at_damage &&
                                 found.fence->acked_known;
                      });
    }
    void an_owner_is_remembered() {
        u64 incarnation = 0;
        {
            user first(places_->fresh(), *places_);
            const auto found = first.open();
            if (found) incarnation = found->self.incarnation;
        }
        {
            user other(places_->again(), *places_);
            identity wrong = storage_owner;
            wrong.self = {9};
            const auto found = other.open(wrong);
            say("another node is refused", !found && found.why().code == errc::foreign,
                "it is let in");
        }
        after_restart("the owner is let in, with its incarnation", "refused, or another one",
                      [&](const recovered_log& found, user&) {
                          return found.self.incarnation == incarnation;
                      });
    }
    void answers_come_once_and_in_order() {
        user first(places_->fresh(), *places_);
        bool ok = bool(first.open());
        for (u64 index = 1; index <= 20; ++index) {
            (void)first.try_append(storage_run(index, 1, 1, 75), {{1}, {}, {}});
            if (index % 3 == 0) first.turn();
        }
        ok = ok && first.append(storage_run(21, 1, 1, 75));
        say("tickets become durable in their order", ok && first.in_order, "one came back");
        say("nothing is durable that was not asked for", ok && first.only_asked,
            "it is said to be");
        say("a load is answered once", first.answers_to_a_load(1, 5) == 1, "twice, or more often");
    }

    void what_is_lent_is_left_alone() {
        for (const bool pointers : {true, false}) {
            user first(places_->fresh(), *places_);
            bool ok = bool(first.open());
            (pointers ? first.spoils_pointers : first.spoils_bytes) = true;
            ok = ok && first.append(storage_run(1, 1, 4, 76)) &&
                 first.append(storage_run(5, 2, 2, 77)) && first.holds(1, {76, 76, 76, 76, 77, 77});
            first.close();
            user again(places_->again(), *places_);
            const auto found = again.open();
            ok = ok && found && !found->found && found->hard.term == term_t{2} &&
                 again.holds(1, {76, 76, 76, 76, 77, 77});
            if (pointers)
                say("what a batch points to is not read after persist()", ok, "it is");
            else
                say("lent bytes are not read once they are durable", ok, "they are");
        }
    }

    // The last batch is in the hands of the disk when the power fails.
    void a_power_cut_takes_nothing_acknowledged() {
        bool kept = true, whole = true;
        for (u32 moment = 0; moment < 8; ++moment) {
            ticket last, durable;
            {
                user first(places_->fresh(), *places_);
                kept = kept && first.open() && first.append(storage_run(1, 1, 4, 78)) &&
                       first.append(storage_run(5, 5, 2, 79));
                places_->crash(moment);
                last = first.try_append(storage_run(7, 7, 2, 80), {{7}, {3}, {}});
                for (int i = 0; i < 3; ++i) first.turn();
                durable = first.seen().upto;
            }
            user again(places_->again(), *places_);
            const auto found = again.open();
            if (!found || found->found) {
                kept = false;
                continue;
            }
            const bool voted = found->hard.term == term_t{7} && found->hard.voted_for == node_id{3};
            const bool stored = found->last == log_id{{8}, {7}};
            const bool nothing = found->hard.term == term_t{5} && found->last == log_id{{6}, {5}};
            kept = kept && again.holds(1, {78, 78, 78, 78, 79, 79}) &&
                   (durable < last || (voted && stored));
            whole = whole && ((voted && stored) || nothing);
        }
        say("what was acknowledged survives a power cut", kept, "it is gone, or damaged");
        say("a batch is there whole or not at all", whole, "half of it is");
    }

    // A failed sync may have lost what it was for, whatever the next one says.
    void a_failure_is_for_good() {
        user first(places_->fresh(), *places_);
        const bool ok = bool(first.open()) && first.append(storage_run(1, 1, 2, 81));
        const ticket before = first.seen().upto;
        places_->fail();
        const bool refused = !first.append(storage_run(3, 1, 2, 82));
        say("a failure is told", ok && refused && first.seen().status, "it isn't");
        places_->mend();
        (void)first.append(storage_run(3, 1, 2, 83));
        say("nothing is acknowledged behind a failure", ok && first.seen().upto == before,
            "something is");
    }

    // It closes with everything under way.
    void close_is_the_end() {
        user first(places_->fresh(), *places_);
        const bool ok = bool(first.open()) && first.append(storage_run(1, 1, 1, 84));
        (void)first.try_append(storage_run(2, 1, 1, 85), {{1}, {}, {}});
        first.of().load({{99}, {1}, {1}, 1000});
        first.close();
        say("nothing is posted after close", ok && first.silent(), "something was");
    }

    Places* places_;
    Report* report_;
};

template <class Places, class Report>
void check_storage(Places& places, Report report) {
    storage_checks<Places, Report>(places, report).run_all();
}

}  // namespace conform

RAFTKIT_NAMESPACE_END
