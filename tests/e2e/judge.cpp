// Was what clients of kvd saw linearizable? Reads a history as JSON lines and judges it key by key.
//
//   judge FILE [STEPS]      0: it was; 1: it was not, and the smallest bad window of the key is
//                           printed; 2: this is no history; 3: undecided within so many steps a key
//
// A line is the begin or the end of a call. `t` is monotonic time, `c` and `n` name the call:
//   {"t":17,"c":3,"n":1,"call":["SET","k","v"]}
//   {"t":19,"c":3,"n":1,"got":"+OK"}          +status :integer $bulk _null -error, as in Redis
//   {"t":19,"c":3,"n":1,"not_done":"MOVED"}   certainly not executed, now or later
//   {"t":19,"c":3,"n":1,"unknown":"closed"}   executed or not; as if there were no second line
//
// MOVED and CLUSTERDOWN are taken at their word: the call is left out, so whoever sees a trace of
// it is a violation. Calls with unknown outcomes may take effect at any time after their begin.

#include <cstdio>
#include <fstream>

#include "history.hpp"

namespace {

using namespace e2e;

// The operations of one key that do not fit together, as few as can be had. To forget an answer, or
// a read, allows more orders than before: what is still impossible then is so because of the rest.
class window {
public:
    window(const calls& all, u64 steps) : steps_(steps) {
        for (std::size_t at = 0; at < all.size(); ++at) kept_.push_back(at);
        all_ = &all;
        seen_in_ = sightings(all);
    }

