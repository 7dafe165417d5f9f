// Raft §6, cluster membership changes.
#include <paper/support/stage.hpp>

using namespace paper;

TEST_CASE("6: a change goes through a joint configuration that needs both majorities") {
    stage play{"cluster voters=3", "start", "campaign 1", "settle"};
    play.play({"change 1 voters=1", "persisted 1"});
    CHECK(play.node(1).joint);
    CHECK(play.node(1).commit == index_t{1});  // the new majority alone is not enough
    play.play({"settle"});
    CHECK_FALSE(play.node(1).joint);
    CHECK(play.node(1).commit == play.node(1).last);
    // From here on node 1 commits alone.
    play.play({"propose 1 x", "drop all", "persisted 1"});
    CHECK(play.node(1).commit == play.node(1).last);
}

TEST_CASE("6: a new server is a learner, and no voter, until it has caught up") {
    stage play{"cluster voters=3 spares=1", "start", "campaign 1", "settle"};
    CHECK(says(play.play({"change 1 voters=1,2,3,4"}), "refuses: invalid_change"));
    play.play({"change 1 voters=1,2,3 learners=4", "settle", "settle"});
    CHECK(play.node(4).last == play.node(1).last);
    play.play({"change 1 voters=1,2,3,4", "settle"});
    CHECK_FALSE(play.node(1).joint);
    CHECK(play.node(4).last == play.node(1).last);
}

TEST_CASE("6: a leader that is not part of the new configuration steps down when it is committed") {
    stage play{"cluster voters=3", "start", "campaign 1", "settle", "change 1 voters=2,3"};
    CHECK(play.leads(1));
    play.play({"settle"});
    CHECK_FALSE(play.leads(1));
    CHECK(play.node(2).commit == play.node(1).last);
}

TEST_CASE(
    "6: a server uses the newest configuration of its log, committed or not") {  // known bug 85
    stage play{"cluster voters=3 prevote=off",
               "start",
               "campaign 1",
               "settle",
               "change 1 voters=1,2",
               "persisted 1",
               "deliver 1->2",
               "persisted 2",
               "drop all",
               "crash 1"};
    CHECK(play.node(2).joint);
    CHECK(play.node(2).commit == index_t{1});
}
