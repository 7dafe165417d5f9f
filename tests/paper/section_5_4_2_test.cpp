// Raft §5.4.2, committing entries from previous terms.
#include <paper/support/stage.hpp>

using namespace paper;

TEST_CASE(
    "5.4.2: figure 8: an older term's entry on a majority is committed only with one of the own "
    "term") {
    stage play{"cluster voters=5 prevote=off",
               "node 1 log=1,2 term=3",
               "node 2 log=1,2 term=2",
               "node 3 log=1 term=1",
               "node 4 log=1 term=1",
               "node 5 log=1,3 term=3",
               "start", "campaign 1", "persisted 1", "deliver 1->2", "deliver 1->3",
               "persisted 2", "persisted 3", "deliver ->1", "drop 1->2", "persisted 1"};
    REQUIRE(play.leads(1));
    // S3 refuses the barrier, is sent entry 2 and stores it; S2 holds entry 2 from before.
    play.play({"deliver 1->3", "deliver 3->1", "persisted 1", "deliver 1->3", "persisted 3",
               "deliver 3->1"});
    CHECK(play.log(3) == "12");
    CHECK(play.node(1).commit == index_t{});
    play.play({"settle 1 2 3", "advance 1 100ms", "settle 1 2 3"});
    CHECK(play.node(1).commit == index_t{3});
}
