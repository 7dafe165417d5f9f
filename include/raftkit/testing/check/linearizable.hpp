#pragma once
// Is a history of concurrent operations linearizable? The search of Wing and Gong (1993): take an
// operation that nothing unfinished precedes, see whether the model allows its answer now, go on,
// and step back where it does not; with the memory of Lowe (2017), which never visits the same set
// of operations in the same state twice. Registers and maps are checked key by key (Herlihy and
// Wing 1990, locality), which is what makes long histories quick.
//
// A model is a type with `state`, `input`, `output` and
//   static state initial();
//   static bool step(const state&, const input&, const output*, state& into);
//       // may this happen now, with this answer (null: any)? If so, `into` is what it leads to
//   static u64 hash(const state&) noexcept;       and operator== of state.
//
// An operation whose outcome is unknown may take effect at any time after it began, or never.

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <raftkit/base/instant.hpp>
#include <raftkit/base/prng.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

template <class Model>
struct operation_record {
    u64 client = 0, key = 0;
    typename Model::input input;
    std::optional<typename Model::output> output;  // none: the outcome is unknown
    instant began, ended = never;
};

template <class Model>
using history = std::vector<operation_record<Model>>;

enum class verdict : u8 { linearizable, violated, undecided };

struct linearizability {
    verdict is = verdict::linearizable;
    u64 key = 0;  // of the violation
    // Positions in the history: the longest order that was found, and what could not follow it.
    std::vector<std::size_t> order, stuck;
    u64 steps = 0;
};

namespace detail {

// The operations of one key: a list of their begins and ends in time, out of which those are lifted
// that already have their place in the order.
template <class Model>
class order_search {
    using record = operation_record<Model>;
    using state = typename Model::state;

public:
    order_search(const history<Model>& all, std::vector<std::size_t> positions)
        : all_(&all), positions_(std::move(positions)) {
        struct moment {
            instant at;
            bool ends;
            u32 who;
        };
        std::vector<moment> moments;
        for (u32 who = 0; who < positions_.size(); ++who) {
            const record& each = of(who);
            moments.push_back({each.began, false, who});
            // Nothing follows an operation of which nobody knows whether it happened.
            if (each.output) moments.push_back({each.ended, true, who});
            known_ += each.output.has_value();
        }
        // What ends in the instant in which another begins may be concurrent with it.
        std::stable_sort(moments.begin(), moments.end(), [](const moment& a, const moment& b) {
            return a.at != b.at ? a.at < b.at : a.ends < b.ends;
        });
        links_.resize(moments.size() + 1);
        begin_of_.resize(positions_.size());
        end_of_.resize(positions_.size(), none);
        for (u32 k = 0; k < moments.size(); ++k) {
            link& here = links_[k + 1];
            here = {k, k + 2 < links_.size() ? k + 2 : none, moments[k].who, moments[k].ends};
            (here.ends ? end_of_ : begin_of_)[here.who] = k + 1;
        }
        links_[0].next = links_.size() > 1 ? 1 : none;
        prng random(0x6c696e);
        for (u32 who = 0; who < positions_.size(); ++who) {
            marks_.push_back({random.next(), random.next()});
        }
    }

