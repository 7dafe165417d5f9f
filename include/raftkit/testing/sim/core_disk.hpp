#pragma once
// A log storage for tests of the bare core: one FIFO of batches, loads and compactions that are
// done late, several at a time. Runs stay borrowed until their batch is done, so that memory which
// the core reuses too early is noticed by its checksum. A crash keeps a prefix of what was under
// way: a disk may have finished more than it has reported.

#include <cstring>
#include <deque>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include <raftkit/core/configuration.hpp>
#include <raftkit/core/recovered.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

struct disk_image {  // what a restart finds
    hard_state hard;
    std::optional<fence_mark> fence;
    peer_book peers;
    log_base base;
    std::vector<std::vector<std::byte>> records;  // from base + 1

    index_t last_index() const noexcept { return {base.at.index.value + records.size()}; }
    const std::vector<std::byte>& record(index_t at) const {
        return records.at(at.value - base.at.index.value - 1);
    }
    log_id at(index_t index) const {
        return index == base.at.index ? base.at : load_record_header(record(index).data()).at;
    }
    log_id last() const { return at(last_index()); }
    bool holds(log_id wanted) const {
        return wanted.index >= base.at.index && wanted.index <= last_index() &&
               at(wanted.index) == wanted;
    }
};

inline core::recovered recovered_from(const disk_image& disk) {
    core::recovered found;
    found.hard = disk.hard;
    found.fence = disk.fence;
    found.peers = disk.peers;
    found.base = disk.base;
    found.last = disk.last();
    for (const std::vector<std::byte>& record : disk.records) {
        const entry_view entry = view_record(record.data());
        if (found.term_runs.empty() || found.term_runs.back().term != entry.at.term) {
            found.term_runs.push_back(entry.at);
        }
        if (entry.kind != entry_kind::membership) continue;
        result<configuration> members = decode_configuration(entry.body);
        RAFTKIT_ASSERT(bool(members));
        members->index = entry.at.index;
        found.members.push_back(std::move(*members));
    }
    return found;
}

class core_disk {
public:
    struct finished {  // by work(): what the core is to be told, in order
        std::optional<ticket> durable;
        struct answer {
            request_id id;
            error status;
            std::vector<run> entries;
        };
        std::vector<answer> loaded;
    };

    const disk_image& image() const noexcept { return image_; }
    disk_image& image() noexcept { return image_; }
    std::size_t waiting() const noexcept { return queue_.size(); }
    const char* damage() const noexcept { return damage_; }

    void persist(const persist_batch& asked) {
        batch made;
        made.id = asked.id;
        if (asked.hard != nullptr) made.hard = *asked.hard;
        if (asked.fence != nullptr) made.fence = *asked.fence;
        if (asked.peers != nullptr) made.peers = *asked.peers;
        if (asked.reset != nullptr) made.reset = *asked.reset;
        made.append.assign(asked.append.begin(), asked.append.end());
        queue_.push_back(std::move(made));
    }
    void load(const load_request& asked) { queue_.push_back(asked); }
    void compact(const log_base& upto) { queue_.push_back(upto); }

    // Does the first `count` of what waits.
    finished work(std::size_t count) {
        finished done;
        for (; count > 0 && !queue_.empty(); --count) {
            if (const auto* write = std::get_if<batch>(&queue_.front())) {
                keep(*write);
                done.durable = write->id;
            } else if (const auto* read = std::get_if<load_request>(&queue_.front())) {
                done.loaded.push_back(answer_to(*read));
            } else {
                drop_below(std::get<log_base>(queue_.front()));
            }
            queue_.pop_front();
        }
        return done;
    }
    // The process dies: the first `survive` of what waits reached the disk, the rest did not.
    // Requires: the core still lives, because the runs are its memory.
    void crash(std::size_t survive) {
        work(survive);
        queue_.clear();
    }

private:
    struct batch {
        ticket id;
        std::optional<hard_state> hard;
        std::optional<fence_mark> fence;
        std::optional<peer_book> peers;
        std::optional<log_base> reset;
        std::vector<run_view> append;
    };

    void keep(const batch& write) {
        if (write.peers) image_.peers = *write.peers;
        if (write.fence) {
            image_.fence = write.fence->at_damage ? write.fence : std::nullopt;
        }
        if (write.hard) image_.hard = *write.hard;
        if (write.reset) {
            image_.base = *write.reset;
            image_.records.clear();
        }
        for (const run_view& entries : write.append) {
            if (!check_run(entries.span(), entries.first, entries.term, entries.count).sound) {
                damage_ = "a run changed while its batch was under way";
                return;
            }
            if (entries.first <= image_.base.at.index ||
                entries.first > image_.last_index().next()) {
                damage_ = "a batch does not continue the log";
                return;
            }
            image_.records.resize(entries.first.value - image_.base.at.index.value - 1);
            for (auto at = entries.begin(); at != entries.end(); ++at) {
                image_.records.emplace_back(at.record(),
                                            at.record() + run_view::record_stride(at.record()));
            }
        }
    }
    void drop_below(const log_base& upto) {
        if (upto.at.index <= image_.base.at.index) return;
        if (!image_.holds(upto.at)) {
            damage_ = "a compaction to an entry that the log does not have";
            return;
        }
        const auto count =
            static_cast<std::ptrdiff_t>(upto.at.index.value - image_.base.at.index.value);
        image_.records.erase(image_.records.begin(), image_.records.begin() + count);
        image_.base = upto;
    }
    finished::answer answer_to(const load_request& asked) const {
        finished::answer made{asked.id, {}, {}};
        if (asked.first <= image_.base.at.index) {
            made.status = error{errc::compacted, 0, "core_disk/load", image_.base.at.index.value};
            return made;
        }
        u64 left = asked.bytes_max;
        for (index_t index = asked.first; index <= asked.last && index <= image_.last_index();) {
            const run loaded = load_run(index, asked.last, left, made.entries.empty());
            if (loaded.view().empty()) break;
            index = loaded.view().end_index();
            left -= std::min<u64>(left, loaded.view().bytes);
            made.entries.push_back(run(loaded.view()));
        }
        return made;
    }
    // One term's records from `from`, as many as fit; the first of an answer always does.
    run load_run(index_t from, index_t to, u64 bytes_max, bool first) const {
        const term_t term = at(from);
        u32 bytes = 0, count = 0;
        for (index_t index = from; index <= to && index <= image_.last_index() && at(index) == term;
             index = index.next()) {
            const u64 more = image_.record(index).size();
            if (bytes + more > bytes_max && !(first && count == 0)) break;
            bytes += static_cast<u32>(more);
            ++count;
        }
        if (count == 0) return {};
        block* made = allocate_block(bytes);
        RAFTKIT_ASSERT(made != nullptr);
        std::byte* into = made->bytes();
        for (u32 entry = 0; entry < count; ++entry) {
            const std::vector<std::byte>& record = image_.record({from.value + entry});
            std::memcpy(into, record.data(), record.size());
            into += record.size();
        }
        return run(run_view{made, 0, bytes, from, term, count}, run::adopt_t{});
    }
    term_t at(index_t index) const { return image_.at(index).term; }

    disk_image image_;
    std::deque<std::variant<batch, load_request, log_base>> queue_;
    const char* damage_ = nullptr;
};

}  // namespace testing

RAFTKIT_NAMESPACE_END
