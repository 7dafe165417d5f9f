// How many refusals it takes until a leader knows where a follower's log leaves its own.
#include <raftkit/testing/script/commands.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace raftkit;
using namespace raftkit::testing;

namespace {

struct stretch {
    u64 term, entries;
};

std::string log_of(const std::vector<stretch>& stretches) {
    std::string text;
    for (const stretch& each : stretches) {
        for (u64 k = 0; k < each.entries; ++k)
            text += (text.empty() ? "" : ",") + std::to_string(each.term);
    }
    return text;
}

u64 count(const std::string& text, const std::string& what) {
    u64 found = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
    return found;
}

// Refusals until the logs are equal.
u64 refusals(const std::vector<stretch>& leader, const std::vector<stretch>& follower, u64 term) {
    script_stage stage;
    const std::string in = " term=" + std::to_string(term);
    for (const std::string& line :
         {std::string("cluster voters=2 prevote=off"), "node 1 log=" + log_of(leader) + in,
          "node 2 log=" + log_of(follower) + in, std::string("start"), std::string("campaign 1")}) {
        (void)run_command(stage, line);
    }
    const std::string told = run_command(stage, "settle");
    CHECK(stage.find(1)->core->leads());
    CHECK(stage.find(1)->core->status().commit == stage.find(1)->core->status().last);
    CHECK(stage.find(2)->core->status().last == stage.find(1)->core->status().last);
    return count(told, "2 -> 1 append_reply term=" + std::to_string(term + 1) + " rejected=");
}

}  // namespace

TEST_CASE("a refusal skips whole terms: a thousand entries of three terms cost a few round trips") {
    // S001-34, scenario B24.
    const std::vector<stretch> ours = {{1, 400}, {5, 700}};
    CHECK(refusals(ours, {{1, 400}, {2, 333}, {3, 333}, {4, 334}}, 5) <= 4);
    CHECK(refusals(ours, {{1, 10}}, 5) <= 2);
    CHECK(refusals(ours, {}, 5) <= 2);
    CHECK(refusals({{1, 2}, {2, 300}, {4, 300}, {6, 400}}, {{1, 2}, {2, 100}, {3, 300}, {5, 600}},
                   6) <= 5);
}
