#pragma once
// Which test covers which scenario and which known bug, as the comments of the tests say, and as
// the table in tests/README.md says. A comment belongs to a test:
//
//   // scenario D47, known bugs 43, 44           at the left margin: the next test
//   TEST_CASE("...") {  // known bug 31          anything else: the test that it stands in
//
// A golden script (tests/*/scripts/*.txt) is one test; in Python a test is a function test_*.

#include <algorithm>
#include <compare>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source_text.hpp"

namespace coverage {

// Scenarios have their section's letter: `D47`; known bugs are plain numbers.
struct mention {
    std::string number;
    std::size_t offset = 0;
};

struct test_place {
    std::string name;  // empty: the file is one test
    std::size_t offset = 0;
};

struct claim {  // this test says that it covers this number
    std::string number, file, test;
    friend auto operator<=>(const claim&, const claim&) = default;
};

enum class language { cpp, python, script };

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The text with everything but comments blanked; lines stay where they were.
inline std::string comments_of(std::string_view text, language in) {
    std::string kept(text.size(), ' ');
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n') kept[i] = '\n';
    }
    const auto keep = [&](std::size_t from, std::size_t to) {
        std::copy(text.begin() + static_cast<std::ptrdiff_t>(from),
                  text.begin() + static_cast<std::ptrdiff_t>(to),
                  kept.begin() + static_cast<std::ptrdiff_t>(from));
    };
    if (in == language::cpp) {
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = std::min(tidy::end_of_quiet(text, at), text.size());
            if (end > at && text[at] == '/') keep(at, end);
            at = end > at ? end : at + 1;
        }
        return kept;
    }
    std::size_t begin = 0;
    for (std::string_view line : tidy::lines_of(text)) {
        const std::size_t mark = in == language::python  ? line.find("# ")
                                 : line.starts_with('#') ? 0
                                                         : std::string_view::npos;
        if (mark != std::string_view::npos) keep(begin + mark, begin + line.size());
        begin += line.size() + 1;
    }
    return kept;
}

// Words, numbers and commas, one after the other; what else stands between them is skipped, but it
// ends a list.
struct token {
    std::string_view text;
    std::size_t offset = 0;
    bool after_other = false;  // something else than blanks and comment marks stands before it
};

inline std::vector<token> tokens_of(std::string_view comments) {
    std::vector<token> tokens;
    bool other = false;
    for (std::size_t at = 0; at < comments.size();) {
        if (tidy::is_word(comments[at]) || comments[at] == ',') {
            std::size_t end = at + 1;
            while (comments[at] != ',' && end < comments.size() && tidy::is_word(comments[end]))
                ++end;
            tokens.push_back({comments.substr(at, end - at), at, other});
            other = false;
            at = end;
            continue;
        }
        other =
            other || !(tidy::is_space(comments[at]) || comments[at] == '/' || comments[at] == '#');
        ++at;
    }
    return tokens;
}

inline bool is_word_like(std::string_view text, std::string_view word) {
    return text.size() == word.size() &&
           std::equal(text.begin(), text.end(), word.begin(), [](char a, char b) {
               return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
           });
}

