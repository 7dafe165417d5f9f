// open<Machine>: a durable machine in one call.

#include <doctest/doctest.h>

#include <raftkit/open.hpp>

#include <node/support/loop_cluster.hpp>

using namespace node_tests;

namespace {

struct words {
    std::string all;
    std::string apply(std::string_view word) { return all += std::string(word) + " "; }
    std::string snapshot() const { return all; }
    void restore(std::string&& copy) { all = std::move(copy); }
};

open_options alone(const std::string& path) {
    open_options made;
    made.node.who.self = {1};
    made.node.heartbeat_interval = milliseconds(10);
    made.node.election_timeout_min = milliseconds(100);
    made.node.election_timeout_max = milliseconds(200);
    made.node.apply_slice = milliseconds(5);
    made.directory = path;
    made.addresses = {{{1}, free_address()}};
    return made;
}

}  // namespace

TEST_CASE("a machine that was opened keeps what it was told, also over a restart") {
    directory files;
    for (u32 life = 0; life < 2; ++life) {
        auto opened = open<words>(alone(files.path));
        REQUIRE(opened.why().code == errc::ok);
        replicated<words> node = std::move(*opened);
        const auto reply = node.call("word", seconds(20));
        REQUIRE(reply);
        CHECK(*reply == (life == 0 ? "word " : "word word "));
        const auto length =
            node.read([](const words& here) { return here.all.size(); }, seconds(20));
        REQUIRE(length);
        CHECK(*length == reply->size());
        CHECK(node.status().phase == node_phase::serving);
    }
}

TEST_CASE("a call without waiting is told on the loop, and a stopped node refuses") {
    directory files;
    auto opened = open<words>(alone(files.path));
    REQUIRE(opened.why().code == errc::ok);
    REQUIRE(opened->call("first", seconds(20)));
    std::atomic<bool> told{false};
    opened->call("second", [&](error why, std::string_view reply) {
        CHECK(why.code == errc::ok);
        CHECK(reply == "first second ");
        told = true;
    });
    CHECK(loop_cluster::eventually([&] { return told.load(); }));
    opened->stop();
    const auto late = opened->call("late", seconds(5));
    CHECK(late.why().code == errc::stopped);
    CHECK(opened->status().phase == node_phase::stopped);
}

TEST_CASE("what cannot be opened says why") {
    directory files;
    open_options bad = alone(files.path);
    bad.node.who.self = {};
    CHECK(open<words>(bad).why().code == errc::invalid_option);
    auto first = open<words>(alone(files.path));
    REQUIRE(first.why().code == errc::ok);
    CHECK(open<words>(alone(files.path)).why().code == errc::busy);
}
