// Raft §7, log compaction.
#include <paper/support/stage.hpp>

using namespace paper;

namespace {
const char* const behind[] = {"node 1 base=5/2 snapshot=5/2 log=2,2 term=2",
                              "node 2 base=5/2 snapshot=5/2 log=2,2 term=2",
                              "node 3 log=1,1 term=2"};
}

TEST_CASE("7: a leader that discarded the next entry sends its snapshot, then entries from there") {
    stage play{"cluster voters=3", behind[0], behind[1], behind[2], "start", "campaign 1"};
    CHECK(says(play.play({"settle"}), "ship_snapshot to=3"));
    play.play({"offer 1 3", "deliver 1->3", "received 3", "filled 3", "restored 3", "settle"});
    CHECK(play.disk(3).base.at == log_id{{5}, {2}});
    CHECK(play.node(3).last == play.node(1).last);
    CHECK(play.node(3).applied == play.node(1).applied);
}

TEST_CASE("7: the follower's log is discarded if it does not hold the snapshot's last entry") {
    // scenario D63, S001-25
    stage play{"cluster voters=3",
               "node 2 log=1,1,1 term=2",
               "start",
               "receive 2 from=1 offer term=2 at=3/2 voters=1,2,3",
               "persisted 2",
               "received 2",
               "filled 2",
               "restored 2",
               "persisted 2"};
    CHECK(play.disk(2).base.at == log_id{{3}, {2}});
    CHECK(play.log(2).empty());
}

TEST_CASE("7: what follows the snapshot's last entry is retained if the log holds that entry") {
    // scenario D63, S001-25
    stage play{"cluster voters=3",
               "node 2 log=1,2,2,2 term=2",
               "start",
               "receive 2 from=1 offer term=2 at=2/2 voters=1,2,3",
               "received 2",
               "filled 2",
               "restored 2",
               "persisted 2"};
    CHECK(play.log(2) == "1222");
    CHECK(play.node(2).applied == index_t{2});
}

TEST_CASE("7: the log is compacted up to a durable snapshot and never beyond") {
    stage play{"cluster voters=3", "start", "campaign 1", "settle", "propose 1 a b c", "settle"};
    CHECK_FALSE(says(play.play({"compact 1 3"}), "compact base"));  // no snapshot yet
    play.play({"snapshot 1 3", "compact 1 99", "persisted 1"});
    CHECK(play.disk(1).base.at.index == index_t{3});
    CHECK(play.node(1).first == index_t{4});
}
