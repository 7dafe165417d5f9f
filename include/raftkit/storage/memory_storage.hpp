#pragma once
// A log in memory: for tests, for the simulator's first days, and for hosts that vouch for their
// processes. It forgets everything with the object; a close() and a new open() of the same object
// are a restart that lost nothing. Entries are kept by reference to the blocks that hold them
// anyway, so a batch costs one slot.

#include <optional>
#include <utility>

#include <raftkit/base/ring.hpp>
#include <raftkit/concepts/storage.hpp>
#include <raftkit/core/configuration.hpp>
#include <raftkit/io/clock.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct memory_storage_options {
    // persist() returns what complete() has confirmed, and complete() posts: a test decides when
    // the disk is done.
    bool deferred = false;
};

class memory_storage {
public:
    explicit memory_storage(memory_storage_options options = {}) noexcept : options_(options) {}

    result<recovered_log> open(const identity& who, completion_port port) noexcept;
    persisted persist(const persist_batch& batch) noexcept;
    void load(load_request asked) noexcept;
    void compact(const log_base& upto) noexcept;
    void close() noexcept;

    // Requires: deferred. Everything up to `upto` is durable from now on.
    void complete(ticket upto) noexcept {
        RAFTKIT_ASSERT(upto <= accepted_);
        if (upto > durable_) durable_ = upto;
        port_.post(watermark());
    }
    // The next persist() fails, and every one after it.
    void fail(error why) noexcept { failed_ = why; }
    ticket accepted() const noexcept { return accepted_; }

private:
    persisted watermark() const noexcept { return {durable_, failed_, bytes_, {}, {}}; }
    index_t last_index() const noexcept {
        return runs_.empty() ? base_.at.index : runs_.back().view().last();
    }
    log_id last() const noexcept {
        return runs_.empty() ? base_.at : log_id{last_index(), runs_.back().view().term};
    }
    void append(const run_view& more) noexcept;
    void truncate_from(index_t first) noexcept;
    void forget_through(index_t upto) noexcept;
    void put_membership(const run_view& more);
    error collect(const load_request& asked, std::vector<run>& into) const;
    static run own_copy(const run_view& of) noexcept;

    memory_storage_options options_;
    completion_port port_;
    bool is_open_ = false;
    identity self_;
    hard_state hard_;
    std::optional<fence_mark> fence_;
    peer_book peers_;
    log_base base_;
    ring<run> runs_;                      // rising, without gaps, above base
    std::vector<configuration> members_;  // of the membership entries in runs_
    ticket accepted_, durable_;
    error failed_;
    u64 bytes_ = 0;
};

inline result<recovered_log> memory_storage::open(const identity& who,
                                                  completion_port port) noexcept {
    RAFTKIT_ASSERT(!is_open_);
    if (!self_.self) {
        if (who.cluster == 0 || who.group == 0 || !who.self) {
            return error{errc::invalid_option, 0,
                         "memory_storage: needs who.cluster, who.group and who.self"};
        }
        self_ = who;
        if (self_.incarnation == 0) self_.incarnation = (os_random() << 16) | u64{1} << 63;
    } else if (self_.self != who.self || self_.group != who.group ||
               (who.cluster != 0 && self_.cluster != who.cluster)) {
        return error{errc::foreign, 0, "memory_storage: of another cluster, group or node"};
    }
    port_ = port;
    is_open_ = true;
    accepted_ = durable_ = {};
    recovered_log found;
    found.self = self_;
    found.hard = hard_;
    found.fence = fence_;
    found.peers = peers_;
    found.base = base_;
    found.last = last();
    for (u64 at = runs_.first(); at != runs_.end(); ++at) {
        const run_view& view = runs_[at].view();
        const bool fresh = found.term_runs.empty() || found.term_runs.back().term != view.term;
        if (fresh) found.term_runs.push_back({view.first, view.term});
    }
    found.members = members_;
    return found;
}

inline persisted memory_storage::persist(const persist_batch& batch) noexcept {
    if (!is_open_)
        return {durable_, {errc::stopped, 0, "memory_storage: not open"}, bytes_, {}, {}};
    if (failed_) return watermark();
    RAFTKIT_ASSERT(batch.id > accepted_);
    if (batch.hard != nullptr) hard_ = *batch.hard;
    if (batch.fence != nullptr) {
        fence_.reset();
        if (batch.fence->at_damage) fence_ = *batch.fence;
    }
    if (batch.peers != nullptr) peers_ = *batch.peers;
    if (batch.reset != nullptr) {
        truncate_from({0});
        base_ = *batch.reset;
    }
    for (const run_view& each : batch.append) {
        if (!each.empty()) append(each);
    }
    accepted_ = batch.id;
    if (!options_.deferred) durable_ = batch.id;
    return watermark();
}

