#pragma once
// How a plan is drawn from a swarm. Every kind has dice of its own, so that a kind that is switched
// off, or added to the simulator, leaves what the others do.

#include <raftkit/testing/sim/nemesis/words.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

// The other half belongs to the healed cluster.
inline duration faults_last(const swarm& in) noexcept { return in.run_for / 2; }

class fault_drawing {
public:
    explicit fault_drawing(const swarm& in) noexcept : in_(&in) {}

    // `number` is the kind's for ever: it names its dice.
    template <class Draw>
    void add(u64 number, duration mean, Draw draw) {
        if (mean.ns == 0) return;
        u64 stream = in_->seed ^ number * 0x9e3779b97f4a7c15ULL;
        prng dice(prng::scramble(stream));
        const instant end = instant{} + faults_last(*in_);
        for (instant at = step({}, mean, dice); at < end; at = step(at, mean, dice)) {
            fault_kind what = draw(dice);
            actions_.push_back({at, std::move(what)});
        }
    }
    u32 place(prng& dice) const noexcept {
        return static_cast<u32>(dice.below(in_->voters + in_->spares));
    }
    // Leaders have more to lose.
    aim somebody(prng& dice) const noexcept {
        aim made;
        made.place = place(dice);
        made.leader = dice.below(2) == 0;
        return made;
    }
    duration down(prng& dice) const noexcept {
        return drawn(dice, milliseconds(1), in_->down_for * 2);
    }
    std::vector<fault_action> by_time() {
        std::stable_sort(actions_.begin(), actions_.end(),
                         [](const fault_action& a, const fault_action& b) { return a.at < b.at; });
        return std::move(actions_);
    }

private:
    static instant step(instant from, duration mean, prng& dice) noexcept {
        return from + duration{static_cast<i64>(1 + dice.below(static_cast<u64>(mean.ns) * 2))};
    }

    const swarm* in_;
    std::vector<fault_action> actions_;
};

// Leaves out what a correct system could not survive. For drawn plans and for written ones.
inline fault_plan admit(const swarm& in, std::vector<fault_action> wanted) {
    fault_plan made;
    fault_budget budget(in);
    for (fault_action& each : wanted) {
        const std::string why =
            std::visit([&](const auto& kind) { return objection(kind, in, budget); }, each.what);
        if (why.empty()) {
            made.actions.push_back(std::move(each));
        } else {
            made.dropped.push_back("dropped: " + words(each) + ": " + why);
        }
    }
    return made;
}

inline fault::kill draw_kill(const fault_drawing& from, prng& dice) {
    fault::kill made;
    made.whom = from.somebody(dice);
    made.power = dice.below(2) == 0;
    made.down_for = from.down(dice);
    return made;
}
// Somewhere inside of a write, a sync or a rename of the next calls.
inline fault::kill_in_call draw_kill_in_call(const fault_drawing& from, prng& dice) {
    fault::kill_in_call made;
    made.whom = from.somebody(dice);
    made.nth = static_cast<u32>(1 + dice.below(60));
    made.inside = dice.below(2) == 0;
    made.power = dice.below(2) == 0;
    made.down_for = from.down(dice);
    return made;
}
inline fault_kind draw_partition(const fault_drawing& from, prng& dice) {
    switch (dice.below(6)) {
        case 0: return fault::isolate{{from.place(dice), false}};
        case 1: return fault::split{dice.next()};
        case 2: return fault::ring{};
        case 3: return fault::bridge{{from.place(dice), false}};
        case 4: return fault::bridge{{from.place(dice), true}};
        default: return fault::isolate{{from.place(dice), true}};
    }
}
inline fault_kind draw_link(const fault_drawing& from, prng& dice, bool slow) {
    const aim one = from.somebody(dice), other{from.place(dice), false};
    const bool forth = dice.below(2) == 0;
    const duration by = drawn(dice, milliseconds(20), milliseconds(900));
    const aim source = forth ? one : other, target = forth ? other : one;
    if (slow) return fault::slow{source, target, by};
    return fault::cut{source, target};
}
inline fault::weather draw_weather(prng& dice) {
    swarm made;
    draw_wire(dice, made);
    return {made.wire};
}
inline fault::clock draw_clock(const fault_drawing& from, prng& dice, bool leases) {
    fault::clock made;
    made.whom = from.somebody(dice);
    // Now and then more than leases allow: the plan then says what it leaves out.
    const u64 span = leases && dice.below(8) != 0 ? 20'000 : 300'000;
    made.ppm = static_cast<i64>(dice.below(2 * span + 1)) - static_cast<i64>(span);
    return made;
}
inline fault::change draw_change(const fault_drawing& from, prng& dice) {
    fault::change made;
    made.asked = {from.place(dice), dice.below(4) != 0};
    made.who = from.place(dice);
    made.promote = dice.below(4) != 0;
    made.demote = dice.below(2) == 0;
    return made;
}

