#include <raftkit/io/poller.hpp>

#include <unistd.h>

#include <string>
#include <thread>

#include <doctest/doctest.h>

#include <raftkit/io/clock.hpp>
#include <raftkit/io/waker.hpp>

using namespace raftkit;

namespace {

struct pipe_ends {
    pipe_ends() { REQUIRE(::pipe(ends) == 0); }
    ~pipe_ends() {
        ::close(ends[0]);
        ::close(ends[1]);
    }
    void put() { REQUIRE(::write(ends[1], "x", 1) == 1); }
    void take() {
        char byte = 0;
        REQUIRE(::read(ends[0], &byte, 1) == 1);
    }
    int ends[2];
};

struct recorder : watcher {
    explicit recorder(int of) {
        fd = of;
        ready = [](watcher& self, u32 seen) noexcept {
            auto& me = static_cast<recorder&>(self);
            ++me.calls;
            me.events = seen;
            if (me.then != nullptr) me.then(me);
        };
    }
    int calls = 0;
    u32 events = 0;
    void (*then)(recorder&) noexcept = nullptr;
    recorder* other = nullptr;
    void* loop = nullptr;
};

instant soon() { return monotonic_now() + milliseconds(500); }

}  // namespace

TEST_CASE_TEMPLATE("a ready watcher is called until its input is read", Poller, poller,
                   poll_poller) {
    Poller loop;
    REQUIRE(loop.open());
    pipe_ends pipe;
    recorder reader(pipe.ends[0]);
    REQUIRE(loop.add(reader, poll_in));
    CHECK(*loop.wait(monotonic_now(), {}) == 0);
    pipe.put();
    CHECK(*loop.wait(monotonic_now(), soon()) == 1);
    CHECK(reader.events == poll_in);
    CHECK(*loop.wait(monotonic_now(), soon()) == 1);
    pipe.take();
    CHECK(*loop.wait(monotonic_now(), {}) == 0);
    CHECK(reader.calls == 2);
    loop.remove(reader);
}

TEST_CASE_TEMPLATE("only what was asked for is reported, and change asks for something else",
                   Poller, poller, poll_poller) {
    Poller loop;
    REQUIRE(loop.open());
    pipe_ends pipe;
    recorder writer(pipe.ends[1]);
    REQUIRE(loop.add(writer, 0));
    CHECK(*loop.wait(monotonic_now(), {}) == 0);
    REQUIRE(loop.change(writer, poll_out));
    CHECK(*loop.wait(monotonic_now(), soon()) == 1);
    CHECK(writer.events == poll_out);
    REQUIRE(loop.change(writer, 0));
    CHECK(*loop.wait(monotonic_now(), {}) == 0);
    loop.remove(writer);
}

TEST_CASE_TEMPLATE("a hang-up is reported whether asked for or not", Poller, poller, poll_poller) {
    Poller loop;
    REQUIRE(loop.open());
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    recorder reader(ends[0]);
    REQUIRE(loop.add(reader, 0));
    ::close(ends[1]);
    CHECK(*loop.wait(monotonic_now(), soon()) == 1);
    CHECK((reader.events & poll_error) != 0);
    loop.remove(reader);
    ::close(ends[0]);
}

TEST_CASE_TEMPLATE("a watcher that another one removes is not called in the same turn", Poller,
                   poller, poll_poller) {
    Poller loop;
    REQUIRE(loop.open());
    pipe_ends left, right;
    recorder first(left.ends[0]), second(right.ends[0]);
    // Whichever is called first removes the other.
    for (recorder* each : {&first, &second}) {
        each->other = each == &first ? &second : &first;
        each->loop = &loop;
        each->then = [](recorder& me) noexcept {
            static_cast<Poller*>(me.loop)->remove(*me.other);
        };
        REQUIRE(loop.add(*each, poll_in));
    }
    left.put();
    right.put();
    CHECK(*loop.wait(monotonic_now(), soon()) == 1);
    CHECK(first.calls + second.calls == 1);
}

