#pragma once
// Actions of the nemesis in words: "   312.450ms the leader loses power for 700.000ms".

#include <cstdio>

#include <raftkit/testing/sim/nemesis/actions.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

inline std::string words(duration of) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3fms", static_cast<double>(of.ns) / 1e6);
    return text;
}
inline std::string words(aim of) {
    const std::string node = "n" + std::to_string(of.place + 1);
    return of.leader ? "the leader (else " + node + ")" : node;
}
inline std::string percent(u32 per_million) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f %%", per_million / 1e4);
    return text;
}

inline std::string words(const fault::kill& of) {
    return words(of.whom) + (of.power ? " loses power" : " is killed") + " for " +
           words(of.down_for);
}
inline std::string words(const fault::kill_in_call& of) {
    return words(of.whom) + (of.power ? " loses power " : " is killed ") +
           (of.inside ? "inside" : "before") + " its file operation " + std::to_string(of.nth) +
           " from now, for " + words(of.down_for);
}
inline std::string words(const fault::blackout& of) {
    return "everybody loses power for " + words(of.down_for) + " and more, " + words(of.apart) +
           " apart";
}
inline std::string words(const fault::restart& of) {
    const life_numbers& now = of.numbers;
    return words(of.whom) + " restarts with segment_bytes=" + std::to_string(now.segment_bytes) +
           " snapshot_every=" + std::to_string(now.snapshot_every) +
           " trailing=" + std::to_string(now.trailing) +
           " retained=" + std::to_string(now.retained) +
           " persist_batches_max=" + std::to_string(now.persist_batches_max) +
           " inflight_messages_max=" + std::to_string(now.inflight_messages_max) +
           " apply_batch_entries_max=" + std::to_string(now.apply_batch_entries_max);
}
inline std::string words(const fault::pause& of) {
    return words(of.whom) + " stands still for " + words(of.how_long);
}
inline std::string words(const fault::clock& of) {
    return "the clock of " + words(of.whom) + (of.ppm < 0 ? " loses " : " gains ") +
           std::to_string(of.ppm < 0 ? -of.ppm : of.ppm) + " ppm";
}
inline std::string words(const fault::split& of) {
    std::string text = "split:";
    for (u32 place = 0; place < 64; ++place) {
        if ((of.inside >> place & 1) != 0) text += " n" + std::to_string(place + 1);
    }
    return text + " against the others";
}
inline std::string words(const fault::isolate& of) { return words(of.whom) + " is alone"; }
inline std::string words(const fault::ring&) { return "a ring: everybody hears two"; }
inline std::string words(const fault::bridge& of) {
    return "two halves, and " + words(of.middle) + " hears both";
}
inline std::string words(const fault::cut& of) {
    return words(of.from) + " is not heard by " + words(of.to);
}
inline std::string words(const fault::slow& of) {
    return words(of.from) + " is heard by " + words(of.to) + " " + words(of.by) + " later";
}
inline std::string words(const fault::join&) { return "all links are whole"; }
inline std::string words(const fault::weather& of) {
    return "the network loses " + percent(of.wire.loss) + ", repeats " + percent(of.wire.repeat) +
           ", delays up to " + words(of.wire.delay_max) + ", " + percent(of.wire.linger) +
           " up to " + words(of.wire.linger_max) + " more";
}
inline std::string words(const fault::transfer& of) {
    return words(of.from) + " hands over to " +
           (of.anyone ? std::string("anyone") : "n" + std::to_string(of.to + 1));
}
inline std::string words(const fault::change& of) {
    return words(of.asked) + " is asked to change n" + std::to_string(of.who + 1) +
           ": promote=" + (of.promote ? "yes" : "no") + " demote=" + (of.demote ? "yes" : "no");
}
inline std::string words(const fault::disk& of) {
    std::string text = words(of.whom) + " gets " + name_of(of.what.what);
    const bool whole = of.what.what == disk_fault::full || of.what.what == disk_fault::room ||
                       of.what.what == disk_fault::wiped;
    if (!whole)
        text +=
            std::string(" ") + mark_of(of.what.where) + "* (" + std::to_string(of.what.place) + ")";
    return text + ", stops for " + words(of.down_for) + " if it must";
}
inline std::string words(const fault::snapshot& of) {
    return words(of.whom) + " is asked for a snapshot";
}

inline std::string words(const fault_kind& of) {
    return std::visit([](const auto& each) { return words(each); }, of);
}
inline std::string words(const fault_action& of) {
    char stamp[32];
    std::snprintf(stamp, sizeof stamp, "%10.3fms ", static_cast<double>(of.at.ns) / 1e6);
    return stamp + words(of.what);
}
inline std::string words(const fault_plan& of) {
    std::string text;
    for (const fault_action& each : of.actions) text += words(each) + "\n";
    for (const std::string& each : of.dropped) text += each + "\n";
    return text;
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
