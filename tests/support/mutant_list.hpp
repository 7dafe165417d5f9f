#pragma once
// The list of mutants (tests/mutants/list.txt) as its test reads it; run.py reads it the same way.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "source_text.hpp"

namespace tidy {

struct mutant {
    std::string name;
    std::map<std::string, std::string> fields;  // file, test, why, equivalent
    std::string before, after;
};

inline std::vector<mutant> mutants_in(std::string_view list) {
    enum class part { outside, fields, before, after } now = part::outside;
    std::vector<mutant> all;
    for (const std::string_view line : lines_of(list)) {
        const std::size_t colon = line.find(": ");
        if (line.starts_with("== ")) {
            all.push_back({std::string(line.substr(3)), {}, {}, {}});
            now = part::fields;
        } else if (line.starts_with("# ")) {
            now = part::outside;
        } else if (line == "---") {
            now = part::before;
        } else if (line == "+++") {
            now = part::after;
        } else if (now == part::before || now == part::after) {
            std::string& text = now == part::before ? all.back().before : all.back().after;
            text.append(line).append("\n");
        } else if (now == part::fields && colon != std::string_view::npos) {
            all.back().fields[std::string(line.substr(0, colon))] = line.substr(colon + 2);
        }
    }
    for (mutant& each : all) {
        for (std::string* text : {&each.before, &each.after}) {
            while (!text->empty() && text->back() == '\n') text->pop_back();
        }
    }
    return all;
}

// How often `part` stands in `text`.
inline std::size_t count_of(std::string_view text, std::string_view part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string_view::npos;
         at = text.find(part, at + 1)) {
        ++count;
    }
    return count;
}

}  // namespace tidy
