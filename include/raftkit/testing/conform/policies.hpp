#pragma once
// Conformance of policies: what the node relies on beyond the signatures that the concepts check.
// Independent of any test framework: `report(name, ok, why)` is called once a rule. A policy is
// tried on copies or made by a factory, so that the rules don't see each other's traces.
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

// A trigger is asked often, must answer alike when nothing differs, and must not wake for what it
// has seen.
template <class Report, class Make>
void trigger(Report&& report, Make&& make) {
    bool repeats = true, wakes_ahead = true, means_it = true, replays = true;
    for (u64 seed = 1; seed <= 50; ++seed) {
        detail::life life(seed);
        auto asked = make(), again = make();
        for (int i = 0; i < 100; ++i) {
            life.step();
            const trigger_verdict verdict = asked.due(life.since, life.now);
            repeats = repeats && bool(verdict) == bool(asked.due(life.since, life.now));
            replays = replays && bool(verdict) == bool(again.due(life.since, life.now));
            (void)again.due(life.since, life.now);
            if (verdict) means_it = means_it && *verdict.cause != '\0';
            if constexpr (timed_trigger<decltype(asked)>) {
                wakes_ahead = wakes_ahead && asked.wake_at(life.since) > life.now;
            }
            if (verdict || life.sometimes()) life.saved();
        }
    }
    report("a question asked twice has one answer", repeats,
           "due() differs at the same facts and instant");
    report("a replay of the facts gives the same verdicts", replays,
           "due() depends on something else than facts, instant and earlier questions");
    report("a verdict names a cause", means_it, "due() gave an empty cause");
    report("nobody is woken for the past", wakes_ahead,
           "wake_at() after due() is not later: the node would spin");
}

// A compaction policy may name any index, but the same one for the same facts.
template <class Report, class Policy>
void compaction(Report&& report, const Policy& policy) {
    bool repeats = true, keeps_all_of_nothing = true, rises = true;
    prng random(11);
    for (int round = 0; round < 50; ++round) {
        log_shape log{.first = {1}, .bytes_per_entry = static_cast<u32>(random.below(4096))};
        index_t before = policy.keep_from(log);
        keeps_all_of_nothing = keeps_all_of_nothing && before <= index_t{1};
        for (int i = 0; i < 100; ++i) {
            log.last = {log.last.value + random.below(20'000)};
            log.applied = log.slowest_match = log.last;
            log.bytes = log.last.value * log.bytes_per_entry;
            if (random.chance(200'000)) {
                log.previous_snapshot = log.snapshot;
                log.snapshot = log.applied;
                log.oldest_kept = log.previous_snapshot;
            }
            const index_t from = policy.keep_from(log);
            repeats = repeats && from == policy.keep_from(log);
            rises = rises && from >= before;
            before = from;
        }
    }
    report("a question asked twice has one answer", repeats,
           "keep_from() differs at the same facts");
    report("an empty log is kept whole", keeps_all_of_nothing,
           "keep_from() is behind an empty log");
    report("what may go is not wanted back while the log grows", rises, "keep_from() fell");
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

// An executor finishes each job once, in the order in which they came, and without an error.
// `settle` returns when what was run is finished: nothing for an inline executor, the owner's turn
// for a queued one, a wait for a thread.
template <class Report, class Executor, class Settle>
void executor(Report&& report, Executor& on, Settle&& settle) {
    struct job : operation {
        job() noexcept : operation(&job::done) {}
        static void done(operation& self, error why, byte_span reply) noexcept {
            job& mine = static_cast<job&>(self);
            ++mine.runs;
            mine.clean = mine.clean && !why && reply.empty();
            mine.place = (*mine.count)++;
        }
        int* count = nullptr;
        int runs = 0, place = -1;
        bool clean = true;
    };
    constexpr int jobs = 64;
    int finished = 0;
    bool once = true, ordered = true, clean = true;
    std::vector<job> all(jobs);
    for (int round = 1; round <= 3; ++round) {  // a job may be run again when it is finished
        finished = 0;
        for (job& each : all) {
            each.count = &finished;
            on.run(each);
        }
        settle();
        for (int i = 0; i < jobs; ++i) {
            const job& each = all[static_cast<std::size_t>(i)];
            once = once && each.runs == round;
            ordered = ordered && each.place == i;
            clean = clean && each.clean;
        }
    }
    report("each job is finished once", once, "finish() was not called exactly once a run");
    report("jobs are finished in their order", ordered, "finish() was called out of order");
    report("a job is run without an error and without a reply", clean,
           "finish() was given something");
}

}  // namespace conform

RAFTKIT_NAMESPACE_END
