#include <raftkit/core/stable_watermark.hpp>

#include <doctest/doctest.h>

#include <raftkit/base/prng.hpp>

#include <map>
#include <vector>

using namespace raftkit;

namespace {

// The disk beside it: which content every index has there, batch by batch.
struct disk_model {
    struct batch {
        u64 ticket;
        bool reset;
        u64 base;                                  // of a reset
        std::vector<std::pair<u64, u64>> written;  // index, content
    };
    std::vector<batch> waiting;
    std::map<u64, u64> durable;  // index -> content
    u64 durable_base = 0;

    void complete(u64 upto) {
        while (!waiting.empty() && waiting.front().ticket <= upto) {
            const batch& done = waiting.front();
            if (done.reset) {
                durable.clear();
                durable_base = done.base;
            }
            for (const auto& [index, content] : done.written) {
                durable.erase(durable.lower_bound(index), durable.end());
                durable[index] = content;
            }
            waiting.erase(waiting.begin());
        }
    }
};

}  // namespace

TEST_CASE(
    "stable never covers an entry that is not durable with its own content") {  // known bugs 27,
                                                                                // 28, 30, 31
    prng random(11);
    for (int life = 0; life < 3'000; ++life) {
        core::stable_watermark stable({0});
        disk_model disk;
        u64 base = 0, next_content = 1;
        std::vector<u64> log;  // contents of base + 1 ...
        std::size_t persisted_to = 0;
        bool reset_waits = false;
        std::vector<u64> unpersisted_from;
        for (int step = 0; step < 40; ++step) {
            switch (random.below(6)) {
                case 0:
                case 1:  // append and hand out
                    for (u64 more = random.between(1, 3); more > 0; --more)
                        log.push_back(next_content++);
                    break;
                case 2: {  // a batch goes out
                    if (persisted_to == log.size() && !reset_waits) break;
                    disk_model::batch made{stable.upcoming().value, reset_waits, base, {}};
                    for (std::size_t at = persisted_to; at < log.size(); ++at) {
                        made.written.emplace_back(base + at + 1, log[at]);
                    }
                    persisted_to = log.size();
                    reset_waits = false;
                    disk.waiting.push_back(made);
                    CHECK(stable.issue({base + log.size()}).value == made.ticket);
                    break;
                }
                case 3: {  // completions, late, in jumps, repeated
                    if (disk.waiting.empty()) break;
                    const u64 upto = disk.waiting[random.below(disk.waiting.size())].ticket;
                    disk.complete(upto);
                    stable.complete({upto});
                    stable.complete({upto == 1 ? 1 : upto - 1});
                    break;
                }
                case 4: {  // truncation
                    if (log.empty()) break;
                    const u64 from = random.between(base + 1, base + log.size());
                    log.resize(from - base - 1);
                    persisted_to = std::min(persisted_to, log.size());
                    stable.truncate({from});
                    break;
                }
                default:  // an installed snapshot replaces the log
                    if (random.below(4) != 0) break;
                    base += log.size() + random.between(1, 5);
                    log.clear();
                    persisted_to = 0;
                    reset_waits = true;
                    stable.reset();
            }
            const u64 upto = stable.stable().value;
            if (reset_waits) CHECK(stable.reset_open());
            if (upto == 0) continue;
            REQUIRE(upto >= base);
            CHECK(disk.durable_base == base);
            for (u64 index = base + 1; index <= upto; ++index) {
                REQUIRE(index - base <= log.size());
                CHECK(disk.durable[index] == log[index - base - 1]);
            }
        }
    }
}
