// Raft §5.3, log replication.
#include <paper/support/stage.hpp>

using namespace paper;

TEST_CASE("5.3: an entry is committed once a majority has it, and then applied everywhere") {
    stage play{"cluster voters=3 prevote=off", "start", "campaign 1", "settle", "propose 1 x"};
    const index_t before = play.node(1).commit;
    play.play({"persisted 1"});
    CHECK(play.node(1).commit == before);
    play.play({"deliver 1->2", "persisted 2", "deliver 2->1"});
    CHECK(play.node(1).commit == before.next());
    play.play({"settle", "advance 1 100ms", "settle"});
    for (u64 id : {1U, 2U, 3U}) CHECK(play.node(id).applied == before.next());
}

TEST_CASE("5.3: the consistency check refuses entries behind a gap or behind another term") {
    stage play{"cluster voters=3", "node 2 log=1,1 term=2", "start"};
    CHECK(says(
        play.play({"receive 2 from=1 append term=2 prev=3/2 entries=4/2 commit=0", "persisted 2"}),
        "rejected=3"));
    CHECK(says(play.play({"receive 2 from=1 append term=2 prev=2/2 entries=3/2 commit=0"}),
               "rejected=2"));
    CHECK(play.log(2) == "11");
}

TEST_CASE("5.3: every log of figure 7 becomes the leader's") {  // scenario B19
    stage play{"cluster voters=7 prevote=off",
               "node 1 log=1,1,1,4,4,5,5,6,6,6 term=7",
               "node 2 log=1,1,1,4,4,5,5,6,6 term=6",
               "node 3 log=1,1,1,4 term=4",
               "node 4 log=1,1,1,4,4,5,5,6,6,6,6 term=6",
               "node 5 log=1,1,1,4,4,5,5,6,6,6,7,7 term=7",
               "node 6 log=1,1,1,4,4,4,4 term=4",
               "node 7 log=1,1,1,2,2,2,3,3,3,3,3 term=3",
               "start", "campaign 1", "settle 1 2 3 6", "settle", "advance 1 100ms", "settle"};
    REQUIRE(play.leads(1));
    for (u64 id = 1; id <= 7; ++id) CHECK(play.log(id) == "11144556668");
}

TEST_CASE(
    "5.3: a leader never overwrites or deletes entries of its own log") {  // Leader Append-Only
    stage play{"cluster voters=3 prevote=off", "node 1 log=1,1 term=1", "start", "campaign 1",
               "settle"};
    REQUIRE(play.leads(1));
    const std::string log = play.log(1);
    play.play({"receive 1 from=2 append term=2 prev=1/1 entries=2/2 commit=0", "persisted 1"});
    CHECK(play.log(1) == log);
    CHECK(play.leads(1));
}