    void shrink() {
        cut_the_end();
        cut_the_begin();
        // Reads go easily. To forget a write makes the search longer, and is given up early.
        steps_ = std::min<u64>(steps_, 20'000);
        for (const bool reads : {true, false}) {
            for (std::size_t size = kept_.size(); size > 0; size /= 2) {
                for (std::size_t from = 0; from < kept_.size();) {
                    from += relax(from, size, reads) ? 0 : size;
                }
            }
        }
    }
    instant begin() const { return begin_; }
    const std::vector<std::size_t>& kept() const { return kept_; }  // answers that matter

private:
    bool bad(const std::vector<std::size_t>& answers, instant end) const {
        calls some;
        std::vector<bool> seen;
        if (forgotten_) {
            some.push_back({0, all_->front().key, {{"FORGET", ""}}, std::string(), {-1}, {-1}});
            seen.push_back(false);
        }
        std::size_t next = 0;
        for (std::size_t at = 0; at < all_->size(); ++at) {
            const auto& each = (*all_)[at];
            const bool matters = next < answers.size() && answers[next] == at;
            next += matters;
            if (each.began > end || (each.output && each.ended < begin_)) continue;
            const bool known = matters && each.ended <= end;
            if (!known && key_model::reads(each.input.words)) continue;
            some.push_back(each);
            seen.push_back(seen_by(at, answers, end));
            if (!known) {
                some.back().output.reset();
                some.back().ended = never;
            }
        }
        rank_the_open(some, seen);
        return check_linearizable(some, steps_).is == verdict::violated;
    }
    bool seen_by(std::size_t at, const std::vector<std::size_t>& answers, instant end) const {
        return std::any_of(seen_in_[at].begin(), seen_in_[at].end(), [&](std::size_t other) {
            return (*all_)[other].ended <= end &&
                   std::binary_search(answers.begin(), answers.end(), other);
        });
    }
    // Up to when was all well? What is bad stays bad, so the moment can be searched for by halves.
    void cut_the_end() {
        std::vector<instant> ends;
        for (const auto& each : *all_) {
            if (each.output) ends.push_back(each.ended);
        }
        std::sort(ends.begin(), ends.end());
        std::size_t low = 0, high = ends.empty() ? 0 : ends.size() - 1;
        while (low < high) {
            const std::size_t middle = (low + high) / 2;
            if (bad(kept_, ends[middle])) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        if (!ends.empty()) end_ = ends[high];
        std::erase_if(
            kept_, [&](std::size_t at) { return !(*all_)[at].output || (*all_)[at].ended > end_; });
    }
    // From when on is it bad whatever was there before? The later, the less is known.
    void cut_the_begin() {
        std::vector<instant> ends;
        for (const std::size_t at : kept_) ends.push_back((*all_)[at].ended);
        std::sort(ends.begin(), ends.end());
        forgotten_ = true;
        std::size_t low = 0, high = ends.size();  // bad at low, unless nothing may be forgotten
        while (low + 1 < high) {
            const std::size_t middle = (low + high) / 2;
            begin_ = ends[middle];
            (bad(kept_, end_) ? low : high) = middle;
        }
        begin_ = ends.empty() ? instant{} : ends[low];
        forgotten_ = bad(kept_, end_);
        if (!forgotten_) begin_ = instant{};
        std::erase_if(kept_, [&](std::size_t at) { return (*all_)[at].ended < begin_; });
    }
    // Forgets the answers of reads, or of writes, among so many.
    bool relax(std::size_t from, std::size_t size, bool reads) {
        std::vector<std::size_t> fewer;
        for (std::size_t k = 0; k < kept_.size(); ++k) {
            const bool among = k >= from && k < from + size;
            if (!among || key_model::reads((*all_)[kept_[k]].input.words) != reads) {
                fewer.push_back(kept_[k]);
            }
        }
        if (fewer.size() == kept_.size()) return false;
        if (!bad(fewer, end_)) return false;
        kept_ = std::move(fewer);
        return true;
    }

    const calls* all_;
    std::vector<std::vector<std::size_t>> seen_in_;
    u64 steps_;
    bool forgotten_ = false;  // what was there at `begin_` is unknown
    instant begin_{}, end_ = never;
    std::vector<std::size_t> kept_;  // in order
};

std::string words_of(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& each : words) text += each + " ";
    return text;
}

void print(const reading& from, const std::vector<std::size_t>& places, const calls& all,
           u64 steps) {
    window smallest(all, steps);
    smallest.shrink();
    instant first = never, last{};
    std::string answers;
    for (const std::size_t at : smallest.kept()) {
        first = std::min(first, all[at].began);
        last = std::max(last, all[at].ended);
        answers += *all[at].output + "\n";
    }
    std::size_t others = 0, shown = 0;
    for (std::size_t at = 0; at < all.size(); ++at) {
        const auto& each = all[at];
        const bool matters = shown < smallest.kept().size() && smallest.kept()[shown] == at;
        shown += matters;
        // Of the others those are worth a line whose value somebody saw.
        const bool seen =
            each.input.words.size() > 2 && answers.find(each.input.words[2]) != answers.npos;
        const bool worth_a_line = matters || seen || all.size() <= 6;
        if (each.output && each.ended < smallest.begin()) continue;
        others += !worth_a_line;
        if (!worth_a_line) continue;
        const call_name& name = from.names[places[at]];
        const auto since = [&](instant when) {
            return static_cast<double>(when.ns - first.ns) / 1e6;
        };
        std::printf("  %c %10.3f .. ", matters ? '*' : ' ', since(each.began));
        each.output ? std::printf("%10.3f ms", since(each.ended)) : std::printf("%13s", "?");
        std::printf("  client %lld #%lld  %s-> %s\n", static_cast<long long>(name.client),
                    static_cast<long long>(name.number), words_of(each.input.words).c_str(),
                    each.output ? each.output->c_str() : "unknown");
    }
    std::printf(
        "  The answers marked * can't all be right, wherever the %zu other calls are put.\n"
        "  This is from t=%lld to t=%lld.\n",
        others, static_cast<long long>(first.ns), static_cast<long long>(last.ns));
}

int judge(const reading& from, u64 steps) {
    std::vector<std::vector<std::size_t>> places(from.keys.size());
    for (std::size_t at = 0; at < from.all.size(); ++at) {
        places[from.all[at].key].push_back(at);
    }
    u64 bad = 0, undecided = 0, steps_taken = 0;
    for (std::size_t key = 0; key < places.size(); ++key) {
        calls some;
        for (const std::size_t at : places[key]) some.push_back(from.all[at]);
        std::vector<bool> seen;
        for (const auto& each : sightings(some)) seen.push_back(!each.empty());
        rank_the_open(some, seen);
        const linearizability found = check_linearizable(some, steps);
        steps_taken += found.steps;
        undecided += found.is == verdict::undecided;
        if (found.is == verdict::undecided) {
            std::printf("undecided: key %s, %zu operations\n", from.keys[key].c_str(), some.size());
        }
        if (found.is != verdict::violated) continue;
        if (++bad > 3) continue;  // the others are counted
        std::printf("NOT LINEARIZABLE: key %s, %zu operations\n", from.keys[key].c_str(),
                    some.size());
        print(from, places[key], some, steps);
    }
    std::printf(
        "%s: %zu operations of %zu keys, %llu unknown, %llu not done, %llu keys violated, "
        "%llu undecided, %llu steps\n",
        bad != 0         ? "bad"
        : undecided != 0 ? "undecided"
                         : "ok",
        from.all.size(), from.keys.size(), static_cast<unsigned long long>(from.unknown),
        static_cast<unsigned long long>(from.not_done), static_cast<unsigned long long>(bad),
        static_cast<unsigned long long>(undecided), static_cast<unsigned long long>(steps_taken));
    return bad != 0 ? 1 : undecided != 0 ? 3 : 0;
}

}  // namespace

int main(int count, char** words) {
    const std::optional<i64> steps = count == 3 ? integer_in(words[2]) : 20'000'000;
    if (count < 2 || count > 3 || !steps || *steps < 1) {
        std::fprintf(stderr, "usage: judge FILE [STEPS]\n");
        return 2;
    }
    std::ifstream file(words[1]);
    if (!file) return std::fprintf(stderr, "judge: can't read %s\n", words[1]), 2;
    const reading from = history_reader().read(file);
    if (!from.wrong.empty()) {
        std::fprintf(stderr, "judge: %s: %s\n", words[1], from.wrong.c_str());
        return 2;
    }
    return judge(from, static_cast<u64>(*steps));
}
