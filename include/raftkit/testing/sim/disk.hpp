#pragma once
// A simulated disk, and sim_files, the `Files` that reach it: the real WAL and the real snapshot
// stores run on it. Names and contents are separate: a file's contents survive a power cut once
// they are synced, its name once its directory is. Unsynced changes of names survive as a prefix of
// their order, as on a journalled file system; unsynced sectors in any subset. Everything follows
// from the seed and the calls.
//
//   sim_files ──▶ call n ──▶ crash here? fault due? ──▶ page cache, current names
//                                                          │ sync_data      │ sync_directory
//                                                          ▼                ▼
//                                                        medium,          durable names  ──▶ what a
//                                                        power cut leaves
//
// Locked inside, because a runner with a thread may use it; determinism then ends with the threads.

#include <errno.h>

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <raftkit/io/files.hpp>
#include <raftkit/testing/sim/disk_tree.hpp>

RAFTKIT_NAMESPACE_BEGIN
namespace testing {

enum class disk_call : u8 {
    open,
    read,
    write,
    sync,
    size,
    truncate,
    rename,
    remove,
    list,
    make_directory,
    sync_directory,
    lock,
    free_bytes
};
inline constexpr std::size_t disk_calls = static_cast<std::size_t>(disk_call::free_bytes) + 1;
inline const char* name_of(disk_call call) noexcept {
    constexpr std::array<const char*, disk_calls> names{
        "open",   "read", "write",          "sync",           "size", "truncate",  "rename",
        "remove", "list", "make_directory", "sync_directory", "lock", "free_bytes"};
    return names[static_cast<std::size_t>(call)];
}

struct disk_trace_line {
    disk_call call{};
    std::string path;
    u64 offset = 0, bytes = 0;
    error outcome;
};

// `before`: the call does not happen. `inside`: it happens in part, as the seed says, and its
// caller never hears of it.
enum class crash_moment : u8 { before, inside };

// What arrives of a write that is cut off: its first bytes, and any of the sectors that it touches.
struct tear {
    u64 bytes = 0;
    u64 sectors = 0;         // bit 0 is the first one
    bool on_medium = false;  // they also outlive a power cut, whatever else is lost
};

class sim_disk;

class sim_file {
public:
    sim_file() noexcept = default;
    sim_file(sim_file&& other) noexcept { swap(other); }
    sim_file& operator=(sim_file&& other) noexcept {
        swap(other);
        return *this;
    }
    ~sim_file();

    bool is_open() const noexcept { return node_ != nullptr; }

private:
    friend class sim_disk;
    friend class sim_files;
    void swap(sim_file& other) noexcept {
        std::swap(disk_, other.disk_);
        std::swap(node_, other.node_);
        std::swap(path_, other.path_);
        std::swap(life_, other.life_);
        std::swap(writable_, other.writable_);
        std::swap(locks_, other.locks_);
    }

    sim_disk* disk_ = nullptr;
    std::shared_ptr<disk_node> node_;
    std::string path_;  // when it was opened; for the trace
    u64 life_ = 0;      // of the process that opened it
    bool writable_ = false, locks_ = false;
};

// A cheap copyable handle; the disk must outlive it and every file opened through it.
class sim_files {
public:
    using handle = sim_file;
    explicit sim_files(sim_disk& disk) noexcept : disk_(&disk) {}

    result<handle> open(const std::string& path, file_mode mode) noexcept;
    result<u64> read_at(handle& file, u64 offset, mutable_byte_span into) noexcept;
    result<void> write_at(handle& file, u64 offset, std::span<const byte_span> pieces) noexcept;
    result<void> sync_data(handle& file) noexcept;
    result<u64> size(handle& file) noexcept;
    result<void> truncate(handle& file, u64 bytes) noexcept;
    result<void> rename(const std::string& from, const std::string& to) noexcept;
    result<void> remove(const std::string& path) noexcept;
    result<std::vector<std::string>> list(const std::string& directory) noexcept;
    result<void> make_directory(const std::string& path) noexcept;
    result<void> sync_directory(const std::string& path) noexcept;
    result<handle> lock(const std::string& path) noexcept;
    result<u64> free_bytes(const std::string& directory) noexcept;

private:
    sim_disk* disk_;
};

class sim_disk {
public:
    static constexpr u64 unlimited = u64{1} << 50;

    explicit sim_disk(u64 seed, u64 capacity_bytes = unlimited)
        : random_(seed), capacity_(capacity_bytes) {}
    sim_disk(sim_disk&&) = delete;  // files point into it

    sim_files files() noexcept { return sim_files(*this); }

    // ---- crashes -------------------------------------------------------------------------------
    // The nth call from now (1: the next) is the end of the process: it and every later call fails,
    // until one of the two crashes below has been played. 0: none is planned.
    void crash_at(u64 nth, crash_moment moment = crash_moment::before) noexcept {
        crash_in_ = nth;
        crash_moment_ = moment;
        tear_.reset();
    }
    // A write is torn in just this way; before any other call.
    void crash_at(u64 nth, const tear& how) noexcept {
        crash_at(nth);
        tear_ = how;
    }
    bool crashed() const noexcept { return crashed_; }
    // The call that the last planned crash struck.
    const disk_trace_line& crashed_in() const noexcept { return crashed_in_; }
    // kill -9: handles and locks are gone, the page cache survives.
    void process_crash();
    // Only what was synced surely survives.
    void power_cut(power_cut_odds odds = {});

