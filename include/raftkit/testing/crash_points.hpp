#pragma once
// Crash-point enumeration: runs a workload on the simulated disk once to count its calls, then once
// for every way in which it could have been cut off, and asks after each whether what was promised
// is still there (I-13). For the kit's own log and stores, and for yours:
//
//   setup(disk)            what was there before; not cut off
//   steps(disk) ─▶ promise works until something fails, and ends: no handle outlives it. Returns
//   what
//                          was acknowledged, in whatever form `check` understands; copyable
//   check(disk, promise)   opens what the crash left and judges it: "" or what is wrong. What it
//                          found is a promise from then on, so it narrows `promise`
//   go_on(disk, promise)   optional: goes on with what was found, and adds to the promise
//
// The last two may end with a crash of their own (crash_at), so that nothing is tidied up.
//
//   for each call n of steps, and its end
//     stopped before it; and a write torn: after each sector, and in subsets of its sectors
//       × process death, and power cuts: unsynced sectors and names lost, kept, drawn
//         ▶ check ▶ power cut ▶ check ▶ go_on ▶ power cut ▶ check
//         ▶ again, with a crash at a call of that check, before check ▶ ...
//
// All that `check` finds must survive a power cut that follows at once: recovery that reports what
// it has not synced is the mistake that a single crash does not show. Short workloads are cut off
// everywhere; of long ones the seed draws. Needs no test framework: `report.why()` is "" or says
// it.

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <raftkit/testing/crash_points/cuts.hpp>

RAFTKIT_NAMESPACE_BEGIN
namespace testing {

struct crash_plan {
    u64 seed = 1;
    u64 calls_max = 2000;  // calls at which the workload is stopped, spread over all of them
    u64 tears_max = 12;    // ways in which one write is torn, drawn when there are more
    u64 recoveries = 1;    // crashes of the recovery for each of the workload; they take turns
    u32 garbage_per_million = 200'000;  // lost sectors that are torn inside, in one of the cuts
};

struct crash_report {
    struct failure {
        disk_trace_line at;  // the call that was struck
        crash_cut cut;
        std::optional<crash_cut> recovery;  // it was cut off as well
        std::string outcome;
    };
    u64 calls = 0;       // of the workload, when nothing happens
    u64 crashes = 0;     // ways in which it was cut off
    u64 recoveries = 0;  // times that the recovery was
    std::optional<failure> first;

    bool ok() const noexcept { return !first; }
    std::string why() const {
        if (!first) return {};
        const std::string call = first->cut.call > calls
                                     ? "after all " + std::to_string(calls) + " calls"
                                     : "call " + std::to_string(first->cut.call) + " of " +
                                           std::to_string(calls) + ", " + name_of(first->at.call) +
                                           " of " + first->at.path;
        std::string again;
        if (first->recovery) {
            again = "; then call " + std::to_string(first->recovery->call) + " of the recovery, " +
                    words(*first->recovery);
        }
        return call + ", " + words(first->cut) + again + ": " + first->outcome;
    }
};

namespace detail {

// Stands for no go_on.
struct goes_nowhere {
    template <class Promise>
    std::string operator()(sim_disk&, Promise&) const {
        return {};
    }
};

template <class Setup, class Steps, class Check, class GoOn>
class crash_enumerator {
    using promise = std::invoke_result_t<Steps&, sim_disk&>;
    static_assert(std::is_copy_constructible_v<promise>,
                  "steps(sim_disk&) must return what it promises, as a value");
    static_assert(std::is_same_v<std::invoke_result_t<Check&, sim_disk&, promise&>, std::string>,
                  "check(sim_disk&, promise&) must return std::string: \"\" or what is wrong");

public:
    crash_enumerator(const crash_plan& plan, Setup& setup, Steps& steps, Check& check, GoOn& go_on)
        : plan_(plan),
          setup_(setup),
          steps_(steps),
          check_(check),
          go_on_(go_on),
          dice_(plan.seed) {}

    crash_report run() {
        const std::vector<disk_trace_line> calls = count();
        report_.calls = calls.size();
        for (u64 nth : spread(calls.size() + 1, plan_.calls_max, dice_)) {
            const disk_trace_line at =
                nth < calls.size() ? calls[static_cast<std::size_t>(nth)] : disk_trace_line{};
            for (crash_cut cut : cuts_at(at, plan_.tears_max, dice_)) {
                cut.call = nth + 1;
                cut.odds.garbage_per_million =
                    cut.end == crash_end::power_drawn ? plan_.garbage_per_million : 0;
                strike(cut, at);
                if (report_.first) return std::move(report_);
            }
        }
        return std::move(report_);
    }

private:
    // The healthy run: what it promises must be found, or no crash proves anything.
    std::vector<disk_trace_line> count() {
        sim_disk disk(plan_.seed);
        setup_(disk);
        disk.keep_trace(true);
        promise made = steps_(disk);
        disk.keep_trace(false);
        std::vector<disk_trace_line> calls = disk.trace();
        disk.process_crash();
        if (std::string why = check_(disk, made); !why.empty())
            report_.first = {{}, {}, {}, "without any crash: " + std::move(why)};
        return calls;
    }