inline void memory_storage::append(const run_view& more) noexcept {
    RAFTKIT_ASSERT(more.first > base_.at.index);
    RAFTKIT_ASSERT(more.first <= last_index().next());
    truncate_from(more.first);
    put_membership(more);
    bytes_ += more.bytes;
    if (!runs_.empty()) {
        run& before = runs_.back();
        const run_view& view = before.view();
        if (view.owner == more.owner && view.term == more.term &&
            view.offset + view.bytes == more.offset) {
            before.extend(more);
            return;
        }
    }
    runs_.push_back(run(more));
}

inline void memory_storage::put_membership(const run_view& more) {
    for (const entry_view& entry : more) {
        if (entry.kind != entry_kind::membership) continue;
        auto decoded = decode_configuration(entry.body);
        RAFTKIT_ASSERT(bool(decoded));  // the core checked it
        decoded->index = entry.at.index;
        members_.push_back(std::move(*decoded));
    }
}

inline void memory_storage::truncate_from(index_t first) noexcept {
    while (!members_.empty() && members_.back().index >= first) members_.pop_back();
    while (!runs_.empty() && runs_.back().view().first >= first) {
        bytes_ -= runs_.back().view().bytes;
        runs_.pop_back();
    }
    if (runs_.empty() || last_index() < first) return;
    const run_view whole = runs_.back().view();
    const run_view kept = whole.slice(whole.first, first.previous());
    bytes_ -= whole.bytes - kept.bytes;
    runs_.back().narrow(kept);
}

inline void memory_storage::forget_through(index_t upto) noexcept {
    std::erase_if(members_, [upto](const configuration& each) { return each.index <= upto; });
    while (!runs_.empty() && runs_.front().view().last() <= upto) {
        bytes_ -= runs_.front().view().bytes;
        runs_.pop_front();
    }
    if (runs_.empty() || runs_.front().view().first > upto) return;
    const run_view whole = runs_.front().view();
    const run_view kept = whole.slice(upto.next(), whole.last());
    bytes_ -= whole.bytes - kept.bytes;
    runs_.front().narrow(kept);
}

inline void memory_storage::compact(const log_base& upto) noexcept {
    if (!is_open_ || upto.at.index <= base_.at.index) return;
    RAFTKIT_ASSERT(upto.at.index <= last_index());
    forget_through(upto.at.index);
    base_ = upto;
}

inline void memory_storage::load(load_request asked) noexcept {
    if (!is_open_) return;
    loaded answer{asked.id, {}, {}};
    answer.status = collect(asked, answer.entries);
    port_.post(std::move(answer));
}

inline error memory_storage::collect(const load_request& asked, std::vector<run>& into) const {
    if (asked.first <= base_.at.index) {
        return {errc::compacted, 0, "memory_storage: below the base", base_.at.index.value};
    }
    if (asked.first > last_index()) {
        return {errc::not_found, 0, "memory_storage: above the last entry", last_index().value};
    }
    u64 bytes = 0;
    for (u64 at = runs_.first(); at != runs_.end(); ++at) {
        const run_view& whole = runs_[at].view();
        if (whole.last() < asked.first) continue;
        if (whole.first > asked.last) break;
        const index_t first = whole.first < asked.first ? asked.first : whole.first;
        run_view part = whole.slice(first, whole.last() < asked.last ? whole.last() : asked.last);
        u32 fits = 0;
        for (auto each = part.begin(); each != part.end(); ++each, ++fits) {
            bytes += run_view::record_stride(each.record());
            if (bytes > asked.bytes_max && (fits > 0 || !into.empty())) break;
        }
        if (fits == 0) break;
        const bool cut = fits < part.count;
        part = part.slice(part.first, {part.first.value + fits - 1});
        into.push_back(own_copy(part));  // fresh blocks, as the contract says
        if (into.back().view().owner == nullptr)
            return {errc::busy, 0, "memory_storage: out of memory"};
        if (cut) break;
    }
    return {};
}

inline run memory_storage::own_copy(const run_view& of) noexcept {
    block* owner = allocate_block(of.bytes);
    if (owner == nullptr) return {};
    std::memcpy(owner->bytes(), of.data(), of.bytes);
    return run({owner, 0, of.bytes, of.first, of.term, of.count}, run::adopt_t{});
}

// What stays must not pin blocks of a pool that goes with its node.
inline void memory_storage::close() noexcept {
    if (!std::exchange(is_open_, false)) return;
    for (u64 at = runs_.first(); at != runs_.end(); ++at) {
        run copy = own_copy(runs_[at].view());
        RAFTKIT_ASSERT(copy.view().owner != nullptr);
        runs_[at] = std::move(copy);
    }
}

static_assert(storage<memory_storage>);

RAFTKIT_NAMESPACE_END
