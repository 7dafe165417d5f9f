#include <raftkit/base/error.hpp>

#include <set>
#include <string>

#include <doctest/doctest.h>

using namespace raftkit;

namespace {
constexpr int codes = static_cast<int>(errc::unauthentic) + 1;
}

// The table of outcomes is a promise to clients: only these three rows may say anything but "not
// done".
TEST_CASE(
    "outcome_of: done and unknown are exactly these, everything else was certainly not done") {
    for (int number = 0; number < codes; ++number) {
        const auto code = static_cast<errc>(number);
        CAPTURE(std::string(name_of(code)));
        if (code == errc::ok || code == errc::reply_lost) {
            CHECK(outcome_of(code) == outcome::done);
        } else if (code == errc::outcome_unknown) {
            CHECK(outcome_of(code) == outcome::unknown);
        } else {
            CHECK(outcome_of(code) == outcome::not_done);
        }
    }
}

TEST_CASE("a code from nowhere is unknown, never a promise") {
    CHECK(outcome_of(static_cast<errc>(codes)) == outcome::unknown);
    CHECK(std::string(name_of(static_cast<errc>(codes))) == "?");
}

TEST_CASE("every code has a name of its own") {
    std::set<std::string> names;
    for (int number = 0; number < codes; ++number) names.insert(name_of(static_cast<errc>(number)));
    CHECK(names.size() == static_cast<std::size_t>(codes));
    CHECK(names.count("?") == 0);
}

TEST_CASE("only a code other than ok makes an error") {
    CHECK_FALSE(error{});
    CHECK_FALSE(error{errc::ok, 5, "somewhere", 7});
    CHECK(error{errc::io});
}
