#pragma once
// A storage on maps that can be wrong in one way at a time: what the conformance suite of storages
// has to catch. Its place has a cache and what a power cut leaves; they are the same after a sync.

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <raftkit/concepts/storage.hpp>
#include <raftkit/core/configuration.hpp>

namespace conform_support {

using namespace raftkit;

enum class storage_defect {
    none,
    not_fresh,
    no_incarnation,
    invents_entries,
    never_durable,
    mixes_up_entries,
    loads_from_its_start,
    forgets_memberships,
    forgets_entries,
    forgets_the_vote,
    drops_a_truncation,
    brings_old_terms_back,
    loads_without_bound,
    loads_nothing,
    refuses_above_the_end,
    compacts_too_much,
    hides_a_compaction,
    forgets_the_base,
    ignores_a_reset,
    keeps_what_was_reset,
    ignores_a_bootstrap,
    refuses_peers,
    compacts_the_fence,
    lets_anyone_in,
    draws_again,
    posts_after_close,
    reorders,
    promises,
    answers_twice,
    keeps_pointers,
    keeps_lent_bytes,
    acknowledges_early,
    tears_a_batch,
    hides_a_failure,
    recovers_from_failure,
};

struct crooked_contents {
    struct entry {
        log_id at;
        entry_kind kind{};
        std::vector<std::byte> record;
        const std::byte* lent = nullptr;  // instead of `record`
    };
    identity who;
    hard_state hard;
    const hard_state* lent_hard = nullptr;
    fence_mark fence;
    peer_book peers;
    log_base base;
    std::map<u64, entry> entries, old;  // old: what was truncated
};

class crooked_storage {
public:
    explicit crooked_storage(storage_defect how) : how_(how) {}

    result<recovered_log> open(const identity& who, completion_port port) {
        using enum storage_defect;
        crooked_contents& now = now_;
        now.lent_hard = nullptr;  // of a former life
        if (now.who.self && now.who.self != who.self && how_ != lets_anyone_in)
            return error{errc::foreign, 0, "another node's"};
        if (how_ == brings_old_terms_back) now.entries.merge(now.old);
        if (how_ == forgets_entries)
            now.entries.erase(now.entries.upper_bound(5), now.entries.end());
        if (!now.who.self || how_ == draws_again) {
            now.who = who;
            now.who.incarnation = how_ == no_incarnation ? 0 : (++drawn_ << 16 | u64{1} << 40);
            if (how_ == not_fresh) now.hard.term = {1};
        }
        open_ = true;
        closed_ = false;
        port_ = port;
        accepted_ = durable_ = {};
        failed_ = {};
        return report();
    }

    persisted persist(const persist_batch& batch) noexcept {
        using enum storage_defect;
        if (!open_) return watermark();
        if (power_is_gone_ || (broken && how_ != hides_a_failure))
            failed_ = {errc::io, 5, "broken"};
        if (how_ == recovers_from_failure && !broken) failed_ = {};
        if (failed_) return watermark();
        flush_rest();
        accepted_ = batch.id;
        const bool torn = how_ == tears_a_batch && !batch.append.empty();
        take(batch, !torn);
        if (torn) {
            sync();
            for (const run_view& each : batch.append) rest_.emplace_back(each);
            return watermark();
        }
        if (how_ != acknowledges_early || batch.append.empty()) sync();
        if (how_ != never_durable) durable_ = batch.id;  // the power goes behind a sync, if it goes
        persisted told = watermark();
        if (how_ == reorders && batch.id.value % 4 == 0) told.upto = {batch.id.value - 2};
        if (how_ == promises) told.upto = batch.id.next();
        return told;
    }
    persisted flush() noexcept {
        flush_rest();
        if (const hard_state* lent = std::exchange(now_.lent_hard, nullptr)) now_.hard = *lent;
        return watermark();
    }
    void load(load_request asked) noexcept {
        if (!open_) return;
        flush_rest();
        port_.post(answer(asked));
        if (how_ == storage_defect::answers_twice) port_.post(answer(asked));
    }
    void compact(const log_base& upto) noexcept {
        using enum storage_defect;
        if (!open_) return;
        const u64 last = how_ == compacts_too_much ? upto.at.index.value + 1 : upto.at.index.value;
        now_.entries.erase(now_.entries.begin(), now_.entries.upper_bound(last));
        now_.base = upto;
        if (how_ == forgets_the_base) now_.base.members = {};
        if (how_ == compacts_the_fence) now_.fence = {};
        sync();
    }
    void close() noexcept {
        if (!std::exchange(open_, false)) return;
        flush_rest();
        for (auto& [index, each] : now_.entries) {
            if (const std::byte* lent = std::exchange(each.lent, nullptr))
                each.record.assign(lent, lent + each.record.size());
        }
        sync();
        closed_ = true;
    }