TEST_CASE_TEMPLATE("a watcher may remove itself", Poller, poller, poll_poller) {
    Poller loop;
    REQUIRE(loop.open());
    pipe_ends pipe;
    recorder once(pipe.ends[0]);
    once.loop = &loop;
    once.then = [](recorder& me) noexcept { static_cast<Poller*>(me.loop)->remove(me); };
    REQUIRE(loop.add(once, poll_in));
    pipe.put();
    CHECK(*loop.wait(monotonic_now(), soon()) == 1);
    CHECK(*loop.wait(monotonic_now(), {}) == 0);
    CHECK(once.calls == 1);
}

TEST_CASE_TEMPLATE("adding twice, changing a stranger and a bad descriptor are errors or reported",
                   Poller, poller, poll_poller) {
    Poller loop;
    REQUIRE(loop.open());
    pipe_ends pipe;
    recorder reader(pipe.ends[0]);
    CHECK(loop.change(reader, poll_in).why().code == errc::not_found);
    REQUIRE(loop.add(reader, poll_in));
    CHECK_FALSE(loop.add(reader, poll_in));
    loop.remove(reader);
    loop.remove(reader);
    CHECK(loop.add(reader, poll_in));
    loop.remove(reader);
}

TEST_CASE_TEMPLATE("wait returns at its deadline, not before", Poller, poller, poll_poller) {
    Poller loop;
    REQUIRE(loop.open());
    const instant start = monotonic_now();
    const instant deadline = start + microseconds(2'300);
    CHECK(*loop.wait(start, deadline) == 0);
    CHECK(monotonic_now() >= deadline);
    CHECK(monotonic_now() - start < seconds(2));
}

TEST_CASE("timeouts are rounded up and never overflow") {
    CHECK(detail::poll_timeout_ms({0}, never) == -1);
    CHECK(detail::poll_timeout_ms({5}, {5}) == 0);
    CHECK(detail::poll_timeout_ms({5}, {4}) == 0);
    CHECK(detail::poll_timeout_ms({5}, {6}) == 1);
    CHECK(detail::poll_timeout_ms({0}, {1'000'000}) == 1);
    CHECK(detail::poll_timeout_ms({0}, {1'000'001}) == 2);
    CHECK(detail::poll_timeout_ms({0}, {never.ns - 1}) == std::numeric_limits<int>::max());
}

TEST_CASE("a waker ends the sleep of a poller from another thread") {
    poller loop;
    REQUIRE(loop.open());
    waker alarm;
    REQUIRE(alarm.open());
    recorder woken(alarm.fd());
    REQUIRE(loop.add(woken, poll_in));
    std::thread other([&] { alarm.wake(); });
    CHECK(*loop.wait(monotonic_now(), never) == 1);
    other.join();
    alarm.drain();
    CHECK(*loop.wait(monotonic_now(), {}) == 0);
    loop.remove(woken);
}

#if defined(__linux__)
TEST_CASE("a poller can be watched by another one") {
    poller inner, outer;
    REQUIRE(inner.open());
    REQUIRE(outer.open());
    pipe_ends pipe;
    recorder reader(pipe.ends[0]), nested(inner.fd());
    REQUIRE(inner.add(reader, poll_in));
    REQUIRE(outer.add(nested, poll_in));
    pipe.put();
    CHECK(*outer.wait(monotonic_now(), soon()) == 1);
    CHECK(*inner.wait(monotonic_now(), {}) == 1);
    CHECK(reader.calls == 1);
}

TEST_CASE("more ready watchers than one turn holds are all served in turn") {
    poller loop;
    REQUIRE(loop.open());
    pipe_ends pipe;
    pipe.put();
    std::vector<recorder> readers;
    for (int i = 0; i < 200; ++i) readers.emplace_back(::dup(pipe.ends[0]));
    for (recorder& each : readers) REQUIRE(loop.add(each, poll_in));
    for (int turn = 0; turn < 4; ++turn) REQUIRE(loop.wait(monotonic_now(), {}));
    for (recorder& each : readers) {
        REQUIRE(each.calls > 0);
        loop.remove(each);
        ::close(each.fd);
    }
}
#endif
