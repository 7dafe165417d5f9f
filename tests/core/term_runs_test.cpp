#include <raftkit/core/term_runs.hpp>

#include <doctest/doctest.h>

#include <raftkit/base/prng.hpp>

#include <vector>

using namespace raftkit;

TEST_CASE(
    "term runs answer as a plain list of terms does, through appends, truncations, compactions, "
    "resets") {
    prng random(3);
    for (int life = 0; life < 200; ++life) {
        core::term_runs runs;
        u64 base = 0, base_term = 0;
        std::vector<u64> terms;  // of base + 1, base + 2, ...
        for (int step = 0; step < 60; ++step) {
            const u64 last = base + terms.size();
            switch (random.below(5)) {
                case 0:
                case 1: {
                    const u64 term = std::max<u64>(terms.empty() ? base_term : terms.back(), 1) +
                                     random.below(2);
                    const u64 count = random.between(1, 4);
                    runs.append({term}, {last + count});
                    terms.insert(terms.end(), count, term);
                    break;
                }
                case 2:
                    if (terms.empty()) break;
                    {
                        const u64 from = random.between(base + 1, last);
                        runs.truncate({from});
                        terms.resize(from - base - 1);
                    }
                    break;
                case 3: {
                    const u64 to = random.between(base, last);
                    runs.compact({to});
                    if (to > base) base_term = terms[to - base - 1];
                    terms.erase(terms.begin(), terms.begin() + static_cast<long>(to - base));
                    base = to;
                    break;
                }
                default:
                    if (random.below(10) != 0) break;
                    base = last + 5;
                    base_term = (terms.empty() ? base_term : terms.back()) + 1;
                    runs.reset({{base}, {base_term}});
                    terms.clear();
            }
            const u64 end = base + terms.size();
            REQUIRE(runs.last() == index_t{end});
            REQUIRE(runs.base() == log_id{{base}, {base_term}});
            const auto term_at = [&](u64 at) {  // known bug 57: defined on [base, last] only
                if (at == base) return base_term;
                return at < base || at > end ? 0 : terms[at - base - 1];
            };
            for (u64 at = base == 0 ? 0 : base - 1; at <= end + 1; ++at) {
                CHECK(runs.term_at({at}).value == (at + 1 == base && at != base ? 0 : term_at(at)));
            }
            const u64 wanted = random.below(6);
            u64 hint = std::min(random.between(base, end + 2), end);
            const log_id found = runs.last_not_above({hint}, {wanted});
            while (hint > base && term_at(hint) > wanted) --hint;
            CHECK(found.index == index_t{hint});
            if (hint > base) CHECK(found.term.value == term_at(hint));
            if (!terms.empty()) {
                u64 from = random.between(base + 1, end);
                const index_t other = runs.first_other({from}, {wanted});
                while (from <= end && term_at(from) == wanted) ++from;
                CHECK(other == index_t{from});
            }
        }
    }
}
