#pragma once
// What one seed tries: every seed draws its own cluster, numbers and rates of faults (swarm
// testing: a run with all faults at once rarely gets anywhere, a run without a fault lets others
// show). Rates are means between two events; zero means never. What becomes of the rates is a plan:
// sim/nemesis.hpp.

#include <algorithm>

#include <raftkit/base/prng.hpp>
#include <raftkit/core/options.hpp>
#include <raftkit/testing/sim/network.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

// Defects that a simulated cluster can be given on purpose: a simulator that never failed proves
// nothing. Each is one of those that real implementations had.
enum class sabotage : u8 {
    none,
    early_acknowledgement,  // the log calls a batch durable when it was handed over
    forgotten_vote,         // a start loses whom this term's vote went to
    misread_command         // a machine that was restored loses the last byte of its next command
};

// The numbers of one node that may be others in its next life.
struct life_numbers {
    u64 segment_bytes = 16u << 10;
    u64 snapshot_every = 0, trailing = 0;
    u32 retained = 2;
    u32 persist_batches_max = 4, inflight_messages_max = 256, apply_batch_entries_max = 1024;
};

struct swarm {
    u64 seed = 0;
    u32 voters = 3, spares = 0;  // spares start empty and are added by membership changes
    core::options numbers;
    bool trusted_start = false;
    link_faults wire;
    duration disk_min, disk_max;    // of one batch; several may be done at once
    duration apply_min, apply_max;  // of one range
    u64 snapshot_every = 0, trailing = 0;
    u32 value_bytes_max = 0;
    duration run_for;
    duration write_every, read_every, crash_every, power_every, down_for, partition_every,
        heal_every, cut_every, pause_every, transfer_every, change_every;
    bool lease_reads = false;
    i64 clock_drift_ppm = 0;
    // Of clusters of real nodes only.
    duration restart_every, slow_every, weather_every, clock_every, snapshot_at_every;
    bool blocking_log = false;  // flush() waits for the disk in the node's own thread
    duration staging_ttl;
    u32 dead_at_rest = 0;       // that many never come back
    duration disk_fault_every;  // faults of disks: for whoever asks for them
    sabotage defect = sabotage::none;
};

inline duration drawn(prng& dice, duration low, duration high) noexcept {
    return {static_cast<i64>(dice.between(static_cast<u64>(low.ns), static_cast<u64>(high.ns)))};
}
template <class T, std::size_t N>
T one_of(prng& dice, const T (&choices)[N]) noexcept {
    return choices[dice.below(N)];
}
// Half of all seeds do without a given fault.
inline duration sometimes(prng& dice, duration low, duration high) noexcept {
    const duration every = drawn(dice, low, high);
    return dice.below(2) == 0 ? every : duration{};
}

