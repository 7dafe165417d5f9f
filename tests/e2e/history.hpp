#pragma once
// A history of calls to kvd as JSON lines, and the model of one of its keys for the kit's checker.
// The format of the lines is described in judge.cpp.

#include <charconv>
#include <functional>
#include <istream>
#include <string_view>

#include <raftkit/testing/check/linearizable.hpp>

namespace e2e {

using namespace raftkit;
using namespace raftkit::testing;

inline std::optional<i64> integer_in(std::string_view text) {
    i64 value = 0;
    const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (why != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}

// What a client asked for. Of several calls that nobody can tell apart and whose outcomes are
// unknown, none is worth trying before the one that began first: whatever order has the later one
// has room for the earlier one in its place. `rank` numbers them from 1 on within their `kind`, and
// without it n such calls would be 2^n sets to search.
struct call_words {
    std::vector<std::string> words;  // [1] is the key
    std::size_t kind = 0, rank = 0;  // 0: its outcome is known, or it is the only one
};

// One key of kvd: a string or nothing. Its answers are those of Redis, to the byte.
struct key_model {
    struct state {
        std::optional<std::string> value;
        bool anything = false;          // nobody looked since FORGET: `value` does not count
        std::vector<std::size_t> used;  // of each kind: the rank of the last one that took effect
        friend bool operator==(const state&, const state&) = default;
    };
    using input = call_words;
    using output = std::string;
    using words = std::vector<std::string>;
    using value = std::optional<std::string>;

    static state initial() { return {}; }
    static u64 hash(const state& of) {
        u64 sum = of.value ? std::hash<std::string>{}(*of.value) + 1 : 0;
        for (const std::size_t each : of.used) sum = (sum ^ each) * 0x9e3779b97f4a7c15ULL;
        return sum * 0x9e3779b97f4a7c15ULL;
    }
    static bool step(const state& now, const input& call, const output* told, state& into) {
        if (call.rank != 0) {
            into.used.resize(std::max(into.used.size(), call.kind + 1));
            if (into.used[call.kind] + 1 != call.rank) return false;
            into.used[call.kind] = call.rank;
        }
        if (call.words[0] == "FORGET") return into.anything = true;
        if (now.anything) return guess(call.words, told, into), true;
        const output answer = carry_out(now.value, call.words, into.value);
        return told == nullptr || *told == answer;
    }
    // The answer itself may tell what was there; else it stays open.
    static void guess(const words& call, const output* told, state& into) {
        const std::string& verb = call[0];
        const bool sets = verb == "SET" && (call.size() == 3 || call[3] == "GET");
        const bool done = told != nullptr && (*told == "+OK" || *told == ":1");
        into.anything = false;
        if (sets || (done && (verb == "SET" || verb == "SETNX"))) {
            into.value = call[2];
        } else if (verb == "DEL") {
            into.value.reset();
        } else if (told != nullptr && verb == "GET") {
            into.value = *told == "_" ? value() : told->substr(1);
        } else if (told != nullptr && (verb == "INCR" || verb == "DECR" || verb == "INCRBY") &&
                   told->starts_with(":")) {
            into.value = told->substr(1);
        } else {
            into.anything = true;
        }
    }
    static output bulk(const value& of) {
        return of ? std::string("$").append(*of) : std::string("_");
    }
    static output carry_out(const value& now, const words& call, value& into) {
        const std::string& verb = call[0];
        if (verb == "GET") return bulk(now);
        if (verb == "EXISTS") return now ? ":1" : ":0";
        if (verb == "STRLEN") return ":" + std::to_string(now ? now->size() : 0);
        if (verb == "SET") return set(now, call, into);
        if (verb == "SETNX") {
            if (!now) into = call[2];
            return now ? ":0" : ":1";
        }
        if (verb == "DEL") {
            into.reset();
            return now ? ":1" : ":0";
        }
        if (verb == "APPEND") {
            into = now.value_or("") + call[2];
            return ":" + std::to_string(into->size());
        }
        const i64 by = verb == "INCR" ? 1 : verb == "DECR" ? -1 : *integer_in(call[2]);
        const std::optional<i64> before = now ? integer_in(*now) : i64{0};
        if (!before) return "-ERR value is not an integer or out of range";
        into = std::to_string(*before + by);
        return ":" + *into;
    }
    static output set(const value& now, const words& call, value& into) {
        const std::string how = call.size() > 3 ? call[3] : "";
        const bool refused = (how == "NX" && now) || (how == "XX" && !now);
        if (!refused) into = call[2];
        if (how == "GET") return bulk(now);
        return refused ? "_" : "+OK";
    }
    static bool understands(const words& call) {
        if (call.size() < 2) return false;
        const std::string& verb = call[0];
        for (const char* each : {"GET", "EXISTS", "STRLEN", "DEL", "INCR", "DECR"}) {
            if (verb == each) return call.size() == 2;
        }
        if (verb == "INCRBY") return call.size() == 3 && integer_in(call[2]);
        if (verb == "SET" && call.size() == 4) {
            return call[3] == "NX" || call[3] == "XX" || call[3] == "GET";
        }
        return call.size() == 3 && (verb == "SET" || verb == "SETNX" || verb == "APPEND");
    }
    static bool reads(const words& call) {
        return call[0] == "GET" || call[0] == "EXISTS" || call[0] == "STRLEN";
    }
};

using calls = history<key_model>;

// For each call the answers in which its value can be seen.
inline std::vector<std::vector<std::size_t>> sightings(const calls& all) {
    std::vector<std::vector<std::size_t>> made(all.size());
    for (std::size_t at = 0; at < all.size(); ++at) {
        const key_model::words& call = all[at].input.words;
        if (call.size() < 3) continue;
        for (std::size_t other = 0; other < all.size(); ++other) {
            const auto& answer = all[other].output;
            if (answer && answer->find(call[2]) != answer->npos) made[at].push_back(other);
        }
    }
    return made;
}

// Before each search, because who is open has changed. Writes of texts that nobody saw are alike
// if they are of one length; of numbers they are not, since a sum hides them.
inline void rank_the_open(calls& all, const std::vector<bool>& seen) {
    struct group {
        std::size_t kind = 0, size = 0, first = 0;
    };
    std::map<key_model::words, group> groups;
    std::vector<std::size_t> open;
    for (std::size_t at = 0; at < all.size(); ++at) {
        all[at].input.kind = all[at].input.rank = 0;
        if (!all[at].output) open.push_back(at);
    }
    std::stable_sort(open.begin(), open.end(), [&](std::size_t one, std::size_t other) {
        return all[one].began < all[other].began;
    });
    std::size_t kinds = 0;
    for (const std::size_t at : open) {
        key_model::words name = all[at].input.words;
        const bool text = name.size() > 2 && !name[2].empty() && name[2][0] >= 'a';
        if (text && !seen[at]) name[2] = std::to_string(name[2].size());
        group& of = groups[std::move(name)];
        if (++of.size == 1) {
            of.first = at;
            continue;
        }
        if (of.size == 2) {
            of.kind = kinds++;
            all[of.first].input.kind = of.kind;
            all[of.first].input.rank = 1;
        }
        all[at].input.kind = of.kind;
        all[at].input.rank = of.size;
    }
}

// A flat object of numbers, strings and lists of strings: all that a history needs of JSON.
class line_reader {
public:
    explicit line_reader(std::string_view text) : rest_(text) {}

    bool read() {
        if (!take('{')) return false;
        do {
            std::string name;
            if (!string(name) || !take(':') || !value(name)) return false;
        } while (take(','));
        return take('}') && (skip(), rest_.empty());
    }

    std::map<std::string, i64> numbers;
    std::map<std::string, std::string> strings;
    std::map<std::string, std::vector<std::string>> lists;

private:
    void skip() {
        while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\r')) rest_.remove_prefix(1);
    }
    bool take(char wanted) {
        skip();
        if (rest_.empty() || rest_[0] != wanted) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool value(const std::string& name) {
        skip();
        if (rest_.empty()) return false;
        if (rest_[0] == '"') return string(strings[name]);
        if (take('[')) {
            std::vector<std::string>& list = lists[name];
            if (take(']')) return true;
            do {
                if (!string(list.emplace_back())) return false;
            } while (take(','));
            return take(']');
        }
        const char* end = rest_.data() + rest_.size();
        const auto [behind, why] = std::from_chars(rest_.data(), end, numbers[name]);
        if (why != std::errc{}) return false;
        rest_.remove_prefix(static_cast<std::size_t>(behind - rest_.data()));
        return true;
    }
    bool string(std::string& into) {
        if (!take('"')) return false;
        while (!rest_.empty() && rest_[0] != '"') {
            char next = rest_[0];
            rest_.remove_prefix(1);
            if (next == '\\' && !escaped(next)) return false;
            into += next;
        }
        if (rest_.empty()) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool escaped(char& into) {
        if (rest_.empty()) return false;
        const char kind = rest_[0];
        rest_.remove_prefix(1);
        constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
        if (const std::size_t at = from.find(kind); at != from.npos) return into = to[at], true;
        unsigned code = 0;
        if (kind != 'u' || rest_.size() < 4) return false;
        const auto [end, why] = std::from_chars(rest_.data(), rest_.data() + 4, code, 16);
        if (why != std::errc{} || end != rest_.data() + 4 || code > 0xff) return false;
        rest_.remove_prefix(4);
        return into = static_cast<char>(code), true;
    }

    std::string_view rest_;
};

struct call_name {
    i64 client, number;
    friend auto operator<=>(const call_name&, const call_name&) = default;
};

struct reading {
    calls all;
    std::vector<call_name> names;   // of all
    std::vector<std::string> keys;  // what operation_record::key counts
    u64 unknown = 0, not_done = 0;
    std::string wrong;  // why this is no history
};

// Left out: calls that were not done, and reads of which nobody saw the answer.
class history_reader {
public:
    reading read(std::istream& file) {
        std::string text;
        for (u64 number = 1; made_.wrong.empty() && std::getline(file, text); ++number) {
            line_reader line(text);
            const char* why = line.read() ? take(line) : "not a flat JSON object";
            if (why != nullptr) made_.wrong = "line " + std::to_string(number) + ": " + why;
        }
        finish();
        return std::move(made_);
    }

private:
    const char* take(line_reader& line) {
        if (!line.numbers.contains("t")) return "no time";
        const call_name name{line.numbers["c"], line.numbers["n"]};
        const instant at{line.numbers["t"]};
        if (const auto call = line.lists.find("call"); call != line.lists.end()) {
            if (!key_model::understands(call->second)) return "no model for this call";
            if (!places_.try_emplace(name, made_.all.size()).second) return "begun twice";
            const auto key = keys_.try_emplace(call->second[1], keys_.size());
            if (key.second) made_.keys.push_back(call->second[1]);
            made_.all.push_back(
                {static_cast<u64>(name.client), key.first->second, {call->second}, {}, at, never});
            made_.names.push_back(name);
            gone_.push_back(false);
            return nullptr;
        }
        const auto begun = places_.find(name);
        if (begun == places_.end()) return "ended without a begin";
        operation_record<key_model>& one = made_.all[begun->second];
        if (one.output || gone_[begun->second]) return "ended twice";
        if (at < one.began) return "ended before its begin";
        if (const auto got = line.strings.find("got"); got != line.strings.end()) {
            one.output = got->second;
            one.ended = at;
        } else if (line.strings.contains("not_done")) {
            gone_[begun->second] = true;
            ++made_.not_done;
        } else if (!line.strings.contains("unknown")) {
            return "neither a begin nor an end";
        }
        return nullptr;
    }
    void finish() {
        std::size_t kept = 0;
        for (std::size_t at = 0; at < made_.all.size(); ++at) {
            const bool unknown = !made_.all[at].output && !gone_[at];
            made_.unknown += unknown;
            if (gone_[at] || (unknown && key_model::reads(made_.all[at].input.words))) continue;
            if (kept != at) made_.all[kept] = std::move(made_.all[at]);
            made_.names[kept++] = made_.names[at];
        }
        made_.all.resize(kept);
        made_.names.resize(kept);
    }

    reading made_;
    std::map<call_name, std::size_t> places_;
    std::map<std::string, u64> keys_;
    std::vector<bool> gone_;
};

}  // namespace e2e
