#include <doctest/doctest.h>

#include <raftkit/testing/sim/network.hpp>
#include <vector>

using namespace raftkit;
using namespace raftkit::testing;

namespace {

struct inbox {
    std::vector<u64> terms;
    std::vector<node_id> from;
    std::vector<u64> incarnations;
    mail_slot slot(u64 incarnation) {
        return {this,
                [](void* self, parcel&& mail) {
                    auto* to = static_cast<inbox*>(self);
                    to->from.push_back(mail.letter()->peer);
                    to->incarnations.push_back(mail.letter()->incarnation);
                    to->terms.push_back(std::get<timeout_now>(mail.letter()->body).term.value);
                },
                incarnation};
    }
};

struct pair_of_nodes {
    scheduler time{1};
    network net{time, 2};
    inbox one, two;
    pair_of_nodes() {
        net.attach({1}, one.slot(11));
        net.attach({2}, two.slot(22));
    }
    void send(u64 from, u64 to, u64 count) {
        for (u64 term = 1; term <= count; ++term) {
            net.send({from}, envelope{{to}, 0, timeout_now{{term}}});
        }
        while (time.step()) {
        }
    }
};

}  // namespace

TEST_CASE("a message arrives with its sender's id and incarnation") {
    pair_of_nodes nodes;
    nodes.send(1, 2, 1);
    REQUIRE(nodes.two.terms == std::vector<u64>{1});
    CHECK(nodes.two.from[0] == node_id{1});
    CHECK(nodes.two.incarnations[0] == 11);
    CHECK(nodes.one.terms.empty());
}

TEST_CASE("loss, repetition and reordering happen about as often as asked") {
    pair_of_nodes nodes;
    nodes.net.faults.loss = 300'000;
    nodes.net.faults.repeat = 200'000;
    nodes.send(1, 2, 10'000);
    CHECK(nodes.net.lost > 2'700);
    CHECK(nodes.net.lost < 3'300);
    CHECK(nodes.net.repeated > 1'200);
    CHECK(nodes.net.repeated < 1'600);
    CHECK(nodes.two.terms.size() == 10'000 - nodes.net.lost + nodes.net.repeated);
    CHECK_FALSE(std::is_sorted(nodes.two.terms.begin(), nodes.two.terms.end()));
}

TEST_CASE("a cut holds in one direction only, and takes what is under way") {
    pair_of_nodes nodes;
    nodes.net.send({1}, envelope{{2}, 0, timeout_now{{9}}});
    nodes.net.cut({1}, {2});
    nodes.send(1, 2, 5);
    nodes.send(2, 1, 5);
    CHECK(nodes.two.terms.empty());
    CHECK(nodes.one.terms.size() == 5);
    nodes.net.join({1}, {2});
    nodes.send(1, 2, 5);
    CHECK(nodes.two.terms.size() == 5);
}

TEST_CASE("a partition separates, and healing joins everybody") {
    pair_of_nodes nodes;
    nodes.net.partition({{1}, {2}, {3}}, {{1}, {3}});
    CHECK_FALSE(nodes.net.connected({1}, {2}));
    CHECK_FALSE(nodes.net.connected({2}, {3}));
    CHECK(nodes.net.connected({1}, {3}));
    nodes.net.faults.loss = 1'000'000;
    nodes.net.heal();
    nodes.send(1, 2, 3);
    CHECK(nodes.two.terms.size() == 3);
}

TEST_CASE("what a message points to is copied: the sender may reuse its memory at once") {
    scheduler time(1);
    network net(time, 2);
    struct heard {
        std::string body;
    } heard;
    net.attach({2}, {&heard,
                     [](void* self, parcel&& mail) {
                         const auto& append = std::get<append_request>(mail.letter()->body);
                         const entry_view entry = *append.entries.begin();
                         static_cast<struct heard*>(self)->body = std::string(as_text(entry.body));
                     },
                     0});
    block_pool pool;
    run_builder builder(pool);
    append_request append;
    append.entries = builder.append({{1}, {1}}, entry_kind::command, as_bytes("hello"), 0);
    net.send({1}, envelope{{2}, 0, append});
    std::memset(append.entries.owner->bytes(), 0, append.entries.bytes);
    while (time.step()) {
    }
    CHECK(heard.body == "hello");
}