inline void draw_numbers(prng& dice, swarm& made) noexcept {
    core::options& numbers = made.numbers;
    numbers.prevote = dice.below(4) != 0;
    numbers.check_quorum = dice.below(4) != 0;
    numbers.lease_reads = made.lease_reads = numbers.check_quorum && dice.below(3) == 0;
    numbers.inflight_messages_max = one_of(dice, {1U, 2U, 3U, 8U, 256U});
    numbers.message_bytes_max = one_of(dice, {4096U, 4096U, 16384U, 1U << 20});
    numbers.inflight_bytes_max = numbers.message_bytes_max * u64{one_of(dice, {1U, 2U, 8U})};
    numbers.command_bytes_max = 64u << 10;
    numbers.uncommitted_bytes_max = one_of(dice, {64u << 10, 256u << 10, 64u << 20});
    numbers.tail_resident_bytes = 256u << 10;
    numbers.tail_bytes_max =
        std::max<u64>(one_of(dice, {1u << 20, 8u << 20}), numbers.inflight_bytes_max);
    numbers.apply_batch_entries_max = one_of(dice, {1U, 2U, 7U, 1024U});
    numbers.apply_bytes_max = one_of(dice, {1U, 4096U, 16U << 20});
    numbers.promotion_lag_max = one_of(dice, {0U, 3U, 1000U});
    made.clock_drift_ppm = dice.below(3) == 0 ? static_cast<i64>(dice.below(20'001)) : 0;
}

inline void draw_wire(prng& dice, swarm& made) noexcept {
    link_faults& wire = made.wire;
    if (dice.below(2) == 0) wire.loss = static_cast<u32>(dice.below(300'000));
    if (dice.below(2) == 0) wire.repeat = static_cast<u32>(dice.below(500'000));
    if (dice.below(2) == 0) wire.linger = static_cast<u32>(dice.below(100'000));
    wire.delay_max =
        one_of(dice, {microseconds(100), milliseconds(2), milliseconds(20), milliseconds(150)});
    wire.linger_max = one_of(dice, {milliseconds(100), seconds(1), seconds(8)});
}

inline life_numbers draw_life(prng& dice, const swarm& in) noexcept {
    life_numbers made;
    made.segment_bytes = one_of(dice, {16u << 10, 16u << 10, 32u << 10, 256u << 10});
    made.snapshot_every = one_of(dice, {0U, 1U, 3U, 7U, 100U});
    made.trailing = one_of(dice, {0U, 1U, 10U, 50U});
    made.retained = one_of(dice, {1U, 2U, 3U});
    made.persist_batches_max = one_of(dice, {1U, 2U, 4U, 16U});
    made.inflight_messages_max =
        std::min(in.numbers.inflight_messages_max, one_of(dice, {1U, 2U, 8U, 256U}));
    made.apply_batch_entries_max = one_of(dice, {1U, 3U, 1024U});
    return made;
}

// What only clusters of real nodes go by. Own dice: the clusters of bare cores stay what they are.
inline void draw_hosts(swarm& made) noexcept {
    prng dice(made.seed ^ 0xb0a7);
    made.restart_every = sometimes(dice, milliseconds(800), seconds(4));
    made.slow_every = sometimes(dice, milliseconds(700), seconds(4));
    made.weather_every = sometimes(dice, milliseconds(700), seconds(4));
    made.clock_every = sometimes(dice, milliseconds(500), seconds(4));
    made.snapshot_at_every = sometimes(dice, milliseconds(500), seconds(3));
    made.blocking_log = dice.below(4) == 0;
    made.staging_ttl = one_of(dice, {minutes(60), minutes(60), milliseconds(200), seconds(2)});
    const bool fixed = made.spares == 0 && made.change_every.ns == 0;
    const u32 spare = (made.voters - 1) / 2;
    // A voter that never was in touch is waited for at a first start, unless the host vouches.
    if (fixed && made.trusted_start) made.dead_at_rest = static_cast<u32>(dice.below(spare + 1));
}

inline swarm draw_swarm(u64 seed) noexcept {
    prng dice(seed ^ 0x5ca1ab1e);
    swarm made;
    made.seed = seed;
    made.voters = one_of(dice, {1U, 2U, 3U, 3U, 3U, 4U, 5U, 5U});
    made.spares = dice.below(2) == 0 ? static_cast<u32>(dice.below(3)) : 0;
    made.trusted_start = dice.below(2) == 0;
    draw_numbers(dice, made);
    draw_wire(dice, made);
    made.disk_min = microseconds(20);
    made.disk_max =
        one_of(dice, {microseconds(200), milliseconds(5), milliseconds(60), milliseconds(400)});
    made.apply_min = microseconds(1);
    made.apply_max = one_of(dice, {microseconds(10), milliseconds(3), milliseconds(300)});
    made.snapshot_every = one_of(dice, {0U, 1U, 2U, 7U, 7U, 100U});
    made.trailing = one_of(dice, {0U, 1U, 10U});
    made.value_bytes_max = one_of(dice, {0U, 0U, 100U, 3000U, 20000U});
    made.run_for = drawn(dice, seconds(4), seconds(12));
    made.write_every = drawn(dice, milliseconds(5), milliseconds(80));
    made.read_every = sometimes(dice, milliseconds(10), milliseconds(200));
    made.crash_every = sometimes(dice, milliseconds(700), seconds(6));
    made.power_every = dice.below(3) == 0 ? drawn(dice, seconds(3), seconds(8)) : duration{};
    made.down_for = drawn(dice, milliseconds(50), seconds(4));
    made.partition_every = sometimes(dice, milliseconds(800), seconds(5));
    made.heal_every = drawn(dice, milliseconds(500), seconds(4));
    made.cut_every = sometimes(dice, milliseconds(500), seconds(4));
    made.pause_every = sometimes(dice, seconds(1), seconds(6));
    made.transfer_every = sometimes(dice, seconds(1), seconds(6));
    made.change_every = made.spares > 0 || dice.below(3) == 0
                            ? drawn(dice, milliseconds(600), seconds(4))
                            : duration{};
    draw_hosts(made);
    return made;
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
