// Every path on which a proposal can end, and that it ends once.

#include <doctest/doctest.h>

#include <raftkit/node/pending.hpp>

#include <map>
#include <vector>

using namespace raftkit;

namespace {

struct bench {
    pending waiting;
    std::map<const operation*, error> ended;
    std::map<u64, const operation*> carried;
    std::vector<const operation*> refused;

    void take(u64 first, u64 last, u64 term) {
        waiting.take(
            {first}, {last}, {term},
            [&](index_t at, operation& who) {
                CHECK_FALSE(carried.contains(at.value));
                carried[at.value] = &who;
            },
            [&](operation& who) { refused.push_back(&who); });
    }
    auto end() {
        return [this](operation& who, error how) {
            CHECK_FALSE(ended.contains(&who));
            ended[&who] = how;
        };
    }
    bool was_refused(const operation& who) const {
        return std::find(refused.begin(), refused.end(), &who) != refused.end();
    }
};
log_id at(u64 index, u64 term) { return {{index}, {term}}; }

}  // namespace

TEST_CASE("an operation is carried with the entry of its own index and term") {  // known bug 31
    bench b;
    operation a, c;
    b.waiting.add(at(5, 2), a);
    b.waiting.add(at(7, 2), c);  // a membership entry stands between them
    CHECK(b.waiting.concerns({5}, {2}));
    CHECK_FALSE(b.waiting.concerns({4}, {2}));
    b.take(5, 6, 2);
    CHECK(b.carried[5] == &a);
    CHECK(b.waiting.size() == 1);
    b.take(7, 9, 2);
    CHECK(b.carried[7] == &c);
    CHECK(b.waiting.empty());
    CHECK(b.refused.empty());
}

TEST_CASE(
    "an index that is applied with another term is not ours, whoever stored it") {  // known bug 31
    // scenario C37
    bench b;
    operation who;
    b.waiting.add(at(5, 2), who);
    b.take(5, 5, 3);
    CHECK(b.was_refused(who));
    CHECK(b.carried.empty());
    CHECK(b.waiting.empty());
}

TEST_CASE(
    "a later term committed at or below its index refuses an operation, and nothing less does") {
    bench b;
    operation lost, behind, ours;
    b.waiting.add(at(5, 2), lost);
    b.waiting.add(at(60, 2), behind);
    b.waiting.stored({5}, {3}, {5});  // truncated: nothing ends
    b.waiting.add(at(70, 3), ours);
    CHECK(b.waiting.size() == 3);
    CHECK_FALSE(b.waiting.empty());
    CHECK(b.refused.empty());
    b.take(4, 4, 2);  // an older leader's entry says nothing
    CHECK(b.refused.empty());
    CHECK(b.waiting.concerns({5}, {3}));
    // The log may end here and rest: who waits at 60 would wait for ever (cluster seed 9860).
    b.take(5, 5, 3);
    CHECK(b.was_refused(lost));
    CHECK(b.was_refused(behind));
    CHECK_FALSE(b.was_refused(ours));
    CHECK(b.waiting.size() == 1);
    b.take(6, 70, 3);
    CHECK(b.carried[70] == &ours);
}

TEST_CASE(
    "a later term refuses what waits at a leader of before, though nothing was stored there") {
    bench b;
    operation who;
    b.waiting.add(at(9, 2), who);
    CHECK_FALSE(b.waiting.concerns({8}, {2}));
    CHECK(b.waiting.concerns({8}, {3}));
    b.take(8, 8, 3);
    CHECK(b.was_refused(who));
    CHECK(b.waiting.empty());
}

TEST_CASE(
    "an entry that was replaced and comes back by way of another leader carries its operation") {
    bench b;
    operation first, kept;
    b.waiting.add(at(5, 2), first);
    b.waiting.add(at(6, 2), kept);
    b.waiting.stored({5}, {3}, {5});
    b.waiting.stored({5}, {2}, {6});
    b.take(5, 6, 2);
    CHECK(b.carried[5] == &first);
    CHECK(b.carried[6] == &kept);
    CHECK(b.refused.empty());
}

TEST_CASE("two terms may wait at one index, and each gets its own end") {
    bench b;
    operation first[3], second[3];
    for (u64 i = 0; i < 3; ++i) b.waiting.add(at(10 + i, 2), first[i]);
    b.waiting.stored({10}, {4}, {10});
    for (u64 i = 0; i < 3; ++i) b.waiting.add(at(11 + i, 6), second[i]);
    CHECK(b.waiting.size() == 6);
    b.take(10, 10, 4);
    CHECK(b.was_refused(first[0]));
    b.take(11, 13, 6);
    CHECK(b.was_refused(first[1]));
    CHECK(b.was_refused(first[2]));
    for (u64 i = 0; i < 3; ++i) CHECK(b.carried[11 + i] == &second[i]);
    CHECK(b.waiting.empty());
}

