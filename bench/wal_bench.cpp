// What the log costs over the disk: records of 128 bytes sealed, appended and made durable in
// groups of 1, 16, 256 and 1024, against the bare operation on the same file system: one pwritev
// and one fdatasync a group, into a file that was filled with zeros (the floor) and at the end of
// one that grows. And how fast a log is read again.
//
//   wal_bench --directory . [options of google-benchmark]

#include <fcntl.h>
#include <sys/uio.h>

#include <memory>

#include <raftkit/storage/wal/wal.hpp>

#include "support/measure.hpp"
#include "support/ratios.hpp"

using namespace raftkit;

namespace {

constexpr u32 command_bytes = 128;
constexpr u32 entry_bytes = record_bytes(command_bytes);
constexpr u32 sector_bytes = 512;
constexpr u64 compact_every_bytes = 64u << 20;

const std::string* directory = nullptr;

// A group of sealed records with the next indexes.
class group_maker {
public:
    explicit group_maker(u32 count) : count_(count), block_(pool_.acquire(block_bytes)) {}
    ~group_maker() { release_block(block_); }
    run_view next() {
        run_view made;
        made.owner = block_;
        made.bytes = count_ * entry_bytes;
        made.first = last_.next();
        made.term = {1};
        made.count = count_;
        for (u32 k = 0; k < count_; ++k) {
            last_ = last_.next();
            std::byte* record = block_->bytes() + k * entry_bytes;
            store_le(record + record_header_bytes, last_.value);
            seal_record(record, {last_, {1}}, 0, 0, command_bytes);
        }
        return made;
    }
    index_t last() const { return last_; }

private:
    block_pool pool_;
    u32 count_;
    block* block_;
    index_t last_;
};

class log_on_disk {
public:
    explicit log_on_disk(std::string path) : path_(std::move(path)), log_(numbers()) {
        base_.members.members.resize(1);
        base_.members.members[0].id = {1};
    }
    ~log_on_disk() { log_.close(); }
    bool open() {
        const auto found = log_.open({1, 1, {1}, 0}, {&box_});
        return bool(found) && !found->found;
    }
    // Lets the spares be filled: what a log that runs for long has.
    void settle() const {
        for (int k = 0; k < 200 && !std::ifstream(path_ + "/spare-0000000000000002.log"); ++k)
            usleep(50'000);
    }
    bool append(const run_view& entries) {
        persist_batch batch;
        batch.id = {++tickets_};
        batch.append = {&entries, 1};
        (void)log_.persist(batch);
        const persisted done = log_.flush();
        written_ += entries.bytes;
        if (written_ >= compact_every_bytes) {
            written_ = 0;
            base_.at = {entries.last(), {1}};
            log_.compact(base_);
        }
        return !done.status && done.upto == batch.id;
    }
    void begin() {  // a first vote, so that the log has a term
        const hard_state hard{{1}, {1}, {}};
        persist_batch batch;
        batch.id = {++tickets_};
        batch.hard = &hard;
        (void)log_.persist(batch);
        (void)log_.flush();
    }

private:
    wal_options numbers() const {
        wal_options made;
        made.directory = path_;
        made.sync_inline_max = seconds(10);  // always on this thread
        return made;
    }
    std::string path_;
    mailbox box_;
    wal log_;
    log_base base_;
    u64 tickets_ = 0, written_ = 0;
};

void wal_append(benchmark::State& state) {
    const std::string path = *directory + "/wal" + std::to_string(state.range(0));
    const auto count = static_cast<u32>(state.range(0));
    (void)std::system(("rm -rf '" + path + "'").c_str());
    log_on_disk log(path);
    if (!log.open()) return state.SkipWithError("the log does not open");
    log.begin();
    log.settle();
    group_maker groups(count);
    for (auto _ : state) {
        if (!log.append(groups.next())) return state.SkipWithError("the log failed");
    }
    state.SetItemsProcessed(state.iterations() * count);
}

class raw_file {
public:
    raw_file(const std::string& path, u64 zeros) : bytes_(zeros) {
        fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
        const std::vector<char> piece(1u << 20);
        for (u64 at = 0; at < zeros; at += piece.size())
            good_ = good_ && ::pwrite(fd_, piece.data(), piece.size(), static_cast<off_t>(at)) > 0;
        good_ = good_ && ::fsync(fd_) == 0;
    }
    raw_file(const raw_file&) = delete;
    ~raw_file() { ::close(fd_); }
    bool append(const run_view& entries) {
        const u64 whole = round_up(u64{64} + entries.bytes, sector_bytes);
        if (bytes_ != 0 && at_ + whole > bytes_) at_ = 0;
        iovec pieces[3] = {{header_, 64},
                           {const_cast<std::byte*>(entries.data()), entries.bytes},
                           {rest_, whole - 64 - entries.bytes}};
        good_ = good_ &&
                ::pwritev(fd_, pieces, 3, static_cast<off_t>(at_)) == static_cast<ssize_t>(whole) &&
                ::fdatasync(fd_) == 0;
        at_ += whole;
        return good_;
    }

private:
    u64 bytes_, at_ = 0;
    int fd_ = -1;
    bool good_ = true;
    char header_[64]{}, rest_[sector_bytes]{};
};

void raw_append(benchmark::State& state, u64 zeros) {
    const std::string path = *directory + (zeros != 0 ? "/zeros" : "/grows");
    raw_file file(path, zeros);
    const auto count = static_cast<u32>(state.range(0));
    group_maker groups(count);
    for (auto _ : state) {
        if (!file.append(groups.next())) return state.SkipWithError("the file failed");
    }
    state.SetItemsProcessed(state.iterations() * count);
}

// Open, check and replay a segment of 60 MiB in the page cache.
void wal_recover(benchmark::State& state) {
    const std::string path = *directory + "/recovered";
    constexpr u64 bytes = 60u << 20;  // one segment: nothing is compacted away
    {
        (void)std::system(("rm -rf '" + path + "'").c_str());
        log_on_disk log(path);
        if (!log.open()) return state.SkipWithError("the log does not open");
        log.begin();
        group_maker groups(1024);
        for (u64 written = 0; written < bytes; written += 1024 * entry_bytes) {
            if (!log.append(groups.next())) return state.SkipWithError("the log failed");
        }
    }
    for (auto _ : state) {
        log_on_disk log(path);
        if (!log.open()) return state.SkipWithError("the log does not open again");
    }
    state.SetItemsProcessed(static_cast<i64>(state.iterations() * (bytes / entry_bytes)));
    state.SetBytesProcessed(static_cast<i64>(state.iterations() * bytes));
}

BENCHMARK(wal_append)->Name("wal")->Arg(1)->Arg(16)->Arg(256)->Arg(1024)->UseRealTime();
BENCHMARK_CAPTURE(raw_append, zeros, 64u << 20)
    ->Name("floor")
    ->Arg(1)
    ->Arg(16)
    ->Arg(256)
    ->Arg(1024)
    ->UseRealTime();
BENCHMARK_CAPTURE(raw_append, grows, 0)
    ->Name("growing")
    ->Arg(1)
    ->Arg(16)
    ->Arg(256)
    ->Arg(1024)
    ->UseRealTime();
BENCHMARK(wal_recover)->Name("recover")->Arg(60)->UseRealTime();

}  // namespace

int main(int count, char** words) {
    std::vector<char*> all(words, words + count);
    std::string where = ".";
    for (std::size_t at = 1; at + 1 < all.size(); ++at) {
        if (std::string_view(all[at]) != "--directory") continue;
        where = all[at + 1];
        all.erase(all.begin() + static_cast<std::ptrdiff_t>(at),
                  all.begin() + static_cast<std::ptrdiff_t>(at) + 2);
    }
    std::string interleave = "--benchmark_enable_random_interleaving=true",
                rounds = "--benchmark_repetitions=5", time = "--benchmark_min_time=0.3";
    all.insert(all.begin() + 1, {interleave.data(), rounds.data(), time.data()});
    int given = static_cast<int>(all.size());
    benchmark::Initialize(&given, all.data());
    if (benchmark::ReportUnrecognizedArguments(given, all.data())) return 2;
    bench::print_machine();
    bench::print_load("before");
    const bench::scratch data(where);
    directory = &data.path();
    bench::ratio_reporter reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
    benchmark::Shutdown();
}
