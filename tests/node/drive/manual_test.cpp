// A node inside a foreign loop: a descriptor and a deadline are all that the loop gets.

#include <doctest/doctest.h>

#include <poll.h>

#include <atomic>
#include <thread>

#include <node/support/cluster.hpp>

using namespace node_tests;

TEST_CASE("the descriptor becomes readable when another thread submits") {
    inproc_hub hub;
    plain_disk disk;
    witness heard;
    test_policies rules;
    rules.observer.to = &heard;
    node_options options;
    options.who.self = {1};
    options.bootstrap = voters({1});
    options.election_timeout_min = milliseconds(500);
    options.election_timeout_max = milliseconds(501);
    test_node alone(options, plain_storage(disk), heard_transport(hub, heard),
                    testing::register_map{}, memory_snapshots(), std::move(rules));
    drive::manual<test_node> drive(alone);
    REQUIRE(drive.open_with_descriptor());
    REQUIRE(drive.fd() >= 0);
    const auto turn = [&](instant deadline) {
        const instant now = monotonic_now();
        const i64 wait = deadline == never ? 1000 : (deadline - now).ns / 1'000'000 + 1;
        pollfd one{drive.fd(), POLLIN, 0};
        ::poll(&one, 1, static_cast<int>(std::max<i64>(0, std::min<i64>(wait, 1000))));
        return drive.poll(monotonic_now());
    };
    instant deadline = drive.poll(monotonic_now());
    while (!alone.status().serving_reads) deadline = turn(deadline);

    // The next deadline of a quiet single node is a while away; a submission is served at once.
    asked<operation> read;
    std::atomic<bool> submitted{false};
    std::thread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        alone.read(read);
        submitted = true;
    });
    u32 turns = 0;
    while (!read.done() && turns < 200) {
        deadline = turn(deadline);
        ++turns;
    }
    other.join();
    CHECK(submitted);
    CHECK(read.ok());
    CHECK(turns < 200);
}
