// Raft §5.2, leader election.
#include <paper/support/stage.hpp>

using namespace paper;

TEST_CASE("5.2: a candidate votes for itself, asks everybody, and wins with a majority") {
    stage play{"cluster voters=5 prevote=off", "start"};
    CHECK(says(play.play({"campaign 1"}), "persist ticket=1 term=1 vote=1"));
    const std::string asked = play.play({"persisted 1"});
    for (const char* to : {"1 -> 2 vote", "1 -> 3 vote", "1 -> 4 vote", "1 -> 5 vote"})
        CHECK(says(asked, to));
    play.play({"deliver 1->2", "persisted 2", "deliver 2->1"});
    CHECK_FALSE(play.leads(1));  // two of five
    play.play({"deliver 1->3", "persisted 3", "deliver 3->1"});
    CHECK(play.leads(1));
}

TEST_CASE("5.2: each server votes for at most one candidate a term, first come first served") {
    stage play{"cluster voters=3 prevote=off", "start"};
    CHECK(says(play.play({"receive 3 from=1 vote term=1 last=0/0 round=1", "persisted 3"}),
               "granted"));
    CHECK(says(play.play({"receive 3 from=2 vote term=1 last=0/0 round=1", "persisted 3"}),
               "refused"));
    CHECK(says(play.play({"receive 3 from=1 vote term=1 last=0/0 round=2", "persisted 3"}),
               "granted"));
}

TEST_CASE("5.2: a candidate that hears a leader of its own term becomes its follower") {
    stage play{"cluster voters=3 prevote=off", "start", "campaign 1", "persisted 1"};
    play.play({"receive 1 from=2 append term=1 prev=0/0 commit=0"});
    CHECK(play.node(1).role == role_kind::follower);
    CHECK(play.node(1).leader == node_id{2});
}

TEST_CASE("5.2: a split vote ends by a new term after a new timeout") {
    stage play{"cluster voters=2 prevote=off", "start", "campaign 1", "campaign 2", "settle"};
    CHECK_FALSE(play.leads(1));
    CHECK_FALSE(play.leads(2));
    play.play({"timeout 1", "settle"});
    CHECK(play.leads(1));
    CHECK(play.node(1).term > term_t{1});
}
