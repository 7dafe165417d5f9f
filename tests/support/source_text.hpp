#pragma once
// C++ source as the tidy test sees it: comments, literals and preprocessor lines can be blanked
// out, so that a rule about code never stumbles over a word in a sentence. Blanks keep every line
// where it was.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tidy {

inline bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

inline bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

inline std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.push_back(text.substr(0, end));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return lines;
}

inline std::size_t line_at(std::string_view text, std::size_t offset) {
    std::size_t line = 1;
    for (std::size_t i = 0; i < offset && i < text.size(); ++i) line += text[i] == '\n';
    return line;
}

// Where the comment or literal that begins at `at` ends, or `at` if none begins there.
inline std::size_t end_of_quiet(std::string_view text, std::size_t at) {
    const std::string_view rest = text.substr(at);
    const auto after = [&](std::string_view mark, std::size_t from) {
        const std::size_t found = text.find(mark, from);
        return found == std::string_view::npos ? text.size() : found + mark.size();
    };
    if (rest.starts_with("//")) return after("\n", at) - 1;
    if (rest.starts_with("/*")) return after("*/", at + 2);
    if (rest.starts_with("R\"") && (at == 0 || !is_word(text[at - 1]))) {
        const std::size_t open = text.find('(', at);
        if (open == std::string_view::npos) return text.size();
        return after(")" + std::string(text.substr(at + 2, open - at - 2)) + "\"", open);
    }
    const char quote = text[at];
    const bool separates_digits = quote == '\'' && at > 0 && is_word(text[at - 1]);
    if ((quote != '"' && quote != '\'') || separates_digits) return at;
    std::size_t end = at + 1;
    while (end < text.size() && text[end] != quote) end += text[end] == '\\' ? 2 : 1;
    return end < text.size() ? end + 1 : text.size();
}

// The text with comments and literals blanked.
inline std::string code_of(std::string_view text) {
    std::string code(text);
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = end_of_quiet(text, at);
        for (std::size_t i = at; i < end && i < text.size(); ++i) {
            if (code[i] != '\n') code[i] = ' ';
        }
        at = end > at ? end : at + 1;
    }
    return code;
}

// Code without preprocessor lines and their continuations: what is left has balanced braces.
inline std::string declarations_of(std::string_view text) {
    std::string code = code_of(text);
    bool directive = false;
    std::size_t begin = 0;
    while (begin < code.size()) {
        std::size_t end = code.find('\n', begin);
        if (end == std::string::npos) end = code.size();
        const std::size_t first = code.find_first_not_of(" \t", begin);
        directive = directive || (first < end && code[first] == '#');
        const bool continues = end > begin && code[end - 1] == '\\';
        if (directive) code.replace(begin, end - begin, end - begin, ' ');
        directive = directive && continues;
        begin = end + 1;
    }
    return code;
}

// Offsets at which `word` stands alone.
inline std::vector<std::size_t> places_of(std::string_view code, std::string_view word) {
    std::vector<std::size_t> places;
    for (std::size_t at = code.find(word); at != std::string_view::npos;
         at = code.find(word, at + 1)) {
        const bool begins = at == 0 || !is_word(code[at - 1]);
        const std::size_t end = at + word.size();
        if (begins && (end == code.size() || !is_word(code[end]))) places.push_back(at);
    }
    return places;
}

// The first character at or after `at` that is not a space; 0 at the end.
inline char next_after(std::string_view code, std::size_t at) {
    while (at < code.size() && is_space(code[at])) ++at;
    return at < code.size() ? code[at] : '\0';
}

// The last character before `at` that is not a space; 0 at the beginning.
inline char last_before(std::string_view code, std::size_t at) {
    while (at > 0 && is_space(code[at - 1])) --at;
    return at > 0 ? code[at - 1] : '\0';
}

struct include_line {
    std::size_t line;
    std::string name;
    bool quoted;
};

inline std::vector<include_line> includes_of(std::string_view text) {
    std::vector<include_line> includes;
    std::size_t number = 0;
    for (std::string_view line : lines_of(text)) {
        ++number;
        const std::size_t hash = line.find_first_not_of(" \t");
        if (hash == std::string_view::npos || line[hash] != '#') continue;
        const std::size_t word = line.find_first_not_of(" \t", hash + 1);
        if (word == std::string_view::npos || !line.substr(word).starts_with("include")) continue;
        const std::size_t open = line.find_first_of("<\"", word);
        if (open == std::string_view::npos) continue;
        const bool quoted = line[open] == '"';
        const std::size_t close = line.find(quoted ? '"' : '>', open + 1);
        includes.push_back({number, std::string(line.substr(open + 1, close - open - 1)), quoted});
    }
    return includes;
}

}  // namespace tidy
