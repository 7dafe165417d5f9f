// Who hears what.

#include <doctest/doctest.h>

#include <raftkit/concepts/observer.hpp>
#include <string_view>

using namespace raftkit;

namespace {

struct attentive {
    index_t upto;
    int others = 0;
    void on(const committed& now) noexcept { upto = now.upto; }
    void on(const stopped&) noexcept { ++others; }
};
struct hears_all {
    int heard = 0;
    void on(const auto&) noexcept { ++heard; }
};
struct may_fail {
    void on(const committed&) noexcept;
    void on(const stopped&);
};
struct answers {
    int on(const committed&) noexcept;
};
struct deaf {
    void on(const applied&) noexcept;  // a completion, no event
};

}  // namespace

TEST_CASE("tell reaches the hook of that event, and no other") {
    attentive ears;
    tell(ears, committed{index_t{7}});
    tell(ears, compacted{index_t{3}});
    CHECK(ears.upto == index_t{7});
    CHECK(ears.others == 0);
    tell(ears, stopped{});
    CHECK(ears.others == 1);
}

TEST_CASE("an observer of everything hears each event once") {
    hears_all ears;
    tell(ears, role_changed{});
    tell(ears, damage_found{});
    tell(ears, snapshot_progress{});
    CHECK(ears.heard == 3);
}

TEST_CASE("telling the null observer is nothing at compile time") {
    null_observer nobody;
    static_assert(!hears<null_observer, committed>);
    static_assert(noexcept(tell(nobody, committed{})));
    static_assert(std::is_empty_v<null_observer>);
    tell(nobody, committed{});
    CHECK(event_observer<null_observer>);
}

TEST_CASE("hooks that may throw or answer are heard but refused") {
    CHECK(hears<may_fail, stopped>);
    CHECK_FALSE(observes<may_fail, stopped>);
    CHECK(observes<may_fail, committed>);
    CHECK_FALSE(event_observer<may_fail>);
    CHECK_FALSE(event_observer<answers>);
}

TEST_CASE("an observer that hears nothing is a mistake") {
    CHECK_FALSE(event_observer<deaf>);
    CHECK_FALSE(event_observer<int>);
    CHECK(event_observer<attentive>);
    CHECK(event_observer<hears_all>);
}

TEST_CASE("every phase has its name") {
    CHECK(name_of(node_phase::recovering) == std::string_view("recovering"));
    CHECK(name_of(node_phase::restoring) == std::string_view("restoring"));
    CHECK(name_of(node_phase::replaying) == std::string_view("replaying"));
    CHECK(name_of(node_phase::serving) == std::string_view("serving"));
    CHECK(name_of(node_phase::needs_install) == std::string_view("needs_install"));
    CHECK(name_of(node_phase::failed) == std::string_view("failed"));
    CHECK(name_of(node_phase::stopped) == std::string_view("stopped"));
}
