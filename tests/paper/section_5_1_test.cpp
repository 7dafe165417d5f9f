// Raft §5.1, terms.
#include <paper/support/stage.hpp>

using namespace paper;

TEST_CASE("5.1: a server that sees a larger term takes it over, and a leader steps down") {
    // S001-22
    stage play{"cluster voters=3 prevote=off", "start", "campaign 1", "settle"};
    REQUIRE(play.leads(1));
    play.play({"receive 1 from=2 append_reply term=9 match=0", "persisted 1"});
    CHECK_FALSE(play.leads(1));
    CHECK(play.disk(1).hard.term == term_t{9});
    CHECK(play.disk(1).hard.voted_for == node_id{});
}

TEST_CASE("5.1: a request with a stale term is refused with the current one") {
    stage play{"cluster voters=3", "node 1 log=1 term=4", "start"};
    const std::string told =
        play.play({"receive 1 from=2 append term=3 prev=1/1 entries=2/3 commit=2", "persisted 1"});
    CHECK(says(told, "1 -> 2 append_reply term=4"));
    CHECK(play.log(1) == "1");
    CHECK(play.node(1).commit == index_t{});
}
