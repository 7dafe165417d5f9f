// A leader's snapshot meets an own save.

#include <doctest/doctest.h>

#include <raftkit/policy/conflict.hpp>

using namespace raftkit;

TEST_CASE("the three answers to an install during a save") {  // S003-04, S000-44
    const install_clash met{{index_t{50}, term_t{1}}, {index_t{90}, term_t{2}}};
    CHECK(conflict::install_cancels_save{}.decide(met) == clash_verdict::cancel_save);
    CHECK(conflict::save_blocks_install{}.decide(met) == clash_verdict::finish_save_first);
    CHECK(conflict::side_by_side{}.decide(met) == clash_verdict::run_both);
}
