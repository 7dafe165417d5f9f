// The reader of trace lines, and short traces by hand for rules that a good trace can't be bent
// against.

#include <doctest/doctest.h>

#include <raftkit/testing/trace/checker.hpp>

#include <string>
#include <string_view>

using namespace raftkit;
using namespace raftkit::testing;

namespace {

trace_verdict judged(std::string_view text) {
    trace_checker check;
    check.take_all(text);
    return check.violation();
}

std::string state(u64 node, const char* role, u64 term, u64 leader, u64 last, u64 commit) {
    trace_line line("state");
    line.number("node", node).word("role", role).number("term", term).number("leader", leader);
    line.number("first", u64{1}).number("last", last).number("commit", commit);
    return line.number("applied", u64{0}).text() + "\n";
}
std::string durable(u64 node, u64 ticket) {
    return trace_line("durable").number("node", node).number("ticket", ticket).text() + "\n";
}
std::string vote(u64 node, u64 ticket, u64 term, u64 whom) {
    trace_line line("persist");
    line.number("node", node).number("ticket", ticket).number("term", term).number("vote", whom);
    return line.text() + "\n" + durable(node, ticket);
}
std::string entry(u64 node, u64 ticket, u64 index, u64 term) {
    trace_line line("persist");
    line.number("node", node).number("ticket", ticket).number("first", index);
    line.list("terms", {term}).list("kinds", {0}).list("sums", {5});
    return line.text() + "\n" + durable(node, ticket);
}

// Node 1 leads term 1 by the votes of 1 and 2, and both have its one entry.
std::string one_entry() {
    trace_line boot("boot");
    std::string text = boot.list("voters", {1, 2, 3}).list("old", {}).list("learners", {}).text();
    text += "\n";
    for (u64 node = 1; node <= 3; ++node) {
        text += trace_line("start").number("node", node).text() + "\n";
        text += state(node, "follower", 0, 0, 0, 0);
    }
    return text + vote(1, 1, 1, 1) + vote(2, 1, 1, 1) + state(1, "leader", 1, 1, 0, 0) +
           entry(1, 2, 1, 1) + entry(2, 2, 1, 1);
}

}  // namespace

TEST_CASE("a line is read back as it was written") {
    trace_line line("persist");
    line.number("node", u64{3}).list("terms", {1, 2, 18446744073709551615U}).list("sums", {});
    line.word("role", "leader");
    const std::string text = line.text();
    CHECK(text == R"({"event":"persist","node":3,"terms":[1,2,18446744073709551615],"sums":[],)"
                  R"("role":"leader"})");
    const result<trace_line> read = trace_line::parse(text);
    REQUIRE(read);
    CHECK(read->text() == text);
}

TEST_CASE("every line that is not a flat object of numbers, words and lists is refused") {
    for (const char* bad : {
             "{",
             "{}",
             "[]",
             "x",
             R"({"event":"a"} x)",
             R"({"event":"a")",
             R"({"event":1})",
             R"({"event":"a","n":-1})",
             R"({"event":"a","n":01})",
             R"({"event":"a","n":1.5})",
             R"({"event":"a","n":18446744073709551616})",
             R"({"event":"a","n":1,"n":2})",
             R"({"event":"a","n":[1,]})",
             R"({"event":"a","n":[1 2]})",
             R"({"event":"a","n":{}})",
             R"({"event":"a","n":"b c"})",
             R"({"event":"a","n":""})",
             R"({"event":"a",})",
             R"({"event":"a" "n":1})",
             R"({"event":"a","n":true})",
             R"({'event':'a'})",
         }) {
        CAPTURE(bad);
        CHECK_FALSE(trace_line::parse(bad));
        const trace_verdict seen = judged(bad);
        REQUIRE(seen.rule != nullptr);
        CHECK(std::string(seen.rule) == trace_rule::syntax);
    }
    CHECK_FALSE(trace_line::parse(""));
    CHECK(judged("\n").line == 1);
}

TEST_CASE("a verdict names the first bad line") {
    trace_checker check;
    REQUIRE(check.take_all(one_entry()));
    CHECK(check.lines() == 16);
    CHECK_FALSE(check.take("nonsense"));
    CHECK(check.violation().line == 17);
    CHECK_FALSE(check.take(durable(1, 1)));  // the first one stays
    CHECK(check.violation().line == 17);
    CHECK(check.violation().text().starts_with("line 17: "));
}

TEST_CASE("a trace begins with the members, once") {
    CHECK(std::string(judged(R"({"event":"start","node":1})").rule) == trace_rule::syntax);
    CHECK(judged(one_entry() + one_entry()).line == 17);
}

TEST_CASE("an entry that a majority has is committed by its leader") {
    const trace_verdict seen = judged(one_entry() + state(1, "leader", 1, 1, 1, 1));
    CHECK_MESSAGE(seen.rule == nullptr, seen.text());
}

TEST_CASE("an entry of an older term is not committed by counting") {  // Raft §5.4.2
    const trace_verdict seen =
        judged(one_entry() + state(1, "follower", 1, 0, 1, 0) + state(1, "candidate", 2, 0, 1, 0) +
               vote(1, 3, 2, 1) + vote(3, 1, 2, 1) + state(1, "leader", 2, 1, 1, 0) +
               state(1, "leader", 2, 1, 1, 1));
    REQUIRE(seen.rule != nullptr);
    CHECK(std::string(seen.rule) == trace_rule::own_term);
}

TEST_CASE("who lacks a committed entry must not lead") {  // Raft §5.4.3
    const trace_verdict seen =
        judged(one_entry() + state(1, "leader", 1, 1, 1, 1) + state(3, "candidate", 2, 0, 0, 0) +
               vote(3, 1, 2, 3) + vote(2, 3, 2, 3) + state(3, "leader", 2, 3, 0, 0));
    REQUIRE(seen.rule != nullptr);
    CHECK(std::string(seen.rule) == trace_rule::complete);
}
