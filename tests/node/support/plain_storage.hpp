#pragma once
// A log on a disk that is a map: it survives its node, so that a test can restart it, look at it
// and change it; it can be told to be late or to fail.

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include <raftkit/concepts/storage.hpp>
#include <raftkit/core/configuration.hpp>

namespace node_tests {

using namespace raftkit;

struct plain_disk {
    identity who;
    u64 drawn = 7;  // of the incarnation, when the directory is made
    hard_state hard;
    peer_book peers;
    log_base base;
    std::map<u64, run> entries;  // one record each
    bool late = false;           // persisted{} comes when release() says
    bool full = false;           // there is no room for entries
    // Set: nothing is durable before flush(), which waits for the disk, calls this, and answers.
    std::function<void()> at_sync;
    error broken;
    std::vector<ticket> waiting;
    u64 persists = 0, resets = 0;
    u32 batches_max = 0;  // as it was told
};

class plain_storage {
public:
    explicit plain_storage(plain_disk& disk) : disk_(&disk) {}

    result<recovered_log> open(const identity& who, completion_port port) {
        port_ = port;
        if (!disk_->who.self) {
            disk_->who = who;
            disk_->who.incarnation = 0x10000 * (who.self.value + disk_->drawn);
        }
        recovered_log found;
        found.self = disk_->who;
        found.hard = disk_->hard;
        found.peers = disk_->peers;
        found.base = disk_->base;
        found.last = disk_->base.at;
        term_t before;
        for (auto& [index, one] : disk_->entries) {
            if (std::exchange(before, one.view().term) != one.view().term)
                found.term_runs.push_back({{index}, one.view().term});
            found.last = {{index}, one.view().term};
            const entry_view entry = *one.view().begin();
            if (entry.kind == entry_kind::membership)
                found.members.push_back(*decode_configuration(entry.body));
        }
        return found;
    }
    persisted persist(const persist_batch& batch) noexcept {
        ++disk_->persists;
        if (disk_->broken) return {{}, disk_->broken, 0, {}, {}};
        if (batch.hard != nullptr) disk_->hard = *batch.hard;
        if (batch.peers != nullptr) disk_->peers = *batch.peers;
        if (batch.reset != nullptr) {
            ++disk_->resets;
            disk_->entries.clear();
            disk_->base = *batch.reset;
        }
        for (const run_view& each : batch.append) {
            disk_->entries.erase(disk_->entries.lower_bound(each.first.value),
                                 disk_->entries.end());
            for (index_t at = each.first; at <= each.last(); at = at.next()) {
                const run_view one = each.slice(at, at);
                block* copy = allocate_block(one.bytes);
                std::memcpy(copy->bytes(), one.data(), one.bytes);
                disk_->entries.emplace(
                    at.value, run(run_view{copy, 0, one.bytes, at, one.term, 1}, run::adopt_t{}));
            }
        }
        newest_ = batch.id;
        if (disk_->at_sync) {
            unsynced_ = true;
            return {durable_, {}, 1024, {}, {}};
        }
        durable_ = batch.id;
        if (!disk_->late) return {batch.id, {}, 1024, {}, {}};
        disk_->waiting.push_back(batch.id);
        return {};
    }
    persisted flush() noexcept {
        if (std::exchange(unsynced_, false)) {
            disk_->at_sync();
            durable_ = newest_;
        }
        return {disk_->late ? ticket{} : durable_, {}, 1024, {}, {}};
    }
    bool flush_waits() const noexcept { return unsynced_; }
    void batches_max(u32 count) noexcept { disk_->batches_max = count; }
    bool ready_for(u64) const noexcept { return !disk_->full; }
    void release() noexcept {
        for (ticket each : disk_->waiting) port_.post(persisted{each, {}, 1024, {}, {}});
        disk_->waiting.clear();
    }
    void load(load_request asked) noexcept {
        loaded answer;
        answer.id = asked.id;
        if (!disk_->entries.contains(asked.first.value))
            answer.status = {errc::compacted, 0, "plain_storage"};
        u64 bytes = 0;
        for (index_t at = asked.first;
             !answer.status && at <= asked.last && bytes <= asked.bytes_max; at = at.next()) {
            const auto found = disk_->entries.find(at.value);
            if (found == disk_->entries.end()) break;
            bytes += found->second.view().bytes;
            answer.entries.emplace_back(found->second.view());
        }
        port_.post(std::move(answer));
    }
    void compact(const log_base& upto) noexcept {
        disk_->entries.erase(disk_->entries.begin(),
                             disk_->entries.upper_bound(upto.at.index.value));
        disk_->base = upto;
    }
    void close() noexcept {}

private:
    plain_disk* disk_;
    ticket newest_, durable_;
    bool unsynced_ = false;
    completion_port port_;
};

static_assert(storage<plain_storage>);

}  // namespace node_tests