    verdict run(u64& steps, u64 steps_max, linearizability& found) {
        state now = Model::initial();
        u32 at = links_[0].next;
        std::size_t placed = 0;  // of those with a known outcome
        while (placed < known_) {
            RAFTKIT_ASSERT(at != none);
            const link here = links_[at];
            if (here.ends) {
                // It has ended, and found no place: the last choice was wrong.
                remember_best(here.who, found);
                if (chosen_.empty()) return verdict::violated;
                choice& last = chosen_.back();
                placed -= of(last.who).output.has_value();
                now = std::move(last.before);
                put_back(last.who);
                at = links_[begin_of_[last.who]].next;
                chosen_.pop_back();
                continue;
            }
            if (++steps > steps_max) return verdict::undecided;
            const record& each = of(here.who);
            state after = now;
            if (Model::step(now, each.input, each.output ? &*each.output : nullptr, after) &&
                first_visit(here.who, after)) {
                chosen_.push_back({here.who, std::move(now)});
                now = std::move(after);
                placed += each.output.has_value();
                lift(here.who);
                at = links_[0].next;
                continue;
            }
            at = here.next;
        }
        return verdict::linearizable;
    }

private:
    static constexpr u32 none = ~u32{0};
    struct link {
        u32 before = none, next = none, who = none;
        bool ends = false;
    };
    struct choice {
        u32 who;
        state before;
    };
    // A set of operations as the sum of their marks: 128 random bits each, so that two different
    // sets are taken for one with a chance that no history will ever meet.
    struct mark {
        u64 low = 0, high = 0;
        friend bool operator==(const mark&, const mark&) = default;
    };
    struct hash_mark {
        std::size_t operator()(const mark& of) const noexcept { return of.low; }
    };

    const record& of(u32 who) const noexcept { return (*all_)[positions_[who]]; }
    bool first_visit(u32 who, const state& after) {
        const u64 hash = Model::hash(after);
        const mark set{placed_.low ^ marks_[who].low, placed_.high ^ marks_[who].high};
        std::vector<state>& seen = visited_[{set.low ^ hash, set.high + hash}];
        if (std::find(seen.begin(), seen.end(), after) != seen.end()) return false;
        seen.push_back(after);
        return true;
    }
    void unlink(u32 at) noexcept {
        const link& here = links_[at];
        links_[here.before].next = here.next;
        if (here.next != none) links_[here.next].before = here.before;
    }
    void relink(u32 at) noexcept {
        const link& here = links_[at];
        links_[here.before].next = at;
        if (here.next != none) links_[here.next].before = at;
    }
    void lift(u32 who) noexcept {
        unlink(begin_of_[who]);
        if (end_of_[who] != none) unlink(end_of_[who]);
        toggle(who);
    }
    void put_back(u32 who) noexcept {  // the other way round
        if (end_of_[who] != none) relink(end_of_[who]);
        relink(begin_of_[who]);
        toggle(who);
    }
    void toggle(u32 who) noexcept {
        placed_.low ^= marks_[who].low;
        placed_.high ^= marks_[who].high;
    }
    void remember_best(u32 stuck, linearizability& found) {
        if (chosen_.size() < found.order.size()) return;
        if (chosen_.size() > found.order.size() || found.stuck.empty()) found.stuck.clear();
        found.order.clear();
        for (const choice& each : chosen_) found.order.push_back(positions_[each.who]);
        const std::size_t position = positions_[stuck];
        if (std::find(found.stuck.begin(), found.stuck.end(), position) == found.stuck.end()) {
            found.stuck.push_back(position);
        }
    }

    const history<Model>* all_;
    std::vector<std::size_t> positions_;
    std::vector<link> links_;  // [0] is the head
    std::vector<u32> begin_of_, end_of_;
    std::vector<mark> marks_;
    mark placed_;
    std::vector<choice> chosen_;
    std::unordered_map<mark, std::vector<state>, hash_mark> visited_;
    std::size_t known_ = 0;
};

}  // namespace detail

// Keys one by one. `steps_max` bounds the work of all of them together: the question is NP-complete
// (Gibbons and Korach 1997), though real histories are easy.
template <class Model>
linearizability check_linearizable(const history<Model>& all, u64 steps_max = ~u64{0}) {
    std::map<u64, std::vector<std::size_t>> keys;
    for (std::size_t at = 0; at < all.size(); ++at) keys[all[at].key].push_back(at);
    linearizability found;
    for (auto& [key, positions] : keys) {
        detail::order_search<Model> search(all, std::move(positions));
        found.order.clear();
        found.stuck.clear();
        found.is = search.run(found.steps, steps_max, found);
        found.key = key;
        if (found.is != verdict::linearizable) return found;
    }
    found.order.clear();
    found.stuck.clear();
    return found;
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
