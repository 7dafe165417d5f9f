#pragma once
// The ways in which one call to the disk can be the last of its process, as data. crash_points.hpp
// plays them.

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include <raftkit/testing/sim/disk.hpp>

RAFTKIT_NAMESPACE_BEGIN
namespace testing {

// How the life ends. A process that dies leaves its writes in the page cache. Power takes unsynced
// sectors and names: all, the names alone, the sectors alone, or what the seed draws.
enum class crash_end : u8 { process, power_all, power_names, power_sectors, power_drawn };
inline constexpr std::array crash_ends{crash_end::process, crash_end::power_all,
                                       crash_end::power_names, crash_end::power_sectors,
                                       crash_end::power_drawn};

struct crash_cut {
    u64 call = 0;              // 1: the first of the workload
    std::optional<tear> torn;  // none: stopped before the call
    crash_end end = crash_end::process;
    power_cut_odds odds;
};

inline power_cut_odds odds_of(crash_end end) noexcept {
    using fate = power_cut_odds::names_fate;
    switch (end) {
        case crash_end::power_all: return {.survive_per_million = 0, .names = fate::lost};
        case crash_end::power_names: return {.survive_per_million = 1'000'000, .names = fate::lost};
        case crash_end::power_sectors: return {.survive_per_million = 0, .names = fate::kept};
        case crash_end::process:
        case crash_end::power_drawn: break;
    }
    return {};
}

inline void end_life(sim_disk& disk, const crash_cut& cut) {
    if (cut.end == crash_end::process) return disk.process_crash();
    disk.power_cut(cut.odds);
}

inline std::string words(const crash_cut& cut) {
    std::string made = "stopped before it";
    if (cut.torn && cut.torn->sectors == 0) {
        made = "torn after " + std::to_string(cut.torn->bytes) + " bytes";
    } else if (cut.torn) {
        made = "torn, with its sectors";
        for (u64 bit = 0; bit < 64; ++bit) {
            if ((cut.torn->sectors >> bit & 1) != 0) made += " " + std::to_string(bit);
        }
    }
    switch (cut.end) {
        case crash_end::process: return made + ", process death";
        case crash_end::power_all: return made + ", power cut: unsynced sectors and names lost";
        case crash_end::power_names: return made + ", power cut: unsynced names lost";
        case crash_end::power_sectors: return made + ", power cut: unsynced sectors lost";
        case crash_end::power_drawn: break;
    }
    return made + ", power cut: some of what was unsynced lost";
}

namespace detail {

// `count` numbers from 0, or `most` of them: one out of each equal part, where the dice say.
inline std::vector<u64> spread(u64 count, u64 most, prng& dice) {
    std::vector<u64> chosen;
    const u64 parts = std::min(count, most);
    for (u64 part = 0; part < parts; ++part) {
        const u64 first = count * part / parts, end = count * (part + 1) / parts;
        chosen.push_back(first + dice.below(end - first));
    }
    return chosen;
}

// A process that dies has written a prefix; of what a device was writing any sectors may be there.
inline void add_tears(const disk_trace_line& write, u64 most, prng& dice,
                      std::vector<crash_cut>& cuts) {
    const u64 first = write.offset / sector_bytes;
    const u64 sectors = (write.offset + write.bytes + sector_bytes - 1) / sector_bytes - first;
    const auto add = [&cuts](tear how, crash_end end) {
        how.on_medium = end != crash_end::process;
        cuts.push_back({0, how, end, odds_of(end)});
    };
    for (const u64 sector : spread(sectors, most, dice)) {
        const u64 start = std::max(write.offset, (first + sector) * sector_bytes) - write.offset;
        const u64 end = std::min((first + sector + 1) * sector_bytes - write.offset, write.bytes);
        if (start != 0) {
            add({.bytes = start}, crash_end::process);
            add({.bytes = start}, crash_end::power_all);
        }
        // Inside the sector too: a kernel copies bytes, and page caches know nothing of sectors.
        if (end - start > 1)
            add({.bytes = start + 1 + dice.below(end - start - 1)}, crash_end::process);
    }
    // Subsets: all of a short write's, but for those that are prefixes.
    const u64 all = sectors >= 64 ? ~u64{0} : (u64{1} << sectors) - 1;
    const bool few = sectors < 16 && all <= most;
    for (u64 k = 1; k <= (few ? all : most); ++k) {
        const u64 subset = few ? k : dice.next() & all;
        const bool prefix = (subset & (subset + 1)) == 0;
        if (!prefix || subset == all)
            add({.sectors = subset}, k % 2 == 0 ? crash_end::power_all : crash_end::power_drawn);
    }
}

inline std::vector<crash_cut> cuts_at(const disk_trace_line& call, u64 tears_max, prng& dice) {
    std::vector<crash_cut> cuts;
    for (const crash_end end : crash_ends) {
        cuts.push_back({0, std::nullopt, end, odds_of(end)});
    }
    if (call.call == disk_call::write && call.bytes != 0) add_tears(call, tears_max, dice, cuts);
    return cuts;
}

}  // namespace detail

}  // namespace testing
RAFTKIT_NAMESPACE_END
