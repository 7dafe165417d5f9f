// Raft thesis §9.6, preventing disruptions when a server rejoins the cluster.
#include <paper/support/stage.hpp>

using namespace paper;

// Scenario A6.
TEST_CASE("thesis 9.6: an isolated server keeps its term, however long it is away") {
    stage play{"cluster voters=3", "start", "campaign 1", "settle"};
    for (int round = 0; round < 30; ++round) play.play({"timeout 3", "drop all"});
    CHECK(play.node(3).term == term_t{1});
    play.play({"advance 1 100ms", "settle"});
    CHECK(play.leads(1));
    CHECK(play.node(3).leader == node_id{1});
}

TEST_CASE("thesis 9.6: a pre-vote changes nothing at the voter") {  // known bug 4
    stage play{"cluster voters=3", "node 2 log=1 term=3", "start"};
    const std::string told =
        play.play({"receive 2 from=1 prevote term=9 last=5/5 round=1", "persisted 2"});
    CHECK(says(told, "prevote_reply term=9 granted"));
    CHECK(play.node(2).term == term_t{3});
    CHECK(play.disk(2).hard.voted_for == node_id{});
}

TEST_CASE("thesis 9.6: a pre-vote for a term that is not beyond the voter's own is refused") {
    stage play{"cluster voters=3", "node 2 log=1 term=3", "start"};
    for (const char* ask : {"receive 2 from=1 prevote term=3 last=5/5 round=1",
                            "receive 2 from=1 prevote term=2 last=5/5 round=2"}) {
        CHECK(says(play.play({ask, "persisted 2"}), "prevote_reply term=3 refused"));
    }
}
