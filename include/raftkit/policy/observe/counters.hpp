#pragma once
// An observer that counts, and writes what it counted as Prometheus text. The raft context is the
// only writer, so that counting is a plain add; any thread may read. Names are `raftkit_` + noun +
// unit, with the labels group and node. Indexes and sizes are gauges: they are what the last event
// said.

#include <atomic>
#include <cstring>
#include <span>
#include <string_view>

#include <raftkit/concepts/observer.hpp>

RAFTKIT_NAMESPACE_BEGIN

// A number with one writer and any readers. A copy is a reading.
class tally {
public:
    tally() noexcept = default;
    tally(const tally& other) noexcept : value_(other.value()) {}
    tally& operator=(const tally& other) noexcept {
        set(other.value());
        return *this;
    }
    u64 value() const noexcept { return value_.load(std::memory_order_relaxed); }
    void set(u64 now) noexcept { value_.store(now, std::memory_order_relaxed); }
    void add(u64 more = 1) noexcept { set(value() + more); }
    void add(duration more) noexcept { add(more.ns < 0 ? 0 : static_cast<u64>(more.ns)); }

private:
    std::atomic<u64> value_{0};
};

struct counters {
    identity self{};  // labels: group and node

    tally term{}, leader{}, role{}, phase{}, role_changes{};
    tally commit_index{}, applied_index{}, first_index{};
    tally log_bytes{}, log_batches{}, log_write_ns{}, log_sync_ns{}, log_failures{};
    tally apply_batches{}, applied_entries{}, apply_ns{};
    tally snapshot_index{}, snapshot_bytes{};
    tally saves_begun{}, saves{}, save_ns{}, receipts{}, restores{}, restore_ns{};
    tally shipments{}, shipped_bytes{}, snapshot_failures{};
    tally rejections{}, peers_lost{}, damages{}, stops{};

    void on(const role_changed& now) noexcept {
        term.set(now.term.value);
        leader.set(now.leader.value);
        role.set(static_cast<u64>(now.role));
        role_changes.add();
    }
    void on(const phase_changed& now) noexcept { phase.set(static_cast<u64>(now.to)); }
    void on(const committed& now) noexcept { commit_index.set(now.upto.value); }
    void on(const log_persisted& done) noexcept {
        log_batches.add();
        log_bytes.set(done.log_bytes);
        log_write_ns.add(done.write);
        log_sync_ns.add(done.sync);
        if (done.status) log_failures.add();
    }
    void on(const apply_batch& done) noexcept {
        apply_batches.add();
        applied_entries.add(done.last.value + 1 - done.first.value);
        applied_index.set(done.last.value);
        apply_ns.add(done.took);
    }
    void on(const snapshot_begun&) noexcept { saves_begun.add(); }
    void on(const snapshot_published& done) noexcept {
        if (done.origin == snapshot_origin::captured) {
            saves.add();
            save_ns.add(done.took);
        } else {
            receipts.add();
        }
        snapshot_index.set(done.id.at.index.value);
        snapshot_bytes.set(done.bytes);
    }
    void on(const snapshot_failed&) noexcept { snapshot_failures.add(); }
    void on(const snapshot_shipped& done) noexcept {
        shipments.add();
        shipped_bytes.add(done.bytes);
    }
    void on(const snapshot_restored& done) noexcept {
        restores.add();
        restore_ns.add(done.took);
        if (applied_index.value() < done.id.at.index.value) {
            applied_index.set(done.id.at.index.value);
        }
    }
    void on(const compacted& now) noexcept { first_index.set(now.first.value); }
    void on(const rejected& seen) noexcept { rejections.add(seen.count); }
    void on(const peer_changed& now) noexcept {
        if (!now.reachable) peers_lost.add();
    }
    void on(const damage_found&) noexcept { damages.add(); }
    void on(const stopped&) noexcept { stops.add(); }

    // Writes the text exposition; what does not fit is cut. Returns how many bytes the whole text
    // has, so that a caller may ask with an empty span first.
    std::size_t write(std::span<char> into) const noexcept;
};