TEST_CASE("a long stretch without own entries does not fill the ring with nothing") {
    bench b;
    operation old, young;
    b.waiting.add(at(10, 2), old);
    b.waiting.add(at(1'000'000, 9), young);
    CHECK(b.waiting.concerns({10}, {2}));
    b.take(10, 999'999, 5);
    CHECK(b.was_refused(old));
    b.take(1'000'000, 1'000'000, 9);
    CHECK(b.carried[1'000'000] == &young);
}

TEST_CASE(
    "deadlines, cancellations, close and a failed disk leave the outcome unknown and say why") {
    bench b;
    operation late, cancelled, closed, unhurried;
    late.deadline = instant{100};
    unhurried.deadline = instant{500};
    b.waiting.add(at(1, 1), late);
    b.waiting.add(at(2, 1), cancelled);
    b.waiting.add(at(3, 1), unhurried);
    b.waiting.add(at(4, 1), closed);
    CHECK(b.waiting.deadline() == instant{100});

    b.waiting.expire(instant{99}, b.end());
    CHECK(b.ended.empty());
    b.waiting.expire(instant{100}, b.end());
    CHECK(b.ended[&late].code == errc::outcome_unknown);
    CHECK(b.ended[&late].detail == u64(errc::timed_out));
    CHECK(b.waiting.deadline() == instant{500});

    b.waiting.cancel_asked(b.end());
    CHECK(b.ended.size() == 1);
    cancelled.cancel_asked = true;
    b.waiting.cancel_asked(b.end());
    CHECK(b.ended[&cancelled].code == errc::outcome_unknown);
    CHECK(b.ended[&cancelled].detail == u64(errc::cancelled));

    b.take(3, 3, 1);
    CHECK(b.carried[3] == &unhurried);
    b.waiting.end_all(errc::stopped, "close", b.end());
    CHECK(b.ended[&closed].code == errc::outcome_unknown);
    CHECK(b.ended[&closed].detail == u64(errc::stopped));
    CHECK(b.waiting.empty());
    CHECK(b.waiting.deadline() == never);
    b.take(1, 2, 1);  // what ended early is not ended again
    CHECK(b.carried.size() == 1);
}

TEST_CASE(
    "a snapshot over an index is done, refused or unknown by what our log held") {  // known bug 98
    // scenario D67
    const auto run = [](bool held, bool replaced) {
        bench b;
        operation covered, last, beyond;
        b.waiting.add(at(10, 2), covered);
        b.waiting.add(at(20, 2), last);
        b.waiting.add(at(21, 2), beyond);
        if (replaced) b.waiting.stored({10}, {3}, {20});
        b.waiting.covered({20}, held, b.end());
        CHECK(b.waiting.size() == 1);
        CHECK_FALSE(b.ended.contains(&beyond));
        CHECK(b.ended.at(&last).code == b.ended.at(&covered).code);
        b.take(21, 21, 2);
        CHECK(b.carried[21] == &beyond);
        return b.ended.at(&covered);
    };
    CHECK(run(true, false).code == errc::reply_lost);
    CHECK(run(true, true).code == errc::leader_changed);
    CHECK(run(false, false).code == errc::outcome_unknown);
    CHECK(run(false, false).detail == u64(errc::compacted));
    CHECK(run(false, true).code == errc::outcome_unknown);
}

TEST_CASE("an entry that is stored again counts as held") {
    bench b;
    operation who;
    b.waiting.add(at(10, 2), who);
    b.waiting.stored({9}, {3}, {9});    // truncated by one leader
    b.waiting.stored({10}, {2}, {12});  // brought back by the next
    b.waiting.covered({12}, true, b.end());
    CHECK(b.ended[&who].code == errc::reply_lost);
}

TEST_CASE("what a proposal ends with is done, certainly not done or unknown, and nothing else") {
    // The codes that paths of `pending` and of intake produce, and what clients read from them.
    CHECK(outcome_of(errc::ok) == outcome::done);
    CHECK(outcome_of(errc::reply_lost) == outcome::done);
    CHECK(outcome_of(errc::outcome_unknown) == outcome::unknown);
    for (u16 code = u16(errc::not_leader); code <= u16(errc::invalid_option); ++code) {
        CHECK(outcome_of(static_cast<errc>(code)) == outcome::not_done);
    }
    for (u16 code = 0; code <= u16(errc::unauthentic); ++code) {
        const errc cause = static_cast<errc>(code);
        CHECK(outcome_of(unknown_outcome(cause, "").code) == outcome::unknown);
        CHECK(unknown_outcome(cause, "").detail == code);
        CHECK(std::string_view(name_of(cause)) != "?");
    }
}
