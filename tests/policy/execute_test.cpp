// Executors without a thread.

#include <doctest/doctest.h>

#include <raftkit/policy/execute.hpp>
#include <vector>

using namespace raftkit;

namespace {

struct noted : operation {
    explicit noted(std::vector<int>& into, int number)
        : operation([](operation& self, error status, byte_span) noexcept {
              auto& mine = static_cast<noted&>(self);
              mine.order.push_back(mine.name);
              mine.why = status;
          }),
          order(into),
          name(number) {}
    std::vector<int>& order;
    int name;
    error why{};
};

}  // namespace

TEST_CASE("inline_executor finishes a job inside the call, without an error") {
    std::vector<int> order;
    noted job(order, 1);
    job.why = error{errc::busy};
    inline_executor{}.run(job);
    CHECK(order == std::vector{1});
    CHECK(job.why.code == errc::ok);
}

TEST_CASE("on_loop brings a job to the node's submissions and runs nothing itself") {
    mailbox inbox;
    std::vector<int> order;
    noted first(order, 1), second(order, 2);
    first.what = operation::kind::propose;  // reused: it was something else before
    on_loop loop;
    loop.bind({&inbox});
    loop.run(first);
    loop.run(second);
    CHECK(order.empty());
    operation* taken = inbox.take_submitted();  // newest first
    REQUIRE(taken == &second);
    CHECK(taken->next == &first);
    CHECK(first.next == nullptr);
    CHECK(first.what == operation::kind::job);
    CHECK(inbox.take_submitted() == nullptr);
}

TEST_CASE("executors say by their type whether they are bound") {
    CHECK(bindable_executor<on_loop>);
    CHECK(executor<inline_executor>);
    CHECK_FALSE(bindable_executor<inline_executor>);
}
