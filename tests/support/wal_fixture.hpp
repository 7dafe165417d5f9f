#pragma once
// A WAL on a simulated disk whose commits happen when the test says so, and a model of what a log
// must hold after each step. The model knows nothing of frames: it is what the storage is compared
// with.

#include <optional>
#include <string>
#include <vector>

#include <raftkit/storage/wal/wal.hpp>
#include <raftkit/testing/sim/disk.hpp>

namespace wal_test {

using namespace raftkit;
using raftkit::testing::crash_moment;
using raftkit::testing::disk_call;
using raftkit::testing::power_cut_odds;
using raftkit::testing::sim_disk;
using raftkit::testing::sim_files;

struct hand_clock {
    const instant* at = nullptr;
    instant now() const noexcept { return at == nullptr ? instant{} : *at; }
};

// flush() does nothing; commit() is called by the test.
class manual_runner {
public:
    using clock_type = hand_clock;
    explicit manual_runner(const instant* at = nullptr) noexcept : at_(at) {}

    clock_type clock() const noexcept { return {at_}; }
    result<void> start(const wal_work& work) noexcept {
        work_ = work;
        return {};
    }
    persisted flush() noexcept { return work_.watermark(); }
    bool flush_waits() const noexcept { return false; }
    instant tick(instant now) noexcept {
        const instant idle = work_.idle(now);
        return earliest(idle, work_.prepare(now));
    }
    void stop() noexcept { work_ = {}; }
    persisted commit() noexcept { return work_.commit(); }
    instant idle(instant now) noexcept { return work_.idle(now); }
    const wal_work& work() const noexcept { return work_; }

private:
    const instant* at_;
    wal_work work_;
};
static_assert(wal_runner<manual_runner>);

using sim_wal = basic_wal<sim_files, manual_runner>;
static_assert(storage<sim_wal>);

inline const identity who{7, 1, {3}, 0};

inline wal_options small_options() {
    wal_options options;
    options.directory = "/data";
    options.segment_bytes = 16u << 10;
    options.spare_segments = 1;
    options.seed = 99;
    return options;
}

inline std::string wal_path(u64 seq) {
    return wal_disk::path_of("/data", {wal_disk::file_kind::segment, seq});
}

inline configuration members_of(std::initializer_list<u64> ids, index_t at = {}) {
    configuration made;
    made.index = at;
    for (const u64 id : ids)
        made.members.push_back({{id}, member_role::voter, member_role::none, 0, "host:1"});
    return made;
}

// One run of `count` records in a block of its own; `mark` is in every payload.
inline run make_run(u64 first, u64 term, u32 count, std::size_t payload, u8 mark,
                    entry_kind kind = entry_kind::command) {
    std::vector<std::byte> body(payload, std::byte{mark});
    if (kind == entry_kind::membership) {
        body.clear();
        encode(members_of({1, 2, mark}, {first}), body);
    }
    const u32 each = record_bytes(static_cast<u32>(body.size()));
    block* owner = allocate_block(each * count);
    for (u32 i = 0; i < count; ++i) {
        std::byte* at = owner->bytes() + each * i;
        if (!body.empty()) std::memcpy(at + record_header_bytes, body.data(), body.size());
        seal_record(at, {{first + i}, {term}}, static_cast<u8>(kind), 0,
                    static_cast<u32>(body.size()));
    }
    return run({owner, 0, each * count, {first}, {term}, count}, run::adopt_t{});
}

// What a log holds.
struct log_model {
    struct entry {
        u64 index, term;
        std::vector<std::byte> record;
        bool operator==(const entry&) const = default;
    };
    hard_state hard;
    log_id base;
    configuration base_members;
    std::vector<entry> entries;  // above base
    bool fenced = false;
    peer_book peers;

    log_id last() const {
        return entries.empty() ? base : log_id{{entries.back().index}, {entries.back().term}};
    }
    bool same(const log_model& other) const {
        return hard.term == other.hard.term && hard.voted_for == other.hard.voted_for &&
               base == other.base && base_members.members == other.base_members.members &&
               entries == other.entries && fenced == other.fenced && peers == other.peers;
    }
    void append(const run_view& run) {
        while (!entries.empty() && entries.back().index >= run.first.value) entries.pop_back();
        for (auto at = run.begin(); at != run.end(); ++at) {
            const entry_view seen = *at;
            const std::byte* record = at.record();
            entries.push_back({seen.at.index.value,
                               seen.at.term.value,
                               {record, record + run_view::record_stride(record)}});
        }
    }
    void compact(const log_base& upto) {
        if (upto.at.index <= base.index) return;
        std::erase_if(entries,
                      [&](const entry& each) { return each.index <= upto.at.index.value; });
        base = upto.at;
        base_members = upto.members;
    }
    void reset(const log_base& to) {
        entries.clear();
        base = to.at;
        base_members = to.members;
    }
};

struct step {
    enum class kind : u8 { append, vote, reset, compact, peers, fence } what = kind::append;
    u64 first = 0, term = 0;
    u32 count = 1;
    std::size_t payload = 40;
    u64 node = 0;  // voted for, or member
    entry_kind entry = entry_kind::command;
};

inline step append(u64 first, u64 term, u32 count = 1, std::size_t payload = 40) {
    return {step::kind::append, first, term, count, payload, 0, entry_kind::command};
}
inline step membership(u64 index, u64 term) {
    return {step::kind::append, index, term, 1, 0, 0, entry_kind::membership};
}
inline step vote(u64 term, u64 node) { return {step::kind::vote, 0, term, 0, 0, node, {}}; }
inline step reset(u64 index, u64 term) { return {step::kind::reset, index, term, 0, 0, 4, {}}; }
inline step compact(u64 index, u64 term) { return {step::kind::compact, index, term, 0, 0, 5, {}}; }
inline step peers(u64 node) { return {step::kind::peers, 0, 0, 0, 0, node, {}}; }
inline step fence(u64 term) { return {step::kind::fence, 0, term, 0, 0, 0, {}}; }

// One process: a WAL, its mailbox, the model of every step, and what was acknowledged.
class process {
public:
    explicit process(sim_disk& disk, wal_options options = small_options())
        : options_(options), wal_(options, disk.files(), manual_runner(&now)) {}
    process(process&&) = delete;
    ~process() { wal_.close(); }

