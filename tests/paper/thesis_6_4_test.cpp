// Raft thesis §6.4, read-only queries.
#include <paper/support/stage.hpp>

using namespace paper;

TEST_CASE(
    "thesis 6.4: the answer to an earlier round does not confirm a later read") {  // known bug 94
    stage play{"cluster voters=3", "start",    "campaign 1", "settle",   "read 1 1",
               "stash old 1->2",   "drop all", "read 1 2",   "drop all", "unstash old"};
    const std::string told = play.play({"deliver 1->2", "deliver 2->1"});
    CHECK(says(told, "read 1 may be served"));
    CHECK_FALSE(says(told, "read 2 may be served"));
}

TEST_CASE("thesis 6.4.1: a lease serves without a round, and ends before another leader can be") {
    stage play{"cluster voters=3 lease=on",
               "start",
               "advance 2 1s",
               "advance 3 1s",
               "drop all",
               "campaign 1",
               "settle",
               "advance 1 100ms",
               "settle"};
    CHECK(says(play.play({"read 1 1 lease"}), "read 1 may be served"));
    play.play({"advance 1 949ms", "drop all"});
    CHECK(says(play.play({"read 1 2 lease"}), "read 2 may be served"));
    play.play({"advance 1 2ms", "drop all"});
    CHECK_FALSE(says(play.play({"read 1 3 lease"}), "read 3 may be served"));
}
