// Several observers behind one.

#include <doctest/doctest.h>

#include <raftkit/concepts/diagnose.hpp>
#include <raftkit/policy/observe/counters.hpp>
#include <raftkit/policy/observe/tee.hpp>
#include <string>

using namespace raftkit;

namespace {

struct scribe {
    std::string* into = nullptr;
    char name = '?';
    void on(const committed&) noexcept { *into += name; }
};
struct mourner {
    int heard = 0;
    void on(const stopped&) noexcept { ++heard; }
};

}  // namespace

TEST_CASE("tee tells its observers in the order of writing") {
    std::string heard;
    tee<scribe, scribe> both{{scribe{&heard, 'a'}, scribe{&heard, 'b'}}};
    tell(both, committed{index_t{1}});
    tell(both, committed{index_t{2}});
    CHECK(heard == "abab");
}

TEST_CASE("tee hears what any of its observers hears, and nothing else") {
    using pair = tee<scribe, mourner>;
    CHECK(hears<pair, committed>);
    CHECK(hears<pair, stopped>);
    CHECK_FALSE(hears<pair, compacted>);
    CHECK(event_observer<pair>);
    CHECK(detail::diagnose_observer<pair>::said);
}

TEST_CASE("tee tells only those who hear the event") {
    std::string heard;
    tee<scribe, mourner> pair{{scribe{&heard, 'a'}, mourner{}}};
    tell(pair, stopped{});
    CHECK(heard.empty());
    CHECK(std::get<1>(pair.observers).heard == 1);
}

TEST_CASE("a tee of tees reaches everybody") {
    tee<tee<mourner, null_observer>, counters> deep;
    tell(deep, stopped{});
    CHECK(std::get<0>(std::get<0>(deep.observers).observers).heard == 1);
    CHECK(std::get<1>(deep.observers).stops.value() == 1);
}
