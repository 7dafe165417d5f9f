#pragma once
// Defects for good traces: each changes one place, so that one rule of the checker is broken.

#include <doctest/doctest.h>

#include <raftkit/testing/trace/checker.hpp>

#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace trace_test {

using namespace raftkit;
using namespace raftkit::testing;

using lines = std::vector<trace_line>;

inline lines parsed(std::string_view text, std::size_t lines_max) {
    lines made;
    while (!text.empty() && made.size() < lines_max) {
        const std::size_t end = text.find('\n');
        result<trace_line> line = trace_line::parse(text.substr(0, end));
        REQUIRE(line);
        made.push_back(std::move(*line));
        text.remove_prefix(end + 1);
    }
    return made;
}

inline u64 number(const trace_line& of, std::string_view name) {
    const trace_field* found = of.find(name);
    return found == nullptr ? 0 : found->number;
}
inline std::string word(const trace_line& of, std::string_view name) {
    const trace_field* found = of.find(name);
    return found == nullptr ? "" : found->word;
}
inline trace_field& field(trace_line& of, std::string_view name) {
    for (trace_field& each : of.fields()) {
        if (each.name == name) return each;
    }
    FAIL("no such field");
    std::abort();
}
inline trace_line with(trace_line line, std::string_view name, u64 value) {
    field(line, name).number = value;
    return line;
}
inline trace_line as_role(trace_line line, const char* role, u64 leader) {
    field(line, "role").word = role;
    return with(std::move(line), "leader", leader);
}
// The same batch once more, under the next ticket.
inline trace_line again(const trace_line& batch) {
    return with(batch, "ticket", number(batch, "ticket") + 1);
}

// Changes the trace at line `at`, if that is a place for it.
struct defect {
    const char* name;
    const char* rule;
    std::function<bool(lines&, std::size_t at)> inject;
};

inline bool is(const trace_line& line, const char* event) { return line.event() == event; }
inline bool insert(lines& all, std::size_t at, trace_line line) {
    all.insert(all.begin() + static_cast<std::ptrdiff_t>(at) + 1, std::move(line));
    return true;
}
inline bool leads(const trace_line& line) {
    return is(line, "state") && word(line, "role") == "leader";
}
// The last state that this node told before `at`.
inline const trace_line* state_before(const lines& all, std::size_t at, u64 node) {
    while (at-- > 0) {
        if (number(all[at], "node") == node && is(all[at], "crash")) return nullptr;
        if (number(all[at], "node") == node && is(all[at], "state")) return &all[at];
    }
    return nullptr;
}
inline bool has_entries(const trace_line& line) {
    return is(line, "persist") && line.find("first") != nullptr;
}

// ---- defects, one place each ------------------------------------------------------------------