inline fault::disk draw_disk(const fault_drawing& from, prng& dice) {
    fault::disk made;
    made.whom = from.somebody(dice);
    made.what.what =
        one_of(dice, {disk_fault::flipped_bit, disk_fault::garbage, disk_fault::zeros,
                      disk_fault::lost_write, disk_fault::misdirected_write,
                      disk_fault::foreign_sector, disk_fault::broken_sector, disk_fault::wiped,
                      disk_fault::read_error, disk_fault::read_error, disk_fault::write_error,
                      disk_fault::write_error, disk_fault::sync_error, disk_fault::sync_error,
                      disk_fault::full, disk_fault::full, disk_fault::room, disk_fault::room});
    made.what.where =
        one_of(dice, {stored_file::segment, stored_file::segment, stored_file::spare,
                      stored_file::identity, stored_file::manifest, stored_file::section});
    made.what.place = dice.next() >> 32;  // short enough to be read
    made.down_for = from.down(dice);
    if (destroys(made.what)) made.whom.leader = false;  // who it is must be known
    return made;
}

inline std::vector<fault_action> wanted_faults(const swarm& in) {
    fault_drawing from(in);
    from.add(1, in.crash_every, [&](prng& dice) { return draw_kill(from, dice); });
    from.add(2, in.crash_every, [&](prng& dice) { return draw_kill_in_call(from, dice); });
    from.add(3, in.power_every, [&](prng& dice) {
        const duration down = drawn(dice, milliseconds(1), in.down_for);
        return fault::blackout{down, drawn(dice, {}, milliseconds(500))};
    });
    from.add(4, in.restart_every, [&](prng& dice) {
        const aim whom = from.somebody(dice);
        return fault::restart{whom, draw_life(dice, in)};
    });
    from.add(5, in.pause_every, [&](prng& dice) {
        const aim whom = from.somebody(dice);
        return fault::pause{whom, drawn(dice, milliseconds(100), seconds(5))};
    });
    from.add(6, in.clock_every, [&](prng& dice) { return draw_clock(from, dice, in.lease_reads); });
    from.add(7, in.partition_every, [&](prng& dice) { return draw_partition(from, dice); });
    from.add(8, in.cut_every, [&](prng& dice) { return draw_link(from, dice, false); });
    from.add(9, in.slow_every, [&](prng& dice) { return draw_link(from, dice, true); });
    from.add(10, in.heal_every, [](prng&) { return fault::join{}; });
    from.add(11, in.weather_every, [](prng& dice) { return draw_weather(dice); });
    from.add(12, in.transfer_every, [&](prng& dice) {
        const aim asked = from.somebody(dice);
        const u32 to = from.place(dice);
        return fault::transfer{asked, to, dice.below(3) == 0};
    });
    from.add(13, in.change_every, [&](prng& dice) { return draw_change(from, dice); });
    from.add(14, in.snapshot_at_every,
             [&](prng& dice) { return fault::snapshot{from.somebody(dice)}; });
    from.add(15, in.disk_fault_every, [&](prng& dice) { return draw_disk(from, dice); });
    return from.by_time();
}
inline fault_plan draw_faults(const swarm& in) { return admit(in, wanted_faults(in)); }

}  // namespace testing

RAFTKIT_NAMESPACE_END
