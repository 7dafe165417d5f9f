// kvload: the kit's own load client. It writes keys that nobody else writes, each once, keeps every
// one that was acknowledged, and can read them all back: whatever is missing then was lost.

#include <atomic>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include <raftkit/io/clock.hpp>

#include "client.hpp"
#include "display.hpp"
#include "ledger.hpp"
#include "options.hpp"

namespace {

using kvload::answer;
using kvload::fate;
using raftkit::instant;
using raftkit::monotonic_now;
using raftkit::u64;

raftkit::duration seconds(u64 count) { return raftkit::seconds(static_cast<raftkit::i64>(count)); }

struct counts {
    std::atomic<u64> done{0}, unknown{0}, refused{0}, tried_again{0}, wrong{0}, missing{0};
    std::mutex guard;
    std::string why;  // the first one

    void remember(const std::string& text) {
        const std::lock_guard lock(guard);
        if (why.empty()) why = text;
    }
};

// Runs `work(k)` for every client, and shows `all.done` until all have ended.
template <class Work>
raftkit::duration in_threads(u64 clients, const char* what, const counts& all, Work work) {
    std::atomic<u64> running{clients};
    std::vector<std::thread> threads;
    const instant begun = monotonic_now();
    for (u64 k = 0; k < clients; ++k) {
        threads.emplace_back([&, k] {
            work(k);
            --running;
        });
    }
    kvload::display shown(what, begun);
    while (running != 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        shown.tick(all.done, monotonic_now());
    }
    for (std::thread& each : threads) each.join();
    shown.end();
    return shown.longest_gap();
}

unsigned long long number(u64 value) { return value; }

int write_keys(const kvload::options& of) {
    kvload::ledger book;
    if (!book.open(of.acknowledged)) {
        std::fprintf(stderr, "kvload: can't write %s\n", of.acknowledged.c_str());
        return 2;
    }
    counts all;
    std::atomic<u64> claimed{0};
    std::atomic<bool> book_failed{false};
    const instant begun = monotonic_now();
    const instant end = of.seconds != 0 ? begun + seconds(of.seconds) : raftkit::never;
    const auto work = [&](u64 self) {
        kvload::client one(of.nodes, self);
        for (u64 next = 0; monotonic_now() < end && !book_failed; ++next) {
            if (of.keys != 0 && claimed++ >= of.keys) break;
            const std::string key =
                of.prefix + ":" + std::to_string(self) + ":" + std::to_string(next);
            const std::string value = kvload::value_for(key, of.value_bytes);
            const instant patience = monotonic_now() + seconds(of.patience_seconds);
            const answer got = one.set(key, value, std::min(end, patience));
            if (got.how == fate::done) {
                if (!book.add(key, value)) book_failed = true;
                ++all.done;
                continue;
            }
            if (of.keys != 0) --claimed;
            if (got.how == fate::unknown) ++all.unknown;
            if (got.how == fate::refused) ++all.refused;
            if (got.how != fate::not_done || monotonic_now() < end) all.remember(got.text);
            if (got.how == fate::refused || monotonic_now() >= patience) break;
        }
        all.tried_again += one.tried_again;
    };
    const raftkit::duration gap = in_threads(of.clients, "acknowledged", all, work);
    const u64 took = static_cast<u64>((monotonic_now() - begun).ns / 1'000'000);
    std::printf(
        "%llu keys acknowledged (%llu a second), %llu of unknown fate, %llu refused, "
        "%llu tries repeated, longest pause %lld ms\n",
        number(all.done), number(all.done * 1000 / std::max<u64>(took, 1)), number(all.unknown),
        number(all.refused), number(all.tried_again), static_cast<long long>(gap.ns / 1'000'000));
    if (!all.why.empty()) std::printf("the first failure: %s\n", all.why.c_str());
    if (!book.close() || book_failed) {
        std::fprintf(stderr, "kvload: can't write %s\n", of.acknowledged.c_str());
        return 1;
    }
    const bool enough = of.keys != 0 && of.seconds == 0 ? all.done >= of.keys : all.done != 0;
    return enough && all.refused == 0 ? 0 : 1;
}

int read_back(const kvload::options& of) {
    std::vector<kvload::acknowledged> expected;
    if (!kvload::read_ledger(of.verify, expected)) {
        std::fprintf(stderr, "kvload: %s can't be read, or is no file of `key value` lines\n",
                     of.verify.c_str());
        return 2;
    }
    counts all;
    std::atomic<u64> next{0};
    std::atomic<u64> unread{0};
    in_threads(of.clients, "read back", all, [&](u64 self) {
        kvload::client one(of.nodes, self);
        for (u64 k = next++; k < expected.size(); k = next++) {
            const answer got =
                one.get(expected[k].key, monotonic_now() + seconds(of.patience_seconds));
            if (got.how != fate::done) {
                ++unread;
                all.remember(expected[k].key + ": " + got.text);
                return;  // the cluster is gone: the others say so too
            }
            ++all.done;
            if (got.null) {
                ++all.missing;
                all.remember(expected[k].key + " is missing");
            } else if (got.text != expected[k].value) {
                ++all.wrong;
                all.remember(expected[k].key + " has another value");
            }
        }
    });
    const u64 left = expected.size() - std::min<u64>(all.done, expected.size());
    std::printf("%llu acknowledged keys: %llu missing, %llu wrong, %llu not read\n",
                number(expected.size()), number(all.missing), number(all.wrong), number(left));
    if (!all.why.empty()) std::printf("the first: %s\n", all.why.c_str());
    return all.missing + all.wrong + left == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
    if (count == 2 && std::strcmp(words[1], "--help") == 0) {
        std::fputs(kvload::usage().c_str(), stdout);
        return 0;
    }
    kvload::options values;
    if (const std::string why = kvload::parse_options(count, words, values); !why.empty()) {
        std::fprintf(stderr, "kvload: %s\n", why.c_str());
        return 2;
    }
    return values.verify.empty() ? write_keys(values) : read_back(values);
}
