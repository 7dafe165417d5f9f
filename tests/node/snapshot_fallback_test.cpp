// The newest snapshot is damaged when a node starts: it comes back from an older one and the log
// behind it, or says what is wrong and stops.

#include <doctest/doctest.h>

#include <node/support/cluster.hpp>

using namespace node_tests;

namespace {

// What rots on the shelf, and how it shows.
struct rot {
    std::vector<snapshot_id> ids;
    errc shows = errc::corrupt;
    std::vector<snapshot_id> set_aside;
};

class rotting_snapshots : public memory_snapshots {
public:
    rotting_snapshots(memory_snapshots from, rot& by) : memory_snapshots(from), by_(&by) {}

    class reader : public memory_snapshots::reader {
    public:
        reader(memory_snapshots::reader&& inner, error why)
            : memory_snapshots::reader(std::move(inner)), why_(why) {}
        result<chunk> read(u32 section, u64 offset, u32 most) const noexcept {
            if (why_) return why_;
            return memory_snapshots::reader::read(section, offset, most);
        }

    private:
        error why_;
    };
    result<reader> open(snapshot_id id) noexcept {
        result<memory_snapshots::reader> inner = memory_snapshots::open(id);
        if (!inner) return inner.why();
        const bool rotten = std::find(by_->ids.begin(), by_->ids.end(), id) != by_->ids.end();
        return reader(std::move(*inner), rotten ? error{by_->shows, 0, "rot", 4711} : error{});
    }
    result<void> quarantine(snapshot_id id) noexcept {
        by_->set_aside.push_back(id);
        return memory_snapshots::quarantine(id);
    }
    std::string file_of(snapshot_id id, u32 section) {
        return "snap-" + std::to_string(id.at.index.value) + "/" + std::to_string(section);
    }

private:
    rot* by_;
};
static_assert(locating_store<rotting_snapshots>);

// One voter, its log, its shelf.
struct lonely {
    using node_t = node<plain_storage, inproc_transport, testing::register_map, rotting_snapshots,
                        test_policies>;
    inproc_hub hub;
    plain_disk disk;
    memory_snapshots shelf;
    rot bad;
    witness heard;
    node_options options;
    std::unique_ptr<node_t> up;
    instant now{seconds(1).ns};

    lonely() {
        options.who.self = {1};
        options.bootstrap = voters({1});
        options.seed = 1;
    }
    void start() {
        up.reset();
        heard = {};
        test_policies rules;
        rules.observer.to = &heard;
        up = std::make_unique<node_t>(options, plain_storage(disk), inproc_transport(hub),
                                      testing::register_map{}, rotting_snapshots(shelf, bad),
                                      std::move(rules));
        REQUIRE(bool(up->open()));
    }
    template <class Enough>
    bool run_until(Enough&& enough) {
        for (u32 turn = 0; turn < 20'000; ++turn, now = now + milliseconds(1)) {
            up->poll(now);
            if (enough()) return true;
        }
        return false;
    }
    bool serves() {
        return run_until([&] { return up->status().serving_reads; });
    }
    void fill(u32 count) {
        for (u32 i = 0; i < count; ++i) {
            set_command wish(i % 7, i);
            up->propose(wish);
            REQUIRE(run_until([&] { return wish.done(); }));
            REQUIRE(wish.ok());
        }
    }
    void start_serving() {
        start();
        REQUIRE(serves());
    }
    snapshot_id save() {
        asked<snapshot_ticket> ticket;
        up->snapshot_now(ticket);
        REQUIRE(run_until([&] { return ticket.done(); }));
        REQUIRE(ticket.ok());
        return ticket.id;
    }
    std::vector<snapshot_id> kept() {
        std::vector<snapshot_id> ids;
        const auto listed = shelf.list();
        for (const snapshot_manifest& each : *listed) ids.push_back(each.meta.id);
        return ids;
    }
};

}  // namespace

TEST_CASE("a damaged newest snapshot is passed over for an older one and the log behind it") {
    // scenario D50; S000-43, S004-43
    lonely one;
    one.start_serving();
    one.fill(40);
    const snapshot_id older = one.save();
    one.fill(60);
    const snapshot_id newest = one.save();
    one.fill(15);
    const u64 digest = one.up->machine().digest();
    REQUIRE(one.disk.base.at.index <= older.at.index);
    one.bad.ids = {newest};

    one.start_serving();
    CHECK(one.up->machine().digest() == digest);
    CHECK(one.heard.restored == 1);
    CHECK(one.heard.failed == 1);
    CHECK(one.heard.damaged == 1);
    CHECK(one.bad.set_aside == std::vector{newest});
    CHECK(one.kept() == std::vector{older});
    // It goes on as ever: the next snapshot is newer than both, and the log follows it.
    one.fill(5);
    CHECK(one.save().at.index > newest.at.index);
    one.start_serving();
    CHECK(one.heard.damaged == 0);
}

TEST_CASE("if all snapshots are damaged the whole log will do") {
    lonely one;
    one.start_serving();
    one.fill(4);
    const snapshot_id older = one.save();
    one.fill(4);
    const snapshot_id newest = one.save();
    const u64 digest = one.up->machine().digest();
    REQUIRE(one.disk.base.at.index == index_t{});  // it trails by ten entries
    one.bad.ids = {older, newest};
    one.start_serving();
    CHECK(one.up->machine().digest() == digest);
    CHECK(one.heard.restored == 0);
    CHECK(one.heard.damaged == 2);
    CHECK(one.kept().empty());
    one.fill(1);
    CHECK(one.save().at.index > newest.at.index);
}

TEST_CASE("without the log behind an older snapshot a node stops, and says where the damage is") {
    // requirements 7.4, recovery.md §2 row 4; known bug 55
    lonely one;
    one.options.snapshot_fallback = false;
    one.start_serving();
    one.fill(40);
    const snapshot_id older = one.save();
    one.fill(60);
    const snapshot_id newest = one.save();
    one.fill(15);
    REQUIRE(one.run_until([&] { return one.disk.base.at.index > older.at.index; }));
    one.bad.ids = {newest};
    for (int life = 0; life < 2; ++life) {  // and the next start says the same
        one.start();
        REQUIRE(one.run_until([&] { return one.up->closed(); }));
        CHECK(one.up->status().stop_cause.code == errc::corrupt);
        CHECK(one.up->status().stop_cause.detail == 4711);
        REQUIRE(one.up->found() != nullptr);
        CHECK(one.up->found()->part == damaged_part::snapshot);
        CHECK(one.up->found()->first == newest.at.index);
        CHECK(one.up->found()->offset == 4711);
        CHECK(one.up->found()->file == "snap-" + std::to_string(newest.at.index.value) + "/0");
        CHECK(one.heard.damaged == 1);
        CHECK(one.kept() == std::vector{newest, older});
        CHECK(one.bad.set_aside.empty());
    }
}

TEST_CASE("a snapshot that the disk does not give is not passed over") {
    // scenario I127: an error of the disk is not damage
    lonely one;
    one.start_serving();
    one.fill(40);
    one.save();
    one.fill(60);
    one.bad.ids = {one.save()};
    one.bad.shows = errc::io;
    one.start();
    REQUIRE(one.run_until([&] { return one.up->closed(); }));
    CHECK(one.up->status().stop_cause.code == errc::io);
    CHECK(one.up->found() == nullptr);
    CHECK(one.kept().size() == 2);
    one.bad.ids.clear();
    one.start();
    CHECK(one.serves());
}
