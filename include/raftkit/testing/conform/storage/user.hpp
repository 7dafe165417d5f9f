#pragma once
// The hands of the storage conformance suite: makes entries, calls a storage as the node would,
// waits for its answers.

#include <algorithm>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <raftkit/concepts/storage.hpp>
#include <raftkit/core/configuration.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace conform {

inline constexpr identity storage_owner{11, 1, {2}, 0};

inline configuration storage_members(u64 third) {
    configuration made;
    for (const u64 id : {u64{1}, u64{2}, third}) {
        made.members.push_back({{id}, member_role::voter, member_role::none, 0, "somewhere:1"});
    }
    return made;
}

// `count` records of one term in a block of their own; every body tells its index and `mark`.
inline run storage_run(u64 first, u64 term, u32 count, u8 mark, u32 body_bytes = 24) {
    const u32 each = record_bytes(body_bytes);
    block* owner = allocate_block(each * count);
    for (u32 i = 0; i < count; ++i) {
        std::byte* at = owner->bytes() + each * i;
        std::memset(at + record_header_bytes, mark, body_bytes);
        store_le(at + record_header_bytes, first + i);
        seal_record(at, {{first + i}, {term}}, static_cast<u8>(entry_kind::command), 0, body_bytes);
    }
    return run({owner, 0, each * count, {first}, {term}, count}, run::adopt_t{});
}
inline run storage_membership(u64 index, u64 term, u64 third) {
    std::vector<std::byte> body;
    configuration next = storage_members(third);
    next.index = {index};
    encode(next, body);
    block* owner = allocate_block(record_bytes(static_cast<u32>(body.size())));
    std::memcpy(owner->bytes() + record_header_bytes, body.data(), body.size());
    seal_record(owner->bytes(), {{index}, {term}}, static_cast<u8>(entry_kind::membership), 0,
                static_cast<u32>(body.size()));
    return run({owner, 0, record_bytes(static_cast<u32>(body.size())), {index}, {term}, 1},
               run::adopt_t{});
}

// A storage in use: numbers the tickets, keeps what was lent, waits for answers.
template <storage Storage, class Places>
class storage_user {
public:
    storage_user(Storage& of, Places& places) : of_(&of), places_(&places) {}
    storage_user(storage_user&&) = delete;
    ~storage_user() { of_->close(); }

    result<recovered_log> open(identity who = storage_owner) { return of_->open(who, {&box_}); }

