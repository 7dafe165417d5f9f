#include <raftkit/base/assert.hpp>

#include <csetjmp>
#include <string>

#include <doctest/doctest.h>

RAFTKIT_NAMESPACE_BEGIN
namespace marks {
RAFTKIT_DECLARE_MARK(assert_test_seen);
RAFTKIT_DECLARE_MARK(assert_test_unseen);
}  // namespace marks
RAFTKIT_NAMESPACE_END

using namespace raftkit;

namespace {

std::string failed_fact;
std::jmp_buf back;

// A handler must not return: the test leaves it by a jump over frames that own nothing.
void record(const char* fact, const char*, int) {
    failed_fact = fact;
    std::longjmp(back, 1);
}

bool fails(bool fact) {
    if (setjmp(back) != 0) return true;
    RAFTKIT_ASSERT(fact);
    return false;
}

}  // namespace

TEST_CASE("a broken assertion calls the handler with the text of the fact") {
    set_assert_handler(&record);
    CHECK(fails(false));
    CHECK(failed_fact == "fact");
    CHECK_FALSE(fails(true));
    set_assert_handler(nullptr);
}

TEST_CASE("a mark counts how often its line ran") {
    CHECK(RAFTKIT_MARK_HITS(assert_test_seen) == 0);
    for (int i = 0; i < 3; ++i) RAFTKIT_MARK(assert_test_seen);
    CHECK(RAFTKIT_MARK_HITS(assert_test_seen) == 3);
    CHECK(RAFTKIT_MARK_HITS(assert_test_unseen) == 0);
}

TEST_CASE("an assertion evaluates its fact exactly once") {
    int evaluated = 0;
    RAFTKIT_ASSERT(++evaluated == 1);
    CHECK(evaluated == 1);
}
