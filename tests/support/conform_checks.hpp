#pragma once
// The doctest adapter of the conformance suites: every report becomes a named check. And the proof
// that a suite is worth something: parts that are wrong in one named way each, and the name of the
// check that must see it. A check that no broken part fails is itself a failure.

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <span>
#include <string>

namespace conform_support {

// conform::check_x(places, each_check);
inline constexpr auto each_check = [](const char* name, bool ok, const char* why) {
    CHECK_MESSAGE(ok, std::string(name), ": ", std::string(why));
};

using names = std::set<std::string>;

inline std::string listed(const names& all) {
    std::string text;
    for (const std::string& each : all) text += "\n    " + each;
    return text.empty() ? "\n    nothing" : text;
}

// What a suite asked, and what a part did wrong.
struct findings {
    names asked, broken;
    void operator()(const char* name, bool ok, const char*) {
        asked.insert(name);
        if (!ok) broken.insert(name);
    }
};

template <class Defect>
struct defect_case {
    Defect how;
    const char* name;       // of the defect, in words
    const char* caught_by;  // the check that is there for it
};

// `run(defect, findings&)` takes a part with that defect through the suite. `Defect{}` is the part
// without any, which must conform: otherwise a defect may be caught for another reason.
template <class Defect, std::size_t Count, class Run>
void check_each_is_caught(const defect_case<Defect> (&cases)[Count], Run run) {
    findings sound;
    run(Defect{}, sound);
    CHECK_MESSAGE(sound.broken.empty(), "the sound part breaks:", listed(sound.broken));
    names caught;
    for (const defect_case<Defect>& each : cases) {
        findings seen;
        run(each.how, seen);
        CHECK_MESSAGE(seen.broken.contains(each.caught_by), std::string(each.name),
                      " is not caught by '", std::string(each.caught_by),
                      "', but by:", listed(seen.broken));
        sound.asked.merge(seen.asked);
        caught.merge(seen.broken);
    }
    names idle;
    std::ranges::set_difference(sound.asked, caught, std::inserter(idle, idle.end()));
    CHECK_MESSAGE(idle.empty(), "no broken part fails:", listed(idle));
}

}  // namespace conform_support