    persist_batch batch() { return {{++next_}, nullptr, nullptr, nullptr, nullptr, {}}; }
    // True once the batch is durable.
    bool persist(const persist_batch& what) {
        begin(what);
        return wait([&] { return seen_.upto >= what.id || bool(seen_.status); }) && !seen_.status;
    }
    bool append(run entries, u64 term = 0) {
        lent_.push_back(std::move(entries));
        const run_view view = lent_.back().view();
        persist_batch what = batch();
        const hard_state hard{{term != 0 ? term : view.term.value}, {}, {}};
        what.hard = &hard;
        what.append = {&view, 1};
        const bool durable = persist(what);
        // From here on the lender may use the bytes again, unless somebody took a reference.
        if (spoils_bytes && durable && view.owner->refs.load() == 1)
            std::memset(view.owner->bytes(), 0xdd, view.owner->capacity);
        return durable;
    }
    // Without waiting for the answer: whatever comes of it comes in a few turns, or never.
    ticket try_append(run entries, const hard_state& hard) {
        lent_.push_back(std::move(entries));
        const run_view view = lent_.back().view();
        persist_batch what = batch();
        what.hard = &hards_.emplace_back(hard);
        what.append = {&view, 1};
        begin(what);
        return what.id;
    }
    void turn() {
        end_turn();
        take_events();
    }
    // What the batch points to is lent for the call alone.
    void begin(const persist_batch& what) {
        // Kept, so that who reads them later reads what is wrong, and not freed memory.
        hard_state& hard = hards_.emplace_back(what.hard != nullptr ? *what.hard : hard_state{});
        auto& views = views_.emplace_back(what.append.begin(), what.append.end());
        persist_batch copy = what;
        if (what.hard != nullptr) copy.hard = &hard;
        copy.append = views;
        note_returned(of_->persist(copy));
        if (!spoils_pointers) return;
        hard = {{~u64{0} >> 2}, {77}, {}};
        for (run_view& each : views) each = run_view{};
    }
    bool compact(u64 index, u64 term) {
        of_->compact({{{index}, {term}}, storage_members(3)});
        end_turn();
        return true;
    }
    loaded load(u64 first, u64 last, u32 bytes_max = 1u << 20) {
        const request_id id{++asked_};
        of_->load({id, {first}, {last}, bytes_max});
        end_turn();
        loaded found;
        const bool answered = wait([&] {
            const auto answer = std::find_if(answers_.begin(), answers_.end(),
                                             [id](const loaded& each) { return each.id == id; });
            if (answer == answers_.end()) return false;
            found = std::move(*answer);
            answers_.erase(answer);
            return true;
        });
        if (!answered) found.status = {errc::timed_out, 0, "no answer"};
        return found;
    }
    // Entries first..last, right in index, order and content; `mark` of each in turn.
    bool holds(u64 first, const std::vector<u8>& marks) {
        u64 index = first;
        while (index < first + marks.size()) {
            const loaded got = load(index, first + marks.size() - 1);
            if (got.status || got.entries.empty()) return false;
            for (const run& each : got.entries) {
                const run_view& view = each.view();
                if (!check_run(view.span(), {index}, view.term, view.count).sound) return false;
                for (const entry_view entry : each.view()) {
                    const u8 mark = marks[static_cast<std::size_t>(index - first)];
                    const bool command = entry.kind == entry_kind::command;
                    if (entry.at.index.value != index++) return false;
                    if (command &&
                        (entry.body.size() < 9 || static_cast<u8>(entry.body[8]) != mark))
                        return false;
                }
            }
        }
        return true;
    }
    // How many answers came to a load that is asked for now.
    std::size_t answers_to_a_load(u64 first, u64 last) {
        const loaded got = load(first, last);
        for (int i = 0; i < 20; ++i) {
            places_->wait();
            turn();
        }
        return static_cast<std::size_t>(
            std::count_if(answers_.begin(), answers_.end(),
                          [&](const loaded& each) { return each.id == got.id; }) +
            1);
    }
    void close() {
        of_->close();
        std::vector<event> late;
        box_.drain(late);
    }
    bool silent() {
        for (int i = 0; i < 20; ++i) places_->wait();
        std::vector<event> late;
        return !box_.drain(late);
    }
    Storage& of() { return *of_; }
    const persisted& seen() const { return seen_; }

    bool spoils_pointers = false, spoils_bytes = false;
    bool in_order = true, only_asked = true;  // of what was said to be durable

private:
    void end_turn() {
        if constexpr (requires(Storage& s) { s.flush(); }) note_returned(of_->flush());
    }
    // What is returned and what is posted may overtake each other, but neither itself.
    void note_returned(const persisted& what) {
        in_order = in_order && what.upto >= returned_;
        returned_ = what.upto;
        note(what);
    }
    void note_posted(const persisted& what) {
        in_order = in_order && what.upto >= posted_;
        posted_ = what.upto;
        note(what);
    }
    void take_events() {
        std::vector<event> arrived;
        box_.drain(arrived);
        for (event& each : arrived) {
            if (auto* stable = std::get_if<persisted>(&each)) note_posted(*stable);
            if (auto* answer = std::get_if<loaded>(&each)) answers_.push_back(std::move(*answer));
        }
    }
    void note(const persisted& what) {
        only_asked = only_asked && what.upto <= ticket{next_};
        if (what.upto > seen_.upto) seen_.upto = what.upto;
        if (what.status) seen_.status = what.status;
        if (what.log_bytes != 0) seen_.log_bytes = what.log_bytes;
    }
    template <class Done>
    bool wait(Done done) {
        for (int count = 0; count < 10'000; ++count) {
            turn();
            if (done()) return true;
            places_->wait();
        }
        return false;
    }

    Storage* of_;
    Places* places_;
    mailbox box_;
    std::vector<run> lent_;
    std::deque<hard_state> hards_;
    std::deque<std::vector<run_view>> views_;
    std::vector<loaded> answers_;
    persisted seen_;
    u64 next_ = 0, asked_ = 0;
    ticket returned_, posted_;
};

}  // namespace conform

RAFTKIT_NAMESPACE_END
