// The rows N of the option table: checked by name, never clamped.

#include <doctest/doctest.h>

#include <raftkit/node/options.hpp>

#include <string>

using namespace raftkit;

namespace {

configuration list(std::initializer_list<u64> ids, const char* address = "") {
    configuration made;
    for (const u64 id : ids) {
        made.members.push_back({{id}, member_role::voter, member_role::none, 0, address});
    }
    return made;
}
node_options good() {
    node_options made;
    made.who.self = {1};
    made.bootstrap = list({1, 2, 3});
    return made;
}
template <class Change>
std::string complaint(Change&& change) {
    node_options made = good();
    change(made);
    const error why = made.validate().why();
    CHECK((why.code == errc::ok || why.code == errc::invalid_option));
    return why ? why.where : "";
}

}  // namespace

TEST_CASE("the defaults are valid, and a bad row is named") {
    CHECK(complaint([](node_options&) {}) == "");
    const auto names = [](const std::string& text, const char* row) { return text.find(row) == 0; };
    CHECK(names(complaint([](auto& o) { o.who.self = {}; }), "who.self"));
    CHECK(names(complaint([](auto& o) { o.who.group = 0; }), "who.group"));
    CHECK(names(complaint([](auto& o) { o.bootstrap.reset(); }), "who.cluster"));
    CHECK(names(complaint([](auto& o) { o.bootstrap = list({2, 3}); }), "bootstrap"));
    CHECK(names(complaint([](auto& o) { o.bootstrap = list({3, 1}); }), "configuration"));
    CHECK(names(complaint([](auto& o) { o.heartbeat_interval = {}; }), "heartbeat_interval"));
    CHECK(names(complaint([](auto& o) { o.snapshot_lease = seconds(1); }), "snapshot_lease"));
    CHECK(names(complaint([](auto& o) { o.operations_max = 0; }), "operations_max"));
    CHECK(names(complaint([](auto& o) { o.persist_batches_max = 65; }), "persist_batches_max"));
    CHECK(names(complaint([](auto& o) { o.apply_slice = milliseconds(101); }), "apply_slice"));
    CHECK(names(complaint([](auto& o) { o.events_per_poll = 0; }), "events_per_poll"));
    CHECK(names(complaint([](auto& o) { o.close_timeout = {-1}; }), "close_timeout"));
    CHECK(names(complaint([](auto& o) { o.progress_interval = {}; }), "progress_interval"));
}

TEST_CASE("what the core and the snapshots get are the rows that were set") {
    node_options made = good();
    made.heartbeat_interval = milliseconds(7);
    made.snapshot_window_chunks = 3;
    CHECK(made.for_core().heartbeat_interval == milliseconds(7));
    CHECK_FALSE(made.for_core().first_start_trusted);
    made.first_start = start_rule::trusted;
    CHECK(made.for_core().first_start_trusted);
    CHECK(made.for_snapshots().snapshot_window_chunks == 3);
}

TEST_CASE("a cluster's id tells name, ids and roles apart, and never addresses") {
    const u64 id = cluster_id_of("kvd", list({1, 2, 3}, "a:1"));
    CHECK(id != 0);
    CHECK(id == cluster_id_of("kvd", list({1, 2, 3}, "other:2")));
    CHECK(id != cluster_id_of("kvd", list({1, 2})));
    CHECK(id != cluster_id_of("kvd2", list({1, 2, 3})));
    configuration learner = list({1, 2, 3});
    learner.members[2].role = member_role::learner;
    CHECK(id != cluster_id_of("kvd", learner));
    CHECK(same_cluster_name(id, cluster_id_of("kvd", list({1, 2}))));
    CHECK_FALSE(same_cluster_name(id, cluster_id_of("kvd2", list({1, 2, 3}))));
}
