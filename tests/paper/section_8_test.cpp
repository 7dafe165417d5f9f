// Raft §8, client interaction.
#include <paper/support/stage.hpp>

using namespace paper;

TEST_CASE(
    "8: a leader begins its term with an entry of its own and serves reads only after it is "
    "committed") {
    stage play{"cluster voters=3 prevote=off", "start", "campaign 1", "persisted 1", "deliver 1->2",
               "persisted 2"};
    CHECK(says(play.play({"deliver 2->1"}), "append=[1/1:barrier]"));
    CHECK_FALSE(play.node(1).serving_reads);
    CHECK_FALSE(says(play.play({"read 1 7"}), "may be served"));
    CHECK(says(play.play({"settle"}), "read 7 may be served at=1"));
    CHECK(play.node(1).serving_reads);
}

TEST_CASE("8: a read is answered only after a majority has confirmed the leader meanwhile") {
    stage play{"cluster voters=3", "start", "campaign 1", "settle"};
    CHECK_FALSE(says(play.play({"read 1 1"}), "may be served"));
    CHECK(says(play.play({"deliver 1->2", "deliver 2->1"}), "read 1 may be served"));
    play.play({"read 1 2", "drop all"});
    const std::string deposed = play.play({"receive 1 from=3 append_reply term=9 match=0"});
    CHECK(says(deposed, "read 2 fails: not_leader"));
}