    result<recovered_log> open() {
        (void)box.open();
        auto found = wal_.open(who, {&box});
        if (found && !found->found) {
            model = log_model{};
            model.hard = found->hard;
            model.base = found->base.at;
            model.base_members = found->base.members;
            model.fenced = found->fence.has_value();
            model.peers = found->peers;
        }
        return found;
    }

    // Asks for a step; it is not acknowledged before a commit.
    void ask(const step& what) {
        persist_batch batch;
        batch.id = ticket{++next_ticket};
        hard_state hard = model.hard;
        log_base base{{{what.first}, {what.term}}, members_of({1, 2, what.node})};
        fence_mark mark{true, {{9}, {1}}, {what.term}};
        peer_book book{true, {{{what.node}, 77}}};
        run_view view;
        switch (what.what) {
            case step::kind::append:
                lent.push_back(make_run(what.first, what.term, what.count, what.payload,
                                        static_cast<u8>(next_ticket), what.entry));
                view = lent.back().view();
                batch.append = {&view, 1};
                model.append(view);
                if (what.term > hard.term.value) hard = {{what.term}, {}, hard.commit_hint};
                batch.hard = &hard;
                break;
            case step::kind::vote:
                hard.term = {what.term};
                hard.voted_for = {what.node};
                batch.hard = &hard;
                break;
            case step::kind::reset:
                batch.reset = &base;
                model.reset(base);
                if (what.term > hard.term.value) hard = {{what.term}, {}, hard.commit_hint};
                batch.hard = &hard;
                break;
            case step::kind::compact:
                --next_ticket;
                wal_.compact(base);
                model.compact(base);
                return;
            case step::kind::peers:
                batch.peers = &book;
                model.peers = book;
                break;
            case step::kind::fence:
                batch.fence = &mark;
                model.fenced = what.term != 0;
                break;
        }
        model.hard = hard;
        (void)wal_.persist(batch);
    }
    persisted commit() { return wal_.runner().commit(); }
    persisted run(const step& what) {
        ask(what);
        const persisted done = commit();
        (void)wal_.runner().idle(now);  // writes the mark
        return done;
    }
    // Background work until nothing is left to do.
    void settle() {
        for (int i = 0; i < 2000; ++i) {
            const instant due = wal_.tick(now);
            if (due == never) return;
            if (due > now) now = due;
        }
    }
    void close() { wal_.close(); }

    std::vector<event> events() {
        std::vector<event> got;
        box.drain(got);
        return got;
    }
    loaded load(u64 first, u64 last, u32 bytes_max = 1u << 20) {
        wal_.load({{1}, {first}, {last}, bytes_max});
        commit();
        for (event& each : events()) {
            if (auto* answer = std::get_if<loaded>(&each)) return std::move(*answer);
        }
        return {{}, {errc::timed_out, 0, "no answer"}, {}};
    }
    // The log as it can be read back; nothing if an entry can't be.
    std::optional<log_model> read_back(const recovered_log& found) {
        log_model seen;
        seen.hard = found.hard;
        seen.base = found.base.at;
        seen.base_members = found.base.members;
        seen.fenced = found.fence.has_value();
        seen.peers = found.peers;
        for (u64 next = found.base.at.index.value + 1; next <= found.last.index.value;) {
            const loaded answer = load(next, found.last.index.value, 3000);
            if (answer.status || answer.entries.empty()) return std::nullopt;
            for (const raftkit::run& each : answer.entries) {
                if (each.view().first.value != next) return std::nullopt;
                seen.append(each.view());
                next = each.view().end_index().value;
            }
        }
        return seen;
    }

    sim_wal& wal() { return wal_; }

    instant now{1'000'000'000};
    mailbox box;
    log_model model;
    u64 next_ticket = 0;
    std::vector<raftkit::run> lent;

private:
    wal_options options_;
    sim_wal wal_;
};

}  // namespace wal_test
