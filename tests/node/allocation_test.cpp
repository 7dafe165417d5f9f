// A steady state allocates nothing: three nodes in one process, 10^5 entries to warm up, then 10^6
// that are counted. Core, log, codec and node, from propose(span) to the finished operation.

#include <doctest/doctest.h>

#include <malloc.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <vector>

#include <raftkit/node/drive/manual.hpp>
#include <raftkit/node/node.hpp>
#include <raftkit/snapshot/store/memory.hpp>
#include <raftkit/transport/inproc.hpp>

#include <support/sanitizer.hpp>

namespace {
std::atomic<unsigned long> allocations{0};
}

// A sanitizer has an allocator of its own: there the path is run, and not counted.
#if !RAFTKIT_TEST_SANITIZED
// Every way to the heap, operator new included, ends in one of these.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* malloc(std::size_t bytes) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    return __libc_calloc(count, bytes);
}
void* realloc(void* old, std::size_t bytes) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    return __libc_realloc(old, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** made, std::size_t alignment, std::size_t bytes) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    *made = __libc_memalign(alignment, bytes);
    return *made != nullptr ? 0 : ENOMEM;
}
}
#endif

namespace {

using namespace raftkit;

// Confirms everything and keeps nothing: a log in memory would grow, and no peer is so slow that it
// is loaded from.
struct forgetful_storage {
    identity self;
    result<recovered_log> open(const identity& who, completion_port) {
        recovered_log found;
        found.self = who;
        found.self.incarnation = 0x10000 * who.self.value;
        return found;
    }
    persisted persist(const persist_batch& batch) noexcept { return {batch.id, {}, 0, {}, {}}; }
    void load(load_request) noexcept { RAFTKIT_ASSERT(false && "nothing is loaded in this test"); }
    void compact(const log_base&) noexcept {}
    void close() noexcept {}
};
struct adder {
    struct image {
        result<image_step> next(std::span<std::byte>) { return image_step{0, true, true}; }
    };
    struct writer {
        result<void> write(const chunk&) { return {}; }
        void commit() noexcept {}
    };
    void apply(command_range batch, reply_sink& replies) noexcept {
        for (const command each : batch) {
            sum += static_cast<u64>(each.body.size());
            replies.reply(each.at.index, std::as_bytes(std::span(&sum, 1)));
        }
    }
    result<image> capture() { return image{}; }
    result<writer> restore(const snapshot_meta&) { return writer{}; }
    u64 sum = 0;
};
struct quiet_policies : manual_policies {
    trigger::manual trigger{};
};
using counted_node =
    node<forgetful_storage, inproc_transport, adder, memory_snapshots, quiet_policies>;

// An operation that proposes itself again when it is done, as a busy client does.
struct client : operation {
    counted_node* to = nullptr;
    u64* done = nullptr;
    static void end(operation& self, error how, byte_span reply) noexcept {
        client& mine = static_cast<client&>(self);
        RAFTKIT_ASSERT(!how);
        RAFTKIT_ASSERT(reply.size() == 8);
        ++*mine.done;
        static const std::byte command[128]{};
        mine.to->propose(byte_span(command), mine);
    }
};

}  // namespace

TEST_CASE("a million entries through three nodes allocate nothing") {
    inproc_hub hub;
    configuration all;
    for (u64 id = 1; id <= 3; ++id)
        all.members.push_back({{id}, member_role::voter, member_role::none, 0, ""});
    std::unique_ptr<counted_node> nodes[3];
    for (u64 id = 1; id <= 3; ++id) {
        node_options options;
        options.who.self = {id};
        options.bootstrap = all;
        options.seed = id;
        nodes[id - 1] =
            std::make_unique<counted_node>(options, forgetful_storage(), inproc_transport(hub),
                                           adder(), memory_snapshots(), quiet_policies());
        REQUIRE(nodes[id - 1]->open());
    }
    instant now = instant{} + seconds(1);
    const auto poll = [&] {
        now = now + microseconds(50);
        for (auto& each : nodes) each->poll(now);
    };
    counted_node* leader = nullptr;
    while (leader == nullptr) {
        poll();
        for (auto& each : nodes) {
            if (each->status().serving_reads) leader = each.get();
        }
    }
    u64 done = 0;
    std::vector<client> clients(64);
    for (client& each : clients) {
        each.finish = &client::end;
        each.to = leader;
        each.done = &done;
        static const std::byte command[128]{};
        leader->propose(byte_span(command), each);
    }
    while (done < 100'000) poll();
    const u64 warm = done;
    const unsigned long before = allocations.load();
    while (done < warm + 1'000'000) poll();
    const unsigned long after = allocations.load();
    CHECK(done >= 1'100'000);
    CHECK(after - before == 0);
#if !RAFTKIT_TEST_SANITIZED
    CHECK(before > 0);  // the counter counts
#endif
}
