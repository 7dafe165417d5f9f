#include <raftkit/base/result.hpp>

#include <memory>
#include <string>

#include <doctest/doctest.h>

using namespace raftkit;

TEST_CASE("a result holds its value and says ok") {
    result<std::string> held(std::string("value"));
    REQUIRE(held);
    CHECK(*held == "value");
    CHECK(held->size() == 5);
    CHECK(held.why().code == errc::ok);
    *held += "!";
    CHECK(*held == "value!");
}

TEST_CASE("a result holds its error with all the facts") {
    const result<std::string> held(error{errc::io, 5, "files.open", 42});
    CHECK_FALSE(held);
    CHECK(held.why().code == errc::io);
    CHECK(held.why().os == 5);
    CHECK(std::string(held.why().where) == "files.open");
    CHECK(held.why().detail == 42);
}

TEST_CASE("a value that only moves can be taken out") {
    result<std::unique_ptr<int>> held(std::make_unique<int>(7));
    const std::unique_ptr<int> taken = *std::move(held);
    CHECK(*taken == 7);
}

TEST_CASE("a result of nothing is fine unless it says why not") {
    const result<void> fine;
    const result<void> failed = error{errc::busy};
    CHECK(fine);
    CHECK_FALSE(failed);
    CHECK(failed.why().code == errc::busy);
}
