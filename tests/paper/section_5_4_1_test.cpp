// Raft §5.4.1, election restriction.
#include <paper/support/stage.hpp>

using namespace paper;

TEST_CASE("5.4.1: a voter refuses a candidate whose log is less up to date than its own") {
    struct {
        const char* last;
        bool granted;
    } const cases[] = {{"3/3", true}, {"9/2", false}, {"2/3", false}, {"4/3", true}, {"1/4", true}};
    for (const auto& each : cases) {
        stage play{"cluster voters=3 prevote=off", "node 2 log=1,2,3 term=4", "start"};
        const std::string ask =
            std::string("receive 2 from=1 vote term=5 round=1 last=") + each.last;
        CHECK(says(play.play({ask.c_str(), "persisted 2"}), "granted") == each.granted);
    }
}
