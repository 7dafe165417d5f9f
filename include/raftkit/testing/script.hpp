#pragma once
// Data-driven scripts: commands, a line of dashes, the output they must have. A reader sees a whole
// scenario as the messages and disk batches that it is made of, and a change of behaviour as a diff
// of text.
//
//      # a comment
//      propose 1 x
//      deliver 1->2
//      ----
//      2 <- 1 append term=1 prev=1/1 entries=[2/1:x] commit=1
//      2 persist ticket=3 append=[2/1:x]
//
// Blocks are separated by empty lines. Goldens are rewritten only by RAFTKIT_REWRITE=1 in the
// environment.

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <raftkit/testing/script/commands.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

struct script_block {
    std::vector<std::string> comments, commands;
    std::string expected;
    std::size_t line = 0;  // of the first command
};

inline std::vector<script_block> parse_script(const std::string& text) {
    std::vector<script_block> blocks;
    script_block now;
    bool in_output = false;
    std::size_t number = 0;
    std::istringstream lines(text);
    const auto finish = [&] {
        if (!now.commands.empty() || !now.comments.empty()) blocks.push_back(std::move(now));
        now = {};
        in_output = false;
    };
    for (std::string line; std::getline(lines, line);) {
        ++number;
        if (line.empty()) {
            finish();
        } else if (in_output) {
            now.expected += line + "\n";
        } else if (line == "----") {
            in_output = true;
        } else if (line.front() == '#') {
            now.comments.push_back(line);
        } else {
            if (now.commands.empty()) now.line = number;
            now.commands.push_back(line);
        }
    }
    finish();
    return blocks;
}

struct script_result {
    bool ok = true;
    std::size_t blocks = 0;
    std::string difference;  // of the first block that differs
    std::string rewritten;   // the whole file as it would be right
};

// Every script has a stage of its own.
inline script_result play_script(const std::string& text) {
    script_result result;
    script_stage stage;
    for (const script_block& block : parse_script(text)) {
        for (const std::string& line : block.comments) result.rewritten += line + "\n";
        if (block.commands.empty()) {
            result.rewritten += "\n";
            continue;
        }
        std::string output;
        for (const std::string& command : block.commands) {
            output += run_command(stage, command);
            result.rewritten += command + "\n";
        }
        if (output.empty()) output = "ok\n";
        result.rewritten += "----\n" + output + "\n";
        ++result.blocks;
        if (output == block.expected || !result.ok) continue;
        result.ok = false;
        result.difference = "line " + std::to_string(block.line) + ": " + block.commands.front() +
                            "\nexpected:\n" + block.expected + "got:\n" + output;
    }
    if (!result.rewritten.empty()) result.rewritten.pop_back();
    return result;
}

inline script_result play_script_file(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    script_result result = play_script(text.str());
    const char* rewrite = std::getenv("RAFTKIT_REWRITE");
    if (rewrite != nullptr && std::string_view(rewrite) == "1") {
        std::ofstream(path) << result.rewritten;
        result.ok = true;
    }
    return result;
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
