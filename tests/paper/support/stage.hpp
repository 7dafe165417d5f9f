#pragma once
// A stage on which the sections of the paper are played: lines of the script language act, C++
// asserts.

#include <doctest/doctest.h>

#include <initializer_list>
#include <raftkit/testing/script.hpp>
#include <string>

namespace paper {

using namespace raftkit;
using namespace raftkit::testing;

class stage {
public:
    stage(std::initializer_list<const char*> lines) { play(lines); }

    std::string play(std::initializer_list<const char*> lines) {
        std::string output;
        for (const char* line : lines) {
            const std::string told = run_command(stage_, line);
            CHECK_MESSAGE(told.find("cannot: ") == std::string::npos, line);
            output += told;
        }
        return output;
    }
    const core::status& node(u64 id) { return stage_.find(id)->core->status(); }
    bool leads(u64 id) { return node(id).role == role_kind::leader; }
    const disk_image& disk(u64 id) { return stage_.find(id)->disk.image(); }
    // The terms of the entries on disk, from the first.
    std::string log(u64 id) {
        std::string terms;
        for (index_t at = disk(id).base.at.index.next(); at <= disk(id).last_index();
             at = at.next()) {
            terms += std::to_string(disk(id).at(at).term.value);
        }
        return terms;
    }

private:
    script_stage stage_;
};

inline bool says(const std::string& output, const char* words) {
    return output.find(words) != std::string::npos;
}

}  // namespace paper
