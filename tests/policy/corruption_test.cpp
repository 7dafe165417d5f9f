// What a start does about damage.

#include <doctest/doctest.h>

#include <raftkit/policy/corruption.hpp>

using namespace raftkit;

TEST_CASE("refuse refuses damage of every part, and says that it repairs nothing") {
    for (const damaged_part part :
         {damaged_part::log, damaged_part::hard_state, damaged_part::snapshot,
          damaged_part::log_behind_snapshot, damaged_part::no_snapshot}) {
        damage found;
        found.part = part;
        CHECK(corruption::refuse{}.decide(found) == damage_verdict::refuse);
    }
    CHECK_FALSE(corruption::refuse::repairs);
}
