#pragma once
// What a node shows of itself: the core's status, and the phase, storage and snapshot figures
// beside it. Copied by any thread from words under a sequence lock: the writer never waits, a
// reader retries if it was overtaken.

#include <array>
#include <atomic>
#include <cstring>
#include <type_traits>

#include <raftkit/concepts/observer.hpp>
#include <raftkit/core/status.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct node_status : core::status {
    node_id self;
    u64 cluster = 0, incarnation = 0;
    node_phase phase = node_phase::recovering;
    bool closing = false;
    u64 log_bytes = 0;             // of the log's files, as storage last told
    u64 operations = 0;            // begun and not finished
    snapshot_id newest_snapshot;   // durable; index 0: none
    u64 snapshot_bytes = 0;        // of that one
    u64 snapshots_kept = 0, snapshots_saved = 0, snapshots_installed = 0, snapshots_failed = 0;
    bool saving = false, installing = false;
    u32 waits_for_count = 0;       // members that this node waits for before it votes (design §11)
    node_id waits_for[peers_max];

    node_status() noexcept = default;
};

// One writer, many readers. Words are stored with release and loaded with acquire: a reader that
// saw one word of a newer copy also sees that its sequence number changed. Only `peer_count` peers
// are copied.
class published_status {
public:
    void publish(const node_status& now) noexcept {
        const u64 sequence = sequence_.load(std::memory_order_relaxed);
        sequence_.store(sequence + 1, std::memory_order_relaxed);
        std::array<u64, word_count> copy;
        std::memcpy(copy.data(), static_cast<const void*>(&now), sizeof now);
        for (std::size_t i = 0; i < word_count; ++i) {
            // What did not change is not written: a quiet node's peers cost loads only.
            if (words_[i].load(std::memory_order_relaxed) != copy[i]) {
                words_[i].store(copy[i], std::memory_order_release);
            }
        }
        sequence_.store(sequence + 2, std::memory_order_release);
    }

    node_status read() const noexcept {
        std::array<u64, word_count> copy;
        for (;;) {
            const u64 before = sequence_.load(std::memory_order_acquire);
            for (std::size_t i = 0; i < word_count; ++i)
                copy[i] = words_[i].load(std::memory_order_acquire);
            if (before % 2 == 0 && sequence_.load(std::memory_order_relaxed) == before) break;
        }
        node_status made;
        std::memcpy(static_cast<void*>(&made), copy.data(), sizeof made);
        return made;
    }

private:
    static_assert(std::is_trivially_copyable_v<node_status>);
    static_assert(sizeof(node_status) % sizeof(u64) == 0);
    static constexpr std::size_t word_count = sizeof(node_status) / sizeof(u64);

    std::atomic<u64> sequence_{0};
    std::array<std::atomic<u64>, word_count> words_{};
};

RAFTKIT_NAMESPACE_END
