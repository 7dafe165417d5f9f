#include <raftkit/snapshot/work_job.hpp>

#include <doctest/doctest.h>

using namespace raftkit;

namespace {

struct nothing : work_job {
    nothing() noexcept : work_job(&run_job_step<nothing>, {}, bulk_use::scrub) {}
    void step() noexcept { done = true; }
};

}  // namespace

TEST_CASE("jobs that wait for the throttle become due in the order they came") {
    nothing a, b, c;
    paced_jobs paced;
    CHECK(paced.deadline() == never);
    paced.add(a, instant{30});
    paced.add(b, instant{10});
    paced.add(c, instant{10});
    CHECK(paced.deadline() == instant{10});
    CHECK(paced.take_due(instant{9}) == nullptr);
    CHECK(paced.take_due(instant{30}) == &a);
    CHECK(paced.take_due(instant{30}) == &b);
    CHECK(paced.take_due(instant{30}) == &c);
    CHECK(paced.take_due(instant{30}) == nullptr);
    CHECK(paced.empty());
}

TEST_CASE("a cancelled job has nothing to wait for") {
    nothing a, b;
    paced_jobs paced;
    paced.add(a, instant{1000});
    paced.add(b, instant{1000});
    b.cancel();
    paced.hurry(&b);
    CHECK(paced.take_due(instant{1}) == &b);
    CHECK(paced.take_due(instant{1}) == nullptr);
}
