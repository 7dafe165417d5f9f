// What consensus costs over moving the bytes. Three nodes on one thread, 128-byte commands, on the
// real path from propose(span) to the apply range, copied into each log, checksums included;
// against a floor that only copies and checksums: three rings, 160-byte records, one memcpy a run
// into each, header and payload checksum made once and verified twice.
//
//   core_bench --benchmark_enable_random_interleaving=true --benchmark_repetitions=9   (the
//   defaults here)

#include <raftkit/core/consensus.hpp>

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "support/ratios.hpp"

using namespace raftkit;

namespace {

constexpr u32 command_bytes = 128;
constexpr u32 entry_bytes = record_bytes(command_bytes);
static_assert(entry_bytes == 160);

// A follower's receive buffer: the run of a message is copied into it, as a socket read would.
class receive_block {
public:
    void copy(run_view& from) {
        if (block_ == nullptr || block_->capacity - used_ < from.bytes) {
            if (block_ != nullptr) release_block(block_);
            block_ = pool_.acquire(std::max(from.bytes, block_bytes));
            used_ = 0;
        }
        std::memcpy(block_->bytes() + used_, from.data(), from.bytes);
        from.owner = block_;
        from.offset = used_;
        used_ += from.bytes;
    }
    ~receive_block() {
        if (block_ != nullptr) release_block(block_);
    }

private:
    block_pool pool_;
    block* block_ = nullptr;
    u32 used_ = 0;
};

struct trio {
    std::array<receive_block, 3> inbox;
    std::array<std::unique_ptr<core::consensus>, 3> nodes;
    std::array<u64, 3> applied{};
    std::array<u64, 3> checksum{};
    u32 leader = 0;

    trio() {
        configuration members;
        for (u64 id = 1; id <= 3; ++id) {
            member each;
            each.id = {id};
            members.members.push_back(each);
        }
        for (u64 id = 1; id <= 3; ++id) {
            core::recovered found;
            found.base.members = members;
            found.peers.joined = true;
            nodes[id - 1] = std::make_unique<core::consensus>(
                identity{1, 1, {id}, 0}, core::options{}, std::move(found), id);
        }
        for (i64 ms = 0; !nodes[leader]->leads(); ms += 10) {
            for (auto& each : nodes) each->advance({ms * 1'000'000});
            settle();
            for (u32 k = 0; k < 3; ++k) leader = nodes[k]->leads() ? k : leader;
        }
    }
    void carry_out(u32 at) {
        core::consensus& node = *nodes[at];
        effects& out = node.take_effects();
        if (out.has & effects::sending) {
            for (envelope& mail : out.send) {
                const u32 to = static_cast<u32>(mail.peer.value - 1);
                mail.peer = {at + 1};
                if (auto* request = std::get_if<append_request>(&mail.body);
                    request != nullptr && request->entries.count) {
                    inbox[to].copy(request->entries);
                }
                nodes[to]->receive(mail);
            }
        }
        index_t last;
        if (out.has & effects::applying) {
            for (const run_view& range : out.apply) {
                for (const entry_view entry : range) checksum[at] += entry.body.size();
                last = range.last();
            }
        }
        if (out.has & effects::persisting) node.persisted(out.persist.id);
        if (last) {
            applied[at] = last.value;
            node.applied(last);
        }
    }
    // Node by node, in a circle, until none of them has anything left to do.
    void settle() {
        u32 idle = 0;
        for (u32 at = leader; idle < 3; at = at == 2 ? 0 : at + 1) {
            ++idle;
            while (nodes[at]->has_effects()) {
                carry_out(at);
                idle = 0;
            }
        }
    }
};

void core_commit(benchmark::State& state) {
    trio cluster;
    const auto batch = static_cast<u64>(state.range(0));
    std::array<std::byte, command_bytes> command{};
    core::consensus& leader = *cluster.nodes[cluster.leader];
    for (auto _ : state) {
        for (u64 k = 0; k < batch; ++k) {
            store_le(command.data(), k);
            benchmark::DoNotOptimize(leader.propose(entry_kind::command, command));
        }
        cluster.settle();
    }
    // A follower hears of a commit with the next append.
    for (const u64 applied : cluster.applied) {
        if (applied + batch + 1 < leader.status().commit.value)
            state.SkipWithError("a follower fell behind");
    }
    if (leader.status().commit.value < state.iterations() * batch)
        state.SkipWithError("entries were not committed");
    state.SetItemsProcessed(state.iterations() * static_cast<i64>(batch));
}

class ring_log {
public:
    std::byte* room(u32 bytes) {
        if (bytes_.size() - used_ < bytes) used_ = 0;
        std::byte* at = bytes_.data() + used_;
        used_ += bytes;
        return at;
    }

private:
    std::vector<std::byte> bytes_ = std::vector<std::byte>(4u << 20);
    std::size_t used_ = 0;
};

void floor_copy(benchmark::State& state) {
    ring_log leader, followers[2];
    const auto batch = static_cast<u32>(state.range(0));
    std::array<std::byte, command_bytes> command{};
    u64 index = 0;
    for (auto _ : state) {
        std::byte* run = leader.room(batch * entry_bytes);
        for (u32 k = 0; k < batch; ++k) {
            store_le(command.data(), u64{k});
            std::byte* record = run + k * entry_bytes;
            std::memcpy(record + record_header_bytes, command.data(), command_bytes);
            seal_record(record, {{++index}, {1}}, 0, 0, command_bytes);
        }
        for (ring_log& follower : followers) {
            std::byte* copy = follower.room(batch * entry_bytes);
            std::memcpy(copy, run, batch * entry_bytes);
            for (u32 k = 0; k < batch; ++k) {
                const bool good =
                    check_record({copy + k * entry_bytes, entry_bytes}) == record_check::good;
                if (!good) state.SkipWithError("a record is damaged");
            }
        }
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * batch);
}

BENCHMARK(core_commit)->Name("core")->Arg(1)->Arg(16)->Arg(256);
BENCHMARK(floor_copy)->Name("floor")->Arg(1)->Arg(16)->Arg(256);

}  // namespace

int main(int count, char** words) {
    std::vector<char*> all(words, words + count);
    std::string interleave = "--benchmark_enable_random_interleaving=true",
                rounds = "--benchmark_repetitions=9", time = "--benchmark_min_time=0.1";
    all.insert(all.begin() + 1, {interleave.data(), rounds.data(), time.data()});
    int given = static_cast<int>(all.size());
    benchmark::Initialize(&given, all.data());
    bench::ratio_reporter reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
    benchmark::Shutdown();
}