    // What the place's owner does to it.
    void late_turn() {
        if (how_ == storage_defect::posts_after_close && closed_) port_.post(watermark());
    }
    void lose_power_after(u32 syncs) {
        power_is_gone_ = syncs == 0;
        syncs_left_ = syncs;
    }
    void power_is_back() {
        if (std::exchange(power_is_gone_, false)) now_ = platter_;
        syncs_left_ = 0;
        rest_.clear();
    }
    bool broken = false;

private:
    persisted watermark() const noexcept { return {durable_, failed_, 0, {}, {}}; }
    void sync() {
        if (power_is_gone_) return;
        platter_ = now_;
        if (syncs_left_ != 0 && --syncs_left_ == 0) power_is_gone_ = true;
    }
    void flush_rest() {
        if (rest_.empty() || power_is_gone_) return;
        for (const run& each : rest_) append(each.view());
        rest_.clear();
        sync();
        durable_ = accepted_;
    }
    void take(const persist_batch& batch, bool entries_too) {
        using enum storage_defect;
        if (batch.hard != nullptr) now_.hard = *batch.hard;
        if (batch.hard != nullptr && how_ == forgets_the_vote) now_.hard.voted_for = {};
        if (how_ == keeps_pointers) now_.lent_hard = batch.hard;
        if (batch.fence != nullptr) now_.fence = *batch.fence;
        if (batch.peers != nullptr && how_ == refuses_peers) failed_ = {errc::io, 0, "no"};
        if (batch.peers != nullptr) now_.peers = *batch.peers;
        const bool bootstrap = batch.reset != nullptr && !batch.reset->at.index;
        if (batch.reset != nullptr && how_ != (bootstrap ? ignores_a_bootstrap : ignores_a_reset)) {
            if (how_ != keeps_what_was_reset) now_.entries.clear();
            now_.base = *batch.reset;
        }
        if (!entries_too) return;
        for (const run_view& each : batch.append) append(each);
    }
    void append(const run_view& more) {
        using enum storage_defect;
        if (how_ != drops_a_truncation) {
            const auto from = now_.entries.lower_bound(more.first.value);
            now_.old.insert(from, now_.entries.end());
            now_.entries.erase(from, now_.entries.end());
        }
        for (auto each = more.begin(); each != more.end(); ++each) {
            const std::byte* at = each.record();
            const std::byte* end = at + run_view::record_stride(at);
            const entry_view view = *each;
            crooked_contents::entry made{view.at, view.kind, {at, end}, nullptr};
            if (how_ == keeps_lent_bytes) made.lent = at;
            now_.entries[view.at.index.value] = std::move(made);
        }
    }
    recovered_log report() const {
        using enum storage_defect;
        recovered_log found;
        found.self = now_.who;
        found.hard = now_.hard;
        if (now_.fence.at_damage) found.fence = now_.fence;
        found.peers = now_.peers;
        found.base = now_.base;
        found.last = now_.base.at;
        for (const auto& [index, each] : now_.entries) {
            const bool fresh =
                found.term_runs.empty() || found.term_runs.back().term != each.at.term;
            if (fresh) found.term_runs.push_back(each.at);
            found.last = each.at;
            if (each.kind != entry_kind::membership || how_ == forgets_memberships) continue;
            auto members = decode_configuration(view_record(each.record.data()).body);
            if (!members) continue;
            members->index = {index};
            found.members.push_back(*members);
        }
        return found;
    }
    loaded answer(const load_request& asked) const {
        using enum storage_defect;
        loaded made{asked.id, {}, {}};
        if (asked.first <= now_.base.at.index && how_ != hides_a_compaction) {
            made.status = {errc::compacted, 0, "below the base"};
            return made;
        }
        const u64 last = now_.entries.empty() ? 0 : now_.entries.rbegin()->first;
        const bool above =
            asked.first.value > last || (how_ == refuses_above_the_end && asked.last.value > last);
        if (above && how_ != invents_entries) {
            made.status = {errc::not_found, 0, "above the end"};
            return made;
        }
        if (how_ == loads_nothing && asked.bytes_max < 10) return made;
        const u64 first =
            how_ == loads_from_its_start ? now_.base.at.index.value + 1 : asked.first.value;
        u64 bytes = 0;
        for (auto each = now_.entries.lower_bound(first);
             each != now_.entries.end() && each->first <= asked.last.value; ++each) {
            bytes += each->second.record.size();
            const bool full = bytes > asked.bytes_max && how_ != loads_without_bound;
            if (full && !made.entries.empty()) break;
            made.entries.push_back(copy_of(each->second));
        }
        if (how_ == mixes_up_entries && made.entries.size() > 5)
            std::swap(made.entries[0], made.entries[1]);
        return made;
    }
    static run copy_of(const crooked_contents::entry& each) {
        const auto bytes = static_cast<u32>(each.record.size());
        block* owner = allocate_block(bytes);
        std::memcpy(owner->bytes(), each.lent != nullptr ? each.lent : each.record.data(), bytes);
        return run({owner, 0, bytes, each.at.index, each.at.term, 1}, run::adopt_t{});
    }

    storage_defect how_;
    crooked_contents now_, platter_;
    std::vector<run> rest_;  // of a torn batch
    completion_port port_;
    bool open_ = false, closed_ = false, power_is_gone_ = false;
    u32 syncs_left_ = 0;
    u64 drawn_ = 0;
    ticket accepted_, durable_;
    error failed_;
};
static_assert(storage<crooked_storage>);

}  // namespace conform_support
