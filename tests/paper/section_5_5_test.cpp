// Raft §5.5, follower and candidate crashes.
#include <paper/support/stage.hpp>

using namespace paper;

TEST_CASE("5.5: a request that is repeated because its answer was lost does no harm") {
    stage play{"cluster voters=3", "node 2 log=1 term=1", "start"};
    const char* request =
        "receive 2 from=1 append term=1 prev=1/1 entries=2/1:x,3/1:y commit=2 last=3";
    play.play({request, "persisted 2"});
    const std::string again = play.play({request});
    CHECK(says(again, "append_reply term=1 match=3"));
    CHECK_FALSE(says(again, "append=["));  // nothing is written again (known bug 17)
    CHECK(play.log(2) == "111");
}

TEST_CASE("5.5: a follower that crashed is brought up to date when it is back") {
    stage play{"cluster voters=3 prevote=off",
               "start",
               "campaign 1",
               "settle",
               "crash 3",
               "propose 1 a b c",
               "settle 1 2",
               "restart 3",
               "drop ->3",
               "advance 1 100ms",
               "settle",
               "advance 1 100ms",
               "settle",
               "advance 1 100ms",
               "settle"};
    CHECK(play.log(3) == play.log(1));
    CHECK(play.node(3).applied == play.node(1).applied);
}
