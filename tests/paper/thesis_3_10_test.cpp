// Raft thesis §3.10, leadership transfer.
#include <paper/support/stage.hpp>

using namespace paper;

TEST_CASE("thesis 3.10: proposals stop, the target catches up and campaigns at once") {
    stage play{"cluster voters=3", "start", "campaign 1", "settle", "propose 1 a", "transfer 1 2"};
    CHECK(says(play.play({"propose 1 b"}), "refuses: busy"));
    const std::string told = play.play({"settle"});
    CHECK(says(told, "timeout_now"));
    CHECK(play.leads(2));
    CHECK(play.log(2) == "112");
}
