#pragma once
// Making a failing plan smaller: halves, quarters and at last single actions are left out for as
// long as what remains still fails in the same way (Zeller and Hildebrandt, "Simplifying and
// isolating failure-inducing input", 2002). Nothing here knows how a plan is run.

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include <raftkit/base/ordinal.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

// Requires: fails(items). Ensures: fails(what is returned); unless the runs gave out, no item of it
// is needless by itself. Calls `fails` at most `runs_left` times, and counts it down.
template <class Item, class Fails>
std::vector<Item> minimised(std::vector<Item> items, u32& runs_left, Fails fails) {
    const auto still_fails = [&](const std::vector<Item>& rest) {
        --runs_left;
        return fails(rest);
    };
    if (items.empty() || runs_left == 0) return items;
    if (std::vector<Item> none; still_fails(none)) return none;
    std::size_t piece = (items.size() + 1) / 2;
    while (runs_left > 0 && items.size() > 1) {
        bool smaller = false;
        for (std::size_t from = 0; from < items.size() && runs_left > 0;) {
            const std::size_t until = std::min(from + piece, items.size());
            std::vector<Item> rest(items.begin(),
                                   items.begin() + static_cast<std::ptrdiff_t>(from));
            rest.insert(rest.end(), items.begin() + static_cast<std::ptrdiff_t>(until),
                        items.end());
            // All of them at once have been tried.
            if (!rest.empty() && still_fails(rest)) {
                items = std::move(rest);
                smaller = true;
            } else {
                from = until;
            }
        }
        if (piece == 1 && !smaller) break;
        piece = std::max<std::size_t>(1, std::min(piece, items.size()) / 2);
    }
    return items;
}

// What went wrong without where and when: "I-5" for the invariants of the list, else the words
// without their numbers.
inline std::string failure_kind(const std::string& why) {
    const auto digit = [](char each) { return each >= '0' && each <= '9'; };
    const std::size_t named = why.find("I-");
    std::string kind;
    if (named != std::string::npos && named + 2 < why.size() && digit(why[named + 2])) {
        std::size_t end = named + 2;
        while (end < why.size() && digit(why[end])) ++end;
        return why.substr(named, end - named);
    }
    std::copy_if(why.begin(), why.end(), std::back_inserter(kind),
                 [&](char each) { return !digit(each); });
    return kind;
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