inline bool is_number(std::string_view text, bool lettered) {
    if (lettered) {
        if (text.size() < 2 || text[0] < 'A' || text[0] > 'K') return false;
        text.remove_prefix(1);
    }
    return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

// "scenario D47", "Scenarios D50 and D56", "known bugs 1, 76 and 78".
inline std::vector<mention> mentions_in(std::string_view comments) {
    const std::vector<token> all = tokens_of(comments);
    std::vector<mention> found;
    for (std::size_t at = 0; at + 1 < all.size(); ++at) {
        const bool scenario =
            is_word_like(all[at].text, "scenario") || is_word_like(all[at].text, "scenarios");
        const bool bug = at > 0 && is_word_like(all[at - 1].text, "known") &&
                         (is_word_like(all[at].text, "bug") || is_word_like(all[at].text, "bugs"));
        if (!scenario && !bug) continue;
        for (std::size_t next = at + 1; next < all.size(); ++next) {
            if (all[next].after_other) break;
            if (all[next].text == "," || all[next].text == "and") continue;
            if (!is_number(all[next].text, scenario)) break;
            found.push_back({std::string(all[next].text), all[next].offset});
        }
    }
    return found;
}

// The string literals that begin at or behind `at`, put together.
inline std::string literal_at(std::string_view text, std::size_t at) {
    std::string whole;
    while (at < text.size()) {
        while (at < text.size() && tidy::is_space(text[at])) ++at;
        if (at >= text.size() || text[at] != '"') return whole;
        const std::size_t end = tidy::end_of_quiet(text, at);
        for (std::size_t i = at + 1; i + 1 < end; ++i) {
            if (text[i] == '\\') ++i;
            whole += text[i];
        }
        at = end;
    }
    return whole;
}

inline std::vector<test_place> tests_in(std::string_view text, language in) {
    std::vector<test_place> tests;
    if (in == language::script) return {{}};
    if (in == language::python) {
        std::size_t begin = 0;
        for (std::string_view line : tidy::lines_of(text)) {
            // Other functions have their place too: what they explain is no claim.
            const bool test = line.starts_with("def test_");
            if (test || line.starts_with("def ") || line.starts_with("class ")) {
                tests.push_back(
                    {test ? std::string(line.substr(4, line.find('(') - 4)) : "", begin});
            }
            begin += line.size() + 1;
        }
        return tests;
    }
    const std::string code = tidy::code_of(text);
    for (const char* macro : {"TEST_CASE", "TEST_CASE_TEMPLATE", "TEST_CASE_FIXTURE"}) {
        for (const std::size_t place : tidy::places_of(code, macro)) {
            const std::size_t open = code.find('(', place);
            if (open != std::string::npos) tests.push_back({literal_at(text, open + 1), place});
        }
    }
    std::sort(tests.begin(), tests.end(),
              [](const auto& a, const auto& b) { return a.offset < b.offset; });
    return tests;
}

// What the tests of one file say that they cover. A comment that belongs to no test has none.
inline std::vector<claim> claims_in(const std::string& file, std::string_view text, language in) {
    const std::vector<test_place> tests = tests_in(text, in);
    std::vector<claim> claims;
    for (const mention& each : mentions_in(comments_of(text, in))) {
        std::size_t line = each.offset;
        while (line > 0 && text[line - 1] != '\n') --line;
        const bool margin = text[line] == '/' || text[line] == '#';
        const auto next = std::find_if(tests.begin(), tests.end(), [&](const test_place& test) {
            return test.offset > each.offset;
        });
        claim made{each.number, file, in == language::cpp ? "?" : ""};
        if (in != language::script && margin && next != tests.end()) made.test = next->name;
        if (in != language::script && !margin && next != tests.begin())
            made.test = (next - 1)->name;
        if (in == language::script || !made.test.empty()) claims.push_back(made);
    }
    return claims;
}

// ---- the table -------------------------------------------------------------------------------

// | number | what | covered by | remark |
struct row {
    std::string number, what, covered, remark;
    std::size_t begin = 0, end = 0;  // of its line
};

inline std::vector<row> rows_in(std::string_view readme) {
    std::vector<row> rows;
    std::size_t begin = 0;
    for (std::string_view line : tidy::lines_of(readme)) {
        std::vector<std::string> cells;
        std::string cell;
        for (std::size_t i = 0; i < line.size(); ++i) {
            if (line[i] == '\\' && i + 1 < line.size()) {
                cell += line[i];
                cell += line[++i];
            } else if (line[i] == '|') {
                cells.push_back(std::exchange(cell, {}));
            } else {
                cell += line[i];
            }
        }
        for (std::string& each : cells) {
            each.erase(0, each.find_first_not_of(' '));
            each.erase(each.find_last_not_of(' ') + 1);
        }
        if (cells.size() == 5 && (is_number(cells[1], true) || is_number(cells[1], false)))
            rows.push_back({cells[1], cells[2], cells[3], cells[4], begin, begin + line.size()});
        begin += line.size() + 1;
    }
    return rows;
}

// The third cell of a row, as the sources have it.
inline std::string covered_by(const std::vector<claim>& sorted, std::string_view number) {
    std::string cell;
    const claim* before = nullptr;
    for (const claim& each : sorted) {
        if (each.number != number || (before != nullptr && each == *before)) continue;
        before = &each;
        if (!cell.empty()) cell += "<br>";
        cell += "`" + each.file + "`";
        if (!each.test.empty()) cell += " ";
        for (const char c : each.test) {
            if (c == '|') cell += '\\';
            cell += c;
        }
    }
    return cell;
}

}  // namespace coverage
