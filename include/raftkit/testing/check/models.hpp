#pragma once
// What single objects may answer: models for check/linearizable.hpp. A register that can be read,
// written, compared and set, added to and removed is what a key of a replicated map is to its
// clients; a queue is what most published histories are about.

#include <deque>
#include <optional>

#include <raftkit/base/ordinal.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

struct register_model {
    enum class call : u8 { read, write, compare_and_set, add, remove };
    struct input {
        call what = call::read;
        u64 value = 0, expected = 0;  // expected: of compare_and_set only
    };
    struct output {
        bool done = true;          // compare_and_set: it was as expected; remove: it was there
        std::optional<u64> value;  // read: what is there; add: the sum
    };
    using state = std::optional<u64>;

    static state initial() { return {}; }
    static bool step(const state& now, const input& asked, const output* told, state& into) {
        switch (asked.what) {
            case call::read: return told == nullptr || told->value == now;
            case call::write: into = asked.value; return true;
            case call::compare_and_set: {
                const bool equal = now == asked.expected;
                if (equal) into = asked.value;
                return told == nullptr || told->done == equal;
            }
            case call::add:
                into = now.value_or(0) + asked.value;
                return told == nullptr || told->value == into;
            case call::remove:
                into.reset();
                return told == nullptr || told->done == now.has_value();
        }
        return false;
    }
    static u64 hash(const state& of) noexcept {
        return of ? (*of + 1) * 0x9e3779b97f4a7c15ULL : u64{0};
    }
};

struct queue_model {
    struct input {
        bool enqueues = false;
        u64 value = 0;
    };
    using output = std::optional<u64>;  // of a dequeue; none: it was empty
    using state = std::deque<u64>;

    static state initial() { return {}; }
    static bool step(const state& now, const input& asked, const output* told, state& into) {
        if (asked.enqueues) {
            into.push_back(asked.value);
            return true;
        }
        if (now.empty()) return told == nullptr || !*told;
        into.pop_front();
        return told == nullptr || *told == now.front();
    }
    static u64 hash(const state& of) noexcept {
        u64 sum = of.size();
        for (const u64 each : of) sum = (sum ^ each) * 0x9e3779b97f4a7c15ULL;
        return sum;
    }
};

}  // namespace testing

RAFTKIT_NAMESPACE_END