    // Cuts the workload off in one way, then again with its recovery cut off as well.
    void strike(const crash_cut& cut, const disk_trace_line& at) {
        if (report_.first) return;
        ++report_.crashes;
        const u64 seed = dice_.next();
        u64 calls = 0;
        std::string why = play(cut, nullptr, at, seed, calls);
        std::optional<crash_cut> again;
        for (u64 k = 0; why.empty() && calls != 0 && k < plan_.recoveries; ++k) {
            const crash_end end =
                crash_ends[static_cast<std::size_t>(dice_.below(crash_ends.size()))];
            again = crash_cut{1 + turn_++ % calls, std::nullopt, end, odds_of(end)};
            u64 ignored = 0;
            ++report_.recoveries;
            why = play(cut, &*again, at, seed, ignored);
        }
        if (!why.empty()) report_.first = {at, cut, again, std::move(why)};
    }

    // `calls`: what the first check takes. `again`: how that check is cut off; null: it is not.
    std::string play(const crash_cut& cut, const crash_cut* again, const disk_trace_line& at,
                     u64 seed, u64& calls) {
        sim_disk disk(seed);
        setup_(disk);
        const u64 before = disk.calls();
        if (cut.torn) {
            disk.crash_at(cut.call, *cut.torn);
        } else {
            disk.crash_at(cut.call);
        }
        promise made = steps_(disk);
        if (std::string why = strayed(disk, cut, at, disk.calls() - before); !why.empty())
            return why;
        end_life(disk, cut);
        if (again != nullptr) {
            promise unheard = made;  // whoever was cut off has told nobody
            disk.crash_at(again->call,
                          again->call % 2 == 0 ? crash_moment::before : crash_moment::inside);
            (void)check_(disk, unheard);
            end_life(disk, *again);
        }
        const u64 recovering = disk.calls();
        std::string why = check_(disk, made);
        calls = disk.calls() - recovering;
        if (why.empty()) why = keeps(disk, made, "what it reported after the crash");
        if (why.empty()) why = go_on_(disk, made);
        if (why.empty() && !std::is_same_v<GoOn, const goes_nowhere>)
            why = keeps(disk, made, "what it went on with");
        return why;
    }

    // What was found or acknowledged outlives a power cut that takes all that may be taken.
    std::string keeps(sim_disk& disk, promise& made, const char* what) {
        disk.power_cut({.survive_per_million = 0, .names = power_cut_odds::names_fate::lost});
        std::string why = check_(disk, made);
        if (disk.crashed()) disk.process_crash();
        return why.empty() ? why : std::string("a power cut took back ") + what + ": " + why;
    }

    // Each run must make the calls of the first one, or the enumeration proves nothing.
    std::string strayed(const sim_disk& disk, const crash_cut& cut, const disk_trace_line& at,
                        u64 calls) const {
        if (cut.call > report_.calls)
            return disk.crashed() || calls != report_.calls ? different : std::string();
        const disk_trace_line& struck = disk.crashed_in();
        const bool same = disk.crashed() && struck.call == at.call && struck.path == at.path &&
                          struck.offset == at.offset && struck.bytes == at.bytes;
        return same ? std::string() : different;
    }

    static constexpr const char* different =
        "the workload does not make the same calls each time it runs";

    const crash_plan plan_;
    Setup& setup_;
    Steps& steps_;
    Check& check_;
    GoOn& go_on_;
    prng dice_;
    u64 turn_ = 0;
    crash_report report_;
};

}  // namespace detail

template <class Setup, class Steps, class Check, class GoOn>
crash_report enumerate(const crash_plan& plan, Setup&& setup, Steps&& steps, Check&& check,
                       GoOn&& go_on) {
    return detail::crash_enumerator(plan, setup, steps, check, go_on).run();
}
template <class Setup, class Steps, class Check>
crash_report enumerate(const crash_plan& plan, Setup&& setup, Steps&& steps, Check&& check) {
    const detail::goes_nowhere nowhere;
    return detail::crash_enumerator(plan, setup, steps, check, nowhere).run();
}

}  // namespace testing
RAFTKIT_NAMESPACE_END