    // ---- faults --------------------------------------------------------------------------------
    // The nth call of that kind from now fails with this errno, and `times - 1` after it; `of`:
    // among the files whose path contains it.
    void fail(disk_call kind, u64 nth, int os, u64 times = 1, std::string of = {}) {
        faults_.push_back({kind, nth, times, 0, os, std::move(of)});
    }
    // Each call of that kind fails with this chance.
    void fail_by_chance(disk_call kind, u32 per_million, int os, std::string of = {}) {
        faults_.push_back({kind, 0, 0, per_million, os, std::move(of)});
    }
    // The next syncs of such files say that all is well, and the device keeps the old contents.
    void lose_writes(u64 times, std::string of = {}) {
        faults_.push_back({disk_call::sync, 1, times, 0, lies, std::move(of)});
    }
    void clear_faults() noexcept { faults_.clear(); }
    void set_capacity(u64 bytes) noexcept { capacity_ = bytes; }
    u64 used_bytes() const noexcept { return *used_; }

    // ---- damage to what is stored; false: there is no such place -------------------------------
    bool flip_bits(const std::string& path, u64 offset, u8 bits = 1);
    bool garble_sector(const std::string& path, u64 offset);
    bool zero_sector(const std::string& path, u64 offset);
    bool make_sector_stale(const std::string& path, u64 offset);
    bool misdirect_sector(const std::string& from_path, u64 from, const std::string& to_path,
                          u64 to);
    // The last synced version of a sector went to another place: here it is missing, there it is.
    bool misdirect_write(const std::string& path, u64 offset, const std::string& to_path, u64 to);
    // Reading it fails with EIO until the whole sector is written again.
    bool break_sector(const std::string& path, u64 offset);
    bool evict(const std::string& path);
    // Everything at and below a path is gone, as if it had never been; "": another, empty disk.
    bool wipe(const std::string& path);

    // ---- what a checker asks -------------------------------------------------------------------
    u64 calls() const noexcept { return calls_; }
    u64 count(disk_call kind) const noexcept { return counts_[static_cast<std::size_t>(kind)]; }
    bool exists(const std::string& path) const { return tree_.find(path) != nullptr; }
    std::vector<std::string> paths() const { return tree_.paths(); }  // of all files, sorted
    std::vector<std::byte> content(const std::string& path) const;    // as the next read sees it
    std::vector<std::byte> durable_content(const std::string& path) const;
    // Reached by durable names alone, with nothing left to sync.
    bool durable(const std::string& path) const;
    // Puts a file there, durable, as if it had always been; parents are made.
    void plant(const std::string& path, byte_span bytes);
    void keep_trace(bool on) noexcept { tracing_ = on; }
    const std::vector<disk_trace_line>& trace() const noexcept { return trace_; }

private:
    friend class sim_files;
    friend class sim_file;

    struct fault {
        disk_call kind;
        u64 nth, times;
        u32 per_million;
        int os;
        std::string of;
    };
    static constexpr int lies = 0;  // no errno
    struct verdict {
        error why;              // none: the call runs
        bool partly = false;    // it fails, but may have had an effect
        bool injected = false;  // by a fault, not by the crash
        bool lost = false;      // a sync that runs and does nothing
        bool torn = false;      // the write that a planned tear cuts off
    };

    verdict begin(disk_call kind, const std::string& path, u64 offset = 0, u64 bytes = 0);
    const fault* due_fault(disk_call kind, const std::string& path);
    error handle_error(const sim_file& file, const char* where) const noexcept;
    result<void> write_pieces(sim_file& file, u64 offset, std::span<const byte_span> pieces,
                              u64 limit);
    void write_torn(sim_file& file, u64 offset, std::span<const byte_span> pieces);
    result<sim_file> open_node(const std::string& path, file_mode mode);
    // Runs a change of names unless the verdict forbids it; one that fails partly may still have
    // happened.
    template <class Change>
    result<void> change_names(disk_call kind, const std::string& path, Change change);
    void end_process() noexcept;

    prng random_;
    u64 capacity_;
    std::shared_ptr<u64> used_ = std::make_shared<u64>(0);
    disk_tree tree_{used_};
    std::vector<fault> faults_;
    u64 life_ = 1, calls_ = 0, crash_in_ = 0;
    crash_moment crash_moment_ = crash_moment::before;
    std::optional<tear> tear_;
    disk_trace_line crashed_in_;
    bool crashed_ = false, tracing_ = false;
    std::array<u64, disk_calls> counts_{};
    std::vector<disk_trace_line> trace_;
    mutable std::mutex guard_;
};

}  // namespace testing
RAFTKIT_NAMESPACE_END

#include <raftkit/testing/sim/disk_calls.hpp>
#include <raftkit/testing/sim/disk_damage.hpp>