namespace detail {

struct metric {
    std::string_view name, help;
    tally counters::*value;
    enum : u8 { gauge, counter, seconds } kind;
};

// In the order in which they are written.
inline constexpr metric metrics[] = {
    {"term", "Current term.", &counters::term, metric::gauge},
    {"leader_id", "Known leader; 0: none.", &counters::leader, metric::gauge},
    {"role", "0 follower, 1 pre-candidate, 2 candidate, 3 leader.", &counters::role, metric::gauge},
    {"phase",
     "0 recovering, 1 restoring, 2 replaying, 3 serving, 4 needs_install, 5 failed, 6 stopped.",
     &counters::phase, metric::gauge},
    {"role_changes_total", "Changes of role, term or leader.", &counters::role_changes,
     metric::counter},
    {"commit_index", "Highest committed index.", &counters::commit_index, metric::gauge},
    {"applied_index", "Highest applied index.", &counters::applied_index, metric::gauge},
    {"first_index", "First index in the log, as of the last compaction.", &counters::first_index,
     metric::gauge},
    {"log_bytes", "Bytes of the log's files.", &counters::log_bytes, metric::gauge},
    {"log_batches_total", "Completions of log writes.", &counters::log_batches, metric::counter},
    {"log_write_seconds_total", "Time in writes of the log.", &counters::log_write_ns,
     metric::seconds},
    {"log_sync_seconds_total", "Time in syncs of the log.", &counters::log_sync_ns,
     metric::seconds},
    {"log_failures_total", "Failed writes or syncs of the log.", &counters::log_failures,
     metric::counter},
    {"apply_batches_total", "Batches applied.", &counters::apply_batches, metric::counter},
    {"applied_entries_total", "Entries applied.", &counters::applied_entries, metric::counter},
    {"apply_seconds_total", "Time in apply.", &counters::apply_ns, metric::seconds},
    {"snapshot_index", "Index of the newest durable snapshot.", &counters::snapshot_index,
     metric::gauge},
    {"snapshot_bytes", "Bytes of the newest durable snapshot.", &counters::snapshot_bytes,
     metric::gauge},
    {"snapshot_saves_begun_total", "Saves begun.", &counters::saves_begun, metric::counter},
    {"snapshot_saves_total", "Saves published.", &counters::saves, metric::counter},
    {"snapshot_save_seconds_total", "Time of published saves.", &counters::save_ns,
     metric::seconds},
    {"snapshot_receipts_total", "Snapshots received and published.", &counters::receipts,
     metric::counter},
    {"snapshot_restores_total", "Snapshots restored.", &counters::restores, metric::counter},
    {"snapshot_restore_seconds_total", "Time of restores.", &counters::restore_ns, metric::seconds},
    {"snapshot_shipments_total", "Snapshots that a peer has durably.", &counters::shipments,
     metric::counter},
    {"snapshot_shipped_bytes_total", "Bytes of those.", &counters::shipped_bytes, metric::counter},
    {"snapshot_failures_total", "Saves, transfers and restores that failed.",
     &counters::snapshot_failures, metric::counter},
    {"rejected_messages_total", "Messages dropped as invalid.", &counters::rejections,
     metric::counter},
    {"peers_lost_total", "Times a peer became unreachable.", &counters::peers_lost,
     metric::counter},
    {"damages_total", "Damages found on disk.", &counters::damages, metric::counter},
    {"stops_total", "1 after the node stopped.", &counters::stops, metric::counter},
};

// Counts all that is put, keeps what fits.
class text_writer {
public:
    explicit text_writer(std::span<char> into) noexcept : into_(into) {}
    std::size_t size() const noexcept { return size_; }

    text_writer& put(std::string_view text) noexcept {
        if (size_ < into_.size()) {
            const std::size_t room = into_.size() - size_;
            std::memcpy(into_.data() + size_, text.data(), text.size() < room ? text.size() : room);
        }
        size_ += text.size();
        return *this;
    }
    text_writer& put(u64 number, int digits_min = 1) noexcept {
        char digits[20];
        int at = 20;
        while (number != 0 || 20 - at < digits_min) {
            digits[--at] = static_cast<char>('0' + number % 10);
            number /= 10;
        }
        return put(std::string_view(digits + at, static_cast<std::size_t>(20 - at)));
    }

private:
    std::span<char> into_;
    std::size_t size_ = 0;
};

}  // namespace detail

inline std::size_t counters::write(std::span<char> into) const noexcept {
    constexpr u64 second = 1'000'000'000;
    detail::text_writer out(into);
    for (const detail::metric& each : detail::metrics) {
        const bool is_gauge = each.kind == detail::metric::gauge;
        out.put("# HELP raftkit_").put(each.name).put(" ").put(each.help).put("\n# TYPE raftkit_");
        out.put(each.name).put(is_gauge ? " gauge\nraftkit_" : " counter\nraftkit_").put(each.name);
        out.put("{group=\"").put(self.group).put("\",node=\"").put(self.self.value).put("\"} ");
        const u64 value = (this->*each.value).value();
        if (each.kind == detail::metric::seconds) {
            out.put(value / second).put(".").put(value % second, 9);
        } else {
            out.put(value);
        }
        out.put("\n");
    }
    return out.size();
}

RAFTKIT_NAMESPACE_END
