#include <doctest/doctest.h>

#include <raftkit/snapshot/install_rules.hpp>

using namespace raftkit;

namespace {

constexpr snapshot_id at(u64 index, u64 nonce = 1, u64 term = 3) {
    return {{{index}, {term}}, nonce};
}

constexpr running_install nothing{};
constexpr running_install fetching{install_stage::fetching, at(100), {5}};
constexpr running_install restoring{install_stage::restoring, at(100), {5}};

void row(const running_install& running, const offered_install& offered, u64 commit,
         install_verdict verdict, u8 number) {
    const install_decision made = decide_install(running, offered, {commit});
    CHECK(made.verdict == verdict);
    CHECK(made.row == number);
}

}  // namespace

TEST_CASE("row 1: an offer of an older term is stale") {
    row(fetching, {at(200), {4}, {}}, 50, install_verdict::stale, 1);
    row(restoring, {at(100), {4}, {}}, 50, install_verdict::stale, 1);
}

TEST_CASE("row 2: what is committed here is not installed") {  // known bug 49, scenario D61
    row(nothing, {at(50), {5}, {}}, 50, install_verdict::already_have, 2);
    row(nothing, {at(51), {5}, {}}, 50, install_verdict::start, 3);
    row(fetching, {at(100), {5}, {}}, 100, install_verdict::already_have, 2);
}

TEST_CASE("row 3: the first offer starts") {
    row(nothing, {at(100), {5}, {}}, 0, install_verdict::start, 3);
}

TEST_CASE("row 4: the same id resumes, also in a new term and while restoring") {  // known bug 39,
                                                                                   // scenario D58
    row(fetching, {at(100), {5}, {}}, 0, install_verdict::resume, 4);
    row(fetching, {at(100), {6}, {}}, 0, install_verdict::resume, 4);
    row(restoring, {at(100), {6}, {}}, 0, install_verdict::resume, 4);
}

TEST_CASE("row 5: an older one in the same term is stale") {
    row(fetching, {at(99), {5}, {}}, 0, install_verdict::stale, 5);
    row(fetching, {at(100, 0), {5}, {}}, 0, install_verdict::stale, 5);
    row(fetching, {at(100, 9, 2), {5}, {}}, 0, install_verdict::stale, 5);
    row(restoring, {at(99), {5}, {}}, 0, install_verdict::stale, 5);
}

TEST_CASE("row 6: while restoring every other one waits") {  // scenario D62
    row(restoring, {at(200), {5}, {1}}, 0, install_verdict::busy, 6);
    row(restoring, {at(200), {6}, {1}}, 0, install_verdict::busy, 6);
    row(restoring, {at(99), {6}, {1}}, 0, install_verdict::busy, 6);
}

TEST_CASE("row 7: another one in a new term replaces what is being fetched") {
    row(fetching, {at(200), {6}, {1}}, 0, install_verdict::replace, 7);
    row(fetching, {at(99), {6}, {1}}, 0, install_verdict::replace, 7);
    row(fetching, {at(100, 2), {6}, {1}}, 0, install_verdict::replace, 7);
}

TEST_CASE("row 8: a newer one waits while the leader's log reaches back to the running one") {
    row(fetching, {at(200), {5}, {101}}, 0, install_verdict::finish, 8);
    row(fetching, {at(200), {5}, {1}}, 0, install_verdict::finish, 8);
    row(fetching, {at(100, 2), {5}, {101}}, 0, install_verdict::finish, 8);
}

TEST_CASE("row 9: a newer one replaces a running one that leads nowhere") {
    row(fetching, {at(200), {5}, {102}}, 0, install_verdict::replace, 9);
    row(fetching, {at(200), {5}, {}}, 0, install_verdict::replace, 9);
}
