#pragma once
// Conformance of policies: what the node relies on beyond the signatures that the concepts check.
// Independent of any test framework: `report(name, ok, why)` is called once a rule. A policy is
// tried on copies or made by a factory, so that the rules don't see each other's traces. What runs
// jobs is in conform/executor.hpp.
//
//   conform::trigger(report, [] { return my_trigger{}; });

#include <algorithm>
#include <string>
#include <vector>

#include <raftkit/base/prng.hpp>
#include <raftkit/concepts/policies.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace conform {

namespace detail {

// Growths of one life of a node: entries and bytes rise, now and then there is a snapshot, time
// goes on.
class life {
public:
    explicit life(u64 seed) noexcept : random_(seed) {
        since.serving_since = now = instant{} + seconds(static_cast<i64>(random_.below(1000)));
    }
    void step() noexcept {
        now =
            now + nanoseconds(static_cast<i64>(random_.below(2'000'000'000)) << random_.below(12));
        const u64 more = random_.below(u64{1} << random_.below(18));
        since.entries += more;
        since.bytes += more * (32 + random_.below(512));
        since.applied = {{since.applied.index.value + more}, {1}};
        since.last = since.slowest_match = since.applied.index;
    }
    void saved() noexcept {
        since.entries = since.bytes = 0;
        since.snapshot_bytes = random_.below(u64{1} << random_.below(34));
        since.snapshot = since.applied;
        since.snapshot_at = now;
    }
    bool sometimes() noexcept { return random_.chance(200'000); }

    growth since;
    instant now{};

private:
    prng random_;
};

}  // namespace detail

// What a trigger is for. A suite can't tell one that is broken from one that waits for requests.
enum class trigger_promise : u8 { grows_due, due_at_close, by_request_only };

namespace detail {

// What a node does between two saves: it asks after each batch, and when it was told to.
struct trigger_seen {
    bool repeats = true, replays = true, means_it = true, wakes_ahead = true;
    u64 due_growing = 0, due_closing = 0;
};

template <class Trigger>
void ask_trigger(trigger_seen& seen, Trigger& asked, Trigger& again, const life& at) {
    const trigger_verdict verdict = asked.due(at.since, at.now);
    seen.repeats = seen.repeats && bool(verdict) == bool(asked.due(at.since, at.now));
    seen.replays = seen.replays && bool(verdict) == bool(again.due(at.since, at.now));
    (void)again.due(at.since, at.now);
    if (verdict) seen.means_it = seen.means_it && *verdict.cause != '\0';
    if (verdict) ++(at.since.closing ? seen.due_closing : seen.due_growing);
    if constexpr (timed_trigger<Trigger>) {
        seen.wakes_ahead = seen.wakes_ahead && asked.wake_at(at.since) > at.now;
    }
}

template <class Make>
trigger_seen live_with(Make& make) {
    trigger_seen seen;
    for (u64 seed = 1; seed <= 50; ++seed) {
        life life(seed);
        auto asked = make(), again = make();
        for (int i = 0; i < 100; ++i) {
            life.step();
            const u64 before = seen.due_growing;
            ask_trigger(seen, asked, again, life);
            if constexpr (timed_trigger<decltype(asked)>) {
                const instant woken = asked.wake_at(life.since);
                if (woken != never && woken > life.now && life.sometimes()) {
                    life.now = woken;  // nothing was applied, and the node keeps its word
                    ask_trigger(seen, asked, again, life);
                }
            }
            if (seen.due_growing != before || life.sometimes()) life.saved();
        }
        // A year without a save, then the end: whoever is ever due is due now.
        for (int day = 0; day < 365; ++day) {
            life.now = life.now + minutes(24 * 60);
            life.step();
            life.since.bytes += u64{1} << 40;
            ask_trigger(seen, asked, again, life);
        }
        life.since.closing = true;
        ask_trigger(seen, asked, again, life);
    }
    return seen;
}

}  // namespace detail

// A trigger is asked often, must answer alike when nothing differs, must not wake for what it has
// seen, and keeps its promise.
template <class Report, class Make>
void trigger(Report&& report, Make&& make, trigger_promise promise = trigger_promise::grows_due) {
    const detail::trigger_seen seen = detail::live_with(make);
    report("a question asked twice has one answer", seen.repeats,
           "due() differs at the same facts and instant");
    report("a replay of the facts gives the same verdicts", seen.replays,
           "due() depends on something else than facts, instant and earlier questions");
    report("a verdict names a cause", seen.means_it, "due() gave an empty cause");
    report("nobody is woken for the past", seen.wakes_ahead,
           "wake_at() after due() is not later: the node would spin");
    switch (promise) {
        case trigger_promise::grows_due:
            return report("a log that grows for a year is saved", seen.due_growing != 0,
                          "due() never was");
        case trigger_promise::due_at_close:
            return report("a node that closes is saved, and no other",
                          seen.due_closing != 0 && seen.due_growing == 0,
                          "due() at another time, or never");
        case trigger_promise::by_request_only:
            return report("a trigger for requests is never due",
                          seen.due_growing + seen.due_closing == 0, "due() was");
    }
}

// A compaction policy may name any index up to the end of the log (the node clamps it to what must
// stay), but the same one for the same facts, and none that lies further back than the last time.
template <class Report, class Policy>
void compaction(Report&& report, const Policy& policy) {
    bool repeats = true, keeps_all_of_nothing = true, rises = true, within = true, ahead = true;
    prng random(11);
    for (int round = 0; round < 50; ++round) {
        log_shape log{.first = {1}, .bytes_per_entry = static_cast<u32>(random.below(4096))};
        index_t before = policy.keep_from(log);
        keeps_all_of_nothing = keeps_all_of_nothing && before <= index_t{1};
        for (int i = 0; i < 100; ++i) {
            log.last = {log.last.value + random.below(20'000)};
            log.applied = log.slowest_match = log.last;
            log.bytes = log.last.value * log.bytes_per_entry;
            log.now = log.now + milliseconds(static_cast<i64>(random.below(100'000)));
            if (random.chance(200'000)) {
                log.previous_snapshot = log.snapshot;
                log.snapshot = log.applied;
                log.oldest_kept = log.previous_snapshot;
                log.snapshot_at = log.now;
            }
            const index_t from = policy.keep_from(log);
            repeats = repeats && from == policy.keep_from(log);
            rises = rises && from >= before;
            within = within && from <= log.last.next();
            if constexpr (timed_compaction<Policy>) ahead = ahead && policy.wake_at(log) > log.now;
            before = from;
        }
    }
    report("a question asked twice has one answer", repeats,
           "keep_from() differs at the same facts");
    report("an empty log is kept whole", keeps_all_of_nothing,
           "keep_from() is behind an empty log");
    report("what may go is not wanted back while the log grows", rises, "keep_from() fell");
    report("what is kept begins at the end of the log at the latest", within,
           "keep_from() is behind the next entry");
    if constexpr (timed_compaction<Policy>) {
        report("nobody is woken for the past", ahead,
               "wake_at() is not later: the node would spin");
    }
}

// A retention policy gives one answer to one question, and a snapshot that may go is not wanted
// back: it is gone by then.
template <class Report, class Policy>
void retention(Report&& report, const Policy& policy) {
    bool repeats = true, falls = true, newest = true;
    prng random(12);
    for (int round = 0; round < 50; ++round) {
        kept_snapshot asked;
        asked.id = {{{1 + random.below(1u << 20)}, {1 + random.below(9)}}, random.next()};
        asked.bytes = random.below(u64{1} << 40);
        asked.origin = static_cast<snapshot_origin>(random.below(3));
        asked.published_at = instant{} + milliseconds(static_cast<i64>(random.below(1u << 30)));
        instant now = asked.published_at;
        newest = newest && policy.keeps(asked, now);
        bool kept = true;
        for (int i = 0; i < 50; ++i) {  // newer ones come, and time goes on
            if (random.chance(500'000)) ++asked.rank;
            now = now + milliseconds(static_cast<i64>(random.below(100'000'000)));
            const bool keeps = policy.keeps(asked, now);
            repeats = repeats && keeps == policy.keeps(asked, now);
            falls = falls && (kept || !keeps);
            kept = keeps;
        }
    }
    report("a question asked twice has one answer", repeats, "keeps() differs at the same facts");
    report("a new snapshot is kept", newest, "keeps() refuses the newest");
    report("what may go is not wanted back as it gets older", falls, "keeps() came back");
}

// What happens when an install meets a save: one of the three, and the same for the same two.
template <class Report, class Policy>
void install_conflict(Report&& report, const Policy& policy) {
    bool repeats = true, known = true;
    prng random(13);
    for (int i = 0; i < 200; ++i) {
        const u64 saving = 1 + random.below(1000);
        const install_clash clash{{{saving}, {1 + random.below(3)}},
                                  {{saving + random.below(1000)}, {1 + random.below(3)}}};
        const clash_verdict verdict = policy.decide(clash);
        repeats = repeats && verdict == policy.decide(clash);
        known = known && verdict <= clash_verdict::run_both;
    }
    report("a question asked twice has one answer", repeats, "decide() differs at the same facts");
    report("a clash has one of the known ends", known, "decide() names none");
}

// `repairs` is what a node is compiled for, so a policy that says it never repairs must not.
template <class Report, class Policy>
void corruption(Report&& report, const Policy& policy) {
    bool repeats = true, honest = true, known = true;
    for (u8 part = 0; part <= static_cast<u8>(damaged_part::no_snapshot); ++part) {
        for (u64 first : {u64{0}, u64{1}, u64{1000}}) {
            const damage found{static_cast<damaged_part>(part), {first}, {2 * first}, 4096, "", {}};
            const damage_verdict verdict = policy.decide(found);
            repeats = repeats && verdict == policy.decide(found);
            known = known && verdict <= damage_verdict::repair;
            honest = honest && (verdict == damage_verdict::refuse || Policy::repairs);
        }
    }
    report("a question asked twice has one answer", repeats, "decide() differs at the same facts");
    report("damage is refused or repaired", known, "decide() names neither");
    report("a policy without `repairs` repairs nothing", honest, "decide() says repair");
}

// A throttle answers with an instant that never falls, never lies before now, and always comes.
template <class Report, class Make>
void throttle(Report&& report, Make&& make) {
    bool rises = true, not_before_now = true, comes = true;
    for (u64 seed = 1; seed <= 20; ++seed) {
        prng random(seed);
        auto asked = make();
        instant now = instant{} + seconds(1), last{};
        for (int i = 0; i < 500; ++i) {
            const bulk_request want{static_cast<bulk_use>(random.below(5)),
                                    static_cast<u32>(random.below(1u << 20)),
                                    random.chance(500'000)};
            const instant go = asked.admit(want, now);
            rises = rises && go >= last;
            not_before_now = not_before_now && go >= now;
            comes = comes && go < now + minutes(60);
            last = go;
            // Half of the callers wait, the others ask at once for more.
            now = now + microseconds(static_cast<i64>(random.below(5000)));
            if (random.chance(500'000)) now = std::max(now, go);
        }
    }
    report("what is admitted never goes back", rises, "admit() fell");
    report("nothing is admitted in the past", not_before_now, "admit() is before now");
    report("a mebibyte goes within the hour", comes, "admit() is an hour away or never");
}

// A clock (node_clocks, a log runner's) never goes back, and time passes. `wait` lets some of it.
template <class Report, class Now, class Wait>
void clock(Report&& report, Now&& now, Wait&& wait) {
    bool rises = true;
    const instant began = now();
    instant last = began;
    for (int i = 0; i < 1000; ++i) {
        if (i % 100 == 0) wait();
        const instant read = now();
        rises = rises && read >= last;
        last = read;
    }
    report("a clock never goes back", rises, "it did");
    report("a clock goes on", last > began, "it stands still");
}

}  // namespace conform

RAFTKIT_NAMESPACE_END