inline std::vector<defect> defects_of_offices() {
    return {
        {"a dead node speaks", trace_rule::life,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "crash")) return false;
             trace_line line("durable");
             line.number("node", number(all[at], "node")).number("ticket", u64{1});
             return insert(all, at, line);
         }},
        {"a node that followed leads the same term", trace_rule::one_leader,
         [](lines& all, std::size_t at) {
             const u64 node = number(all[at], "node"), leader = number(all[at], "leader");
             if (!is(all[at], "state") || leader == 0 || leader == node) return false;
             return insert(all, at, as_role(all[at], "leader", node));
         }},
        {"a node follows who does not lead", trace_rule::one_leader,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "state") || number(all[at], "leader") == 0 || leads(all[at])) {
                 return false;
             }
             field(all[at], "leader").number = 77;
             return true;
         }},
        {"a leader becomes a candidate of its own term", trace_rule::roles,
         [](lines& all, std::size_t at) {
             return leads(all[at]) && insert(all, at, as_role(all[at], "candidate", 0));
         }},
        {"a node leads from its start", trace_rule::roles,
         [](lines& all, std::size_t at) {
             const u64 node = number(all[at], "node");
             if (!is(all[at], "state") || state_before(all, at, node) != nullptr) return false;
             all[at] = as_role(all[at], "leader", node);
             return true;
         }},
        {"a leader without the votes of a majority", trace_rule::elected,
         [](lines& all, std::size_t at) {
             const u64 node = number(all[at], "node"), term = number(all[at], "term");
             if (!leads(all[at])) return false;
             std::size_t gone = 0;
             for (std::size_t line = 0; line < at; ++line) {
                 const bool theirs = number(all[line], "node") != node;
                 if (theirs && is(all[line], "persist") && number(all[line], "term") == term &&
                     number(all[line], "vote") == node) {
                     field(all[line], "vote").number = 0;
                     ++gone;
                 }
             }
             std::erase_if(all, [&](const trace_line& each) {
                 return is(each, "grant") && number(each, "term") == term;
             });
             return gone > 0;
         }},
        {"the term of a state falls", trace_rule::term_rises,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "state") || number(all[at], "term") == 0) return false;
             if (number(all[at], "leader") != 0) return false;
             return insert(all, at, with(all[at], "term", number(all[at], "term") - 1));
         }},
        {"the commit index falls", trace_rule::rises,
         [](lines& all, std::size_t at) {
             const u64 commit = number(all[at], "commit");
             if (!is(all[at], "state") || commit < 2) return false;
             trace_line line = with(all[at], "commit", commit - 1);
             return insert(all, at, with(line, "applied", 0));
         }},
        {"applied passes commit", trace_rule::bounds,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "state") || number(all[at], "commit") == 0) return false;
             field(all[at], "applied").number = number(all[at], "commit") + 1;
             return true;
         }},
        {"a leader commits what only it has", trace_rule::quorum,
         [](lines& all, std::size_t at) {
             const u64 node = number(all[at], "node");
             const trace_line* before = state_before(all, at, node);
             if (!has_entries(all[at]) || before == nullptr || !leads(*before)) return false;
             const std::vector<u64>& terms = all[at].find("terms")->list;
             if (terms.back() != number(*before, "term")) return false;
             const u64 last = number(all[at], "first") + terms.size() - 1;
             return insert(all, at, with(with(*before, "commit", last), "last", last));
         }},
        {"a follower commits what no leader did", trace_rule::quorum,
         [](lines& all, std::size_t at) {
             const bool follows = is(all[at], "state") && word(all[at], "role") == "follower";
             if (!follows || number(all[at], "commit") == 0) return false;
             field(all[at], "commit").number += 1000;
             field(all[at], "last").number += 1000;
             return true;
         }},
        {"an acknowledgement of more than is durable", trace_rule::promises,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "ack")) return false;
             field(all[at], "match").number += 1000;
             return true;
         }},
        {"a vote is granted to another than was written down", trace_rule::promises,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "grant")) return false;
             field(all[at], "to").number = 77;
             return true;
         }},
    };
}

inline std::vector<defect> defects_of_logs() {
    return {
        {"a second vote in one term", trace_rule::one_vote,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "persist") || number(all[at], "vote") == 0) return false;
             trace_line line("persist");
             line.number("node", number(all[at], "node"))
                 .number("ticket", number(all[at], "ticket") + 1)
                 .number("term", number(all[at], "term"))
                 .number("vote", u64{77});
             return insert(all, at, line);
         }},
        {"a term that is written down falls", trace_rule::term_rises,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "persist") || number(all[at], "term") < 2) return false;
             trace_line line("persist");
             line.number("node", number(all[at], "node"))
                 .number("ticket", number(all[at], "ticket") + 1)
                 .number("term", number(all[at], "term") - 1)
                 .number("vote", u64{0});
             return insert(all, at, line);
         }},
        {"a ticket is used twice", trace_rule::tickets,
         [](lines& all, std::size_t at) {
             return is(all[at], "persist") && insert(all, at, all[at]);
         }},
        {"a batch is durable that was never asked for", trace_rule::tickets,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "durable")) return false;
             field(all[at], "ticket").number += 1000;
             return true;
         }},
        {"a follower's entry differs from its leader's", trace_rule::matching,
         [](lines& all, std::size_t at) {
             const trace_line* before = state_before(all, at, number(all[at], "node"));
             if (!has_entries(all[at]) || before == nullptr || leads(*before)) return false;
             field(all[at], "sums").list.back() ^= 1;
             return true;
         }},
        {"a log has a gap", trace_rule::gapless,
         [](lines& all, std::size_t at) {
             if (!has_entries(all[at])) return false;
             ++field(all[at], "first").number;
             return true;
         }},
        {"a leader overwrites its log", trace_rule::append_only,
         [](lines& all, std::size_t at) {
             const trace_line* before = state_before(all, at, number(all[at], "node"));
             const bool led = before != nullptr && leads(*before);
             return led && has_entries(all[at]) && insert(all, at, again(all[at]));
         }},
        {"a follower writes again what it has", trace_rule::superseded,
         [](lines& all, std::size_t at) {
             const trace_line* before = state_before(all, at, number(all[at], "node"));
             const bool led = before == nullptr || leads(*before);
             return !led && has_entries(all[at]) && insert(all, at, again(all[at]));
         }},
        {"a vote is gone after a crash", trace_rule::durable,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "recover") || number(all[at], "vote") == 0) return false;
             field(all[at], "vote").number = 0;
             return true;
         }},
        {"the end of a log is gone after a crash", trace_rule::durable,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "recover") || number(all[at], "last") < 10) return false;
             field(all[at], "last").number = 1;
             return true;
         }},
        {"a compaction past the newest snapshot", trace_rule::compaction,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "compact")) return false;
             const u64 node = number(all[at], "node");
             const std::size_t before = all.size();
             std::erase_if(all, [node](const trace_line& each) {
                 return is(each, "publish") && number(each, "node") == node;
             });
             return all.size() < before;
         }},
    };
}

