#pragma once
// Explicit-state search for small models: breadth first, so that a counterexample is a shortest
// one. A visited state is kept as 64 bits of hash and the number of the step that led to it (16
// bytes in all), and only the two layers at the front are kept whole: millions of states fit into a
// test. The steps of a counterexample are found again by replaying their numbers from the start.
//
// A model has
//     struct state;                                   // bytes only, no padding: it is hashed as it
//     is std::vector<state> starts() const; template <class Visit> void steps(const state&,
//     Visit&&) const;   // visit(next, words) const char* broken(const state&) const;         //
//     the invariant that does not hold, or null
// where `words` is a callable that names the step; it is called for counterexamples only. The order
// of the steps must depend on the state alone. A broken state is reported and not explored further.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace models {

// Collisions make the search blind to a state: n^2 / 2^65, about 3 in a million for 10^7 states.
template <class State>
std::uint64_t hash_of(const State& state) noexcept {
    static_assert(std::has_unique_object_representations_v<State>, "a state is plain bytes");
    unsigned char bytes[sizeof(State)];
    std::memcpy(bytes, &state, sizeof bytes);
    std::uint64_t mixed = 0x9e3779b97f4a7c15ULL;
    for (std::size_t at = 0; at < sizeof bytes; at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes + at, sizeof bytes - at < 8 ? sizeof bytes - at : 8);
        mixed ^= word;
        mixed *= 0xff51afd7ed558ccdULL;
        mixed ^= mixed >> 32;
        mixed *= 0xc4ceb9fe1a85ec53ULL;
        mixed ^= mixed >> 29;
    }
    return mixed | 1;  // 0 marks a free slot
}

// Open addressing; grows by doubling, never loses anything.
class hash_set {
public:
    bool insert(std::uint64_t hash) {
        if (count_ * 3 >= slots_.size() * 2) grow();
        return put(hash) && ++count_ != 0;
    }

private:
    bool put(std::uint64_t hash) noexcept {
        std::size_t at = (hash >> 1) & (slots_.size() - 1);
        for (; slots_[at] != 0; at = (at + 1) & (slots_.size() - 1)) {
            if (slots_[at] == hash) return false;
        }
        slots_[at] = hash;
        return true;
    }
    void grow() {
        std::vector<std::uint64_t> old(std::max<std::size_t>(1024, slots_.size() * 2));
        old.swap(slots_);
        for (const std::uint64_t hash : old) {
            if (hash != 0) put(hash);
        }
    }

    std::vector<std::uint64_t> slots_;
    std::size_t count_ = 0;
};

struct outcome {
    const char* broken = nullptr;  // the invariant, or null
    bool complete = false;         // every reachable state was seen
    std::uint64_t states = 0, transitions = 0, depth = 0;
    std::vector<std::string> steps;  // of the counterexample

    std::string text() const {
        std::string all = std::to_string(states) + " states, " + std::to_string(transitions) +
                          " transitions, depth " + std::to_string(depth) +
                          (complete ? ", complete" : "");
        if (broken != nullptr) all += std::string("; broken: ") + broken;
        for (std::size_t at = 0; at < steps.size(); ++at) {
            all += "\n    " + std::to_string(at + 1) + ". " + steps[at];
        }
        return all;
    }
};

// RAFTKIT_MODELS=n: bounds and state limits of the long runs; 1 is what every run of the tests
// does.
inline unsigned scale() {
    const char* asked = std::getenv("RAFTKIT_MODELS");
    const int value = asked == nullptr ? 1 : std::atoi(asked);
    return value < 1 ? 1u : static_cast<unsigned>(value);
}

template <class Model>
class explorer {
    using state = typename Model::state;
    struct origin {
        std::uint32_t parent;
        std::uint32_t step;
    };
    struct open_state {
        state what;
        std::uint32_t id;
    };
    static constexpr std::uint32_t nobody = 0xffffffffu;

public:
    explicit explorer(const Model& model) : model_(&model) {}

    outcome run(std::uint64_t states_max) {
        outcome out;
        std::vector<open_state> layer, next;
        std::uint32_t number = 0;
        for (const state& start : model_->starts()) {
            if (admit(start, nobody, number++, layer, out)) return out;
        }
        for (; !layer.empty(); layer.swap(next), next.clear(), ++out.depth) {
            for (const open_state& from : layer) {
                number = 0;
                bool found = false;
                model_->steps(from.what, [&](const state& to, const auto&) {
                    ++out.transitions;
                    found = found || admit(to, from.id, number, next, out);
                    ++number;
                });
                if (found) return out;
                if (out.states >= states_max) return out;
            }
        }
        out.complete = true;
        return out;
    }

private:
    // True if the state breaks an invariant: the search ends there.
    bool admit(const state& what, std::uint32_t parent, std::uint32_t step,
               std::vector<open_state>& into, outcome& out) {
        if (!seen_.insert(hash_of(what))) return false;
        trail_.push_back({parent, step});
        ++out.states;
        const auto id = static_cast<std::uint32_t>(trail_.size() - 1);
        out.broken = model_->broken(what);
        if (out.broken != nullptr) {
            out.steps = replay(id);
            return true;
        }
        into.push_back({what, id});
        return false;
    }
    std::vector<std::string> replay(std::uint32_t id) const {
        std::vector<std::uint32_t> numbers;
        for (; trail_[id].parent != nobody; id = trail_[id].parent) {
            numbers.push_back(trail_[id].step);
        }
        std::vector<std::string> words;
        state now = model_->starts()[trail_[id].step];
        for (; !numbers.empty(); numbers.pop_back()) {
            std::uint32_t number = 0;
            state after = now;
            model_->steps(now, [&](const state& to, const auto& name) {
                if (number++ != numbers.back()) return;
                after = to;
                words.push_back(name());
            });
            now = after;
        }
        return words;
    }

    const Model* model_;
    hash_set seen_;
    std::vector<origin> trail_;
};

template <class Model>
outcome explore(const Model& model, std::uint64_t states_max) {
    return explorer<Model>(model).run(states_max * scale());
}

}  // namespace models
