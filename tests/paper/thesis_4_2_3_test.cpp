// Raft thesis §4.2.3, disruptive servers.
#include <paper/support/stage.hpp>

using namespace paper;

TEST_CASE(
    "thesis 4.2.3: who heard a leader within the shortest timeout neither votes nor takes the term "
    "over") {
    stage play{"cluster voters=3 prevote=off", "start", "campaign 1", "settle"};
    play.play({"receive 2 from=3 vote term=7 last=9/9 round=1",
               "receive 1 from=3 vote term=7 last=9/9 round=1", "persisted 1", "persisted 2"});
    CHECK(play.node(2).term == term_t{1});
    CHECK(play.node(1).term == term_t{1});
    CHECK(play.leads(1));
}

TEST_CASE("thesis 4.2.3: a transfer's forced vote request passes") {  // known bug 10
    stage play{"cluster voters=3", "start", "campaign 1", "settle"};
    const std::string told =
        play.play({"receive 2 from=3 vote term=2 last=9/9 round=1 forced", "persisted 2"});
    CHECK(says(told, "2 -> 3 vote_reply term=2 granted"));
}