inline std::vector<defect> defects_of_machines() {
    return {
        {"a command is applied twice", trace_rule::machine,
         [](lines& all, std::size_t at) {
             return is(all[at], "apply") && insert(all, at, all[at]);
         }},
        {"a command is left out", trace_rule::machine,
         [](lines& all, std::size_t at) {
             if (at + 1 >= all.size() || !is(all[at], "apply")) return false;
             if (!is(all[at + 1], "apply")) return false;
             if (number(all[at + 1], "node") != number(all[at], "node")) return false;
             all.erase(all.begin() + static_cast<std::ptrdiff_t>(at));
             return true;
         }},
        {"another command is applied than was committed", trace_rule::machine,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "apply")) return false;
             field(all[at], "sum").number ^= 1;
             return true;
         }},
        {"a snapshot of what is not applied yet", trace_rule::snapshots,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "publish") || word(all[at], "origin") != "captured") return false;
             for (std::size_t before = at; before-- > 0;) {
                 const trace_line& each = all[before];
                 const bool same = number(each, "node") == number(all[at], "node");
                 if (same && is(each, "crash")) return false;
                 if (!same || !is(each, "apply")) continue;
                 if (number(each, "index") != number(all[at], "index")) continue;
                 return insert(all, before - 1, trace_line(all[at]));
             }
             return false;
         }},
        {"a snapshot of what is not committed", trace_rule::snapshots,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "publish")) return false;
             field(all[at], "index").number += 1000;
             return true;
         }},
        {"a snapshot with another term", trace_rule::snapshots,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "publish")) return false;
             ++field(all[at], "term").number;
             return true;
         }},
        {"a membership change that skips the joint configuration", trace_rule::changes,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "members") || all[at].find("old")->list.empty()) return false;
             for (trace_line& each : all) {
                 const bool same = is(each, "members") &&
                                   number(each, "index") == number(all[at], "index") &&
                                   number(each, "term") == number(all[at], "term");
                 if (same) field(each, "old").list.clear();
             }
             return true;
         }},
        {"a configuration is in force that the log does not have", trace_rule::in_force,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "in_force") || all[at].find("voters")->list.empty()) return false;
             field(all[at], "voters").list.push_back(77);
             return true;
         }},
        {"an unknown field", trace_rule::syntax,
         [](lines& all, std::size_t at) {
             all[at].number("colour", u64{1});
             return true;
         }},
        {"a missing field", trace_rule::syntax,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "ack")) return false;
             all[at].fields().pop_back();
             return true;
         }},
        {"an unknown event", trace_rule::syntax,
         [](lines& all, std::size_t at) {
             if (!is(all[at], "durable")) return false;
             field(all[at], "event").word = "guessed";
             return true;
         }},
    };
}

}  // namespace trace_test
