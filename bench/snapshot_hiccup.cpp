// Whether a save is felt. One durable node (log, file snapshots, default throttle) holds a state of
// 1 GiB in a persistent_map and overwrites keys of it, one proposal at a time in flight as a
// trickle of clients would have it; in turn while nothing is saved, and while the whole state is.
// What counts are the gaps between two applies.
//
//   snapshot_hiccup --mib 1024 --rounds 5 --seconds 5 --in-flight 16 --directory .

#include <memory>

#include <raftkit/node/drive/loop.hpp>
#include <raftkit/snapshot/capture/map_image.hpp>
#include <raftkit/snapshot/store/file.hpp>
#include <raftkit/storage/wal/wal.hpp>
#include <raftkit/transport/inproc.hpp>

#include "support/measure.hpp"

using namespace bench;

namespace {

constexpr std::uint32_t value_bytes = 1024;
constexpr double stall_us = 3000, p999_us_max = 10'000, stalls_more_max = 5;

// Command: key, then value.
class map_machine {
public:
    struct restore_writer {
        map_machine* into;
        raftkit::map_stream_reader reader{0};
        raftkit::result<void> write(const raftkit::chunk& piece) {
            if (auto fed = reader.feed(piece.bytes.bytes()); !fed) return fed;
            return piece.end ? reader.finish() : raftkit::result<void>{};
        }
        void commit() noexcept { into->values_.swap(reader.map()); }
    };
    void apply(raftkit::command_range batch, raftkit::reply_sink&) {
        for (const raftkit::command& each : batch)
            values_.insert(raftkit::as_text(each.body.first(8)), each.body.subspan(8));
    }
    raftkit::result<raftkit::persistent_map_image> capture() noexcept { return values_.capture(); }
    raftkit::result<restore_writer> restore(const raftkit::snapshot_meta&) {
        return restore_writer{this};
    }
    // Before the node runs: filling by entries would take as long as the bench itself.
    void fill(std::uint64_t keys) {
        const std::vector<std::byte> value(value_bytes, std::byte{7});
        for (std::uint64_t k = 0; k < keys; ++k)
            values_.insert({reinterpret_cast<const char*>(&k), sizeof k}, value);
    }

private:
    raftkit::persistent_map values_;
};

struct rules : raftkit::default_policies {
    raftkit::trigger::entries trigger{raftkit::trigger::by_hand};
    raftkit::compaction::to_snapshot compaction{};
    raftkit::retention::newest retention{1};
};
using node = raftkit::node<raftkit::wal, raftkit::inproc_transport, map_machine,
                           raftkit::file_snapshots, rules>;

struct phase {
    histogram gaps;
    std::uint64_t stalls = 0;
    double seconds = 0;
};

class bench_node {
public:
    bench_node(const std::string& where, std::uint64_t mib, unsigned in_flight)
        : keys_(mib * 1024),
          node_(numbers(), raftkit::wal(log_numbers(where)), raftkit::inproc_transport(hub_),
                filled(keys_), raftkit::file_snapshots(where + "/snap"), rules()),
          loop_(node_) {
        for (unsigned k = 0; k < in_flight; ++k) slots_.push_back(std::make_unique<slot>(this));
    }
    bool open() {
        if (const auto opened = loop_.open(); !opened) {
            std::fprintf(stderr, "%s\n", opened.why().where);
            return false;
        }
        loop_.on_turn_end([](void* self) noexcept { static_cast<bench_node*>(self)->turn_end(); },
                          this);
        return true;
    }
    void run(unsigned rounds, double seconds) {
        rounds_ = rounds;
        phase_ns_ = static_cast<std::int64_t>(seconds * 1e9);
        loop_.run_here();
    }
    std::vector<phase> without, with;
    std::vector<double> save_mb_a_second;

private:
    struct slot : raftkit::operation {
        explicit slot(bench_node* home) : operation(&slot::end), of(home) {}
        static void end(raftkit::operation& self, raftkit::error how, raftkit::byte_span) noexcept {
            slot& mine = static_cast<slot&>(self);
            mine.of->applied(mine, !how);
        }
        bench_node* of;
    };
    struct save : raftkit::snapshot_ticket {
        explicit save(bench_node* home) : snapshot_ticket(&save::end), of(home) {}
        static void end(raftkit::operation& self, raftkit::error how, raftkit::byte_span) noexcept {
            static_cast<save&>(self).of->saved(!how);
        }
        bench_node* of;
    };

    static raftkit::node_options numbers() {
        raftkit::node_options made;
        made.who.self = {1};
        made.cluster_name = "bench";
        raftkit::configuration members;
        members.members.resize(1);
        members.members[0].id = {1};
        made.bootstrap = members;
        made.close_timeout = {};
        return made;
    }
    static raftkit::wal_options log_numbers(const std::string& where) {
        raftkit::wal_options made;
        made.directory = where;
        return made;
    }
    static map_machine filled(std::uint64_t keys) {
        map_machine made;
        made.fill(keys);
        return made;
    }

    void propose(slot& one) {
        const std::uint64_t key = (next_key_ += 0x9e3779b97f4a7c15u) % keys_;
        std::memcpy(command_.data(), &key, sizeof key);
        node_.propose(command_, one);
    }
    void applied(slot& one, bool good) {
        if (ending_) return;
        if (!good) {
            std::fprintf(stderr, "a proposal failed\n");
            std::exit(1);
        }
        propose(one);
        if (stamped_) return;  // what is applied in one turn is one apply
        stamped_ = true;
        const std::int64_t now = now_ns();
        if (last_ != 0) {
            now_in_.gaps.add(now - last_);
            now_in_.stalls += static_cast<double>(now - last_) > stall_us * 1e3;
        }
        last_ = now;
    }
    void turn_end() {
        stamped_ = false;
        const std::int64_t now = now_ns();
        if (state_ == state::waiting) {
            const raftkit::node_status seen = node_.status();
            if (seen.role != raftkit::role_kind::leader ||
                seen.phase != raftkit::node_phase::serving) {
                return;
            }
            settle_until_ = settle_until_ == 0 ? now + 4'000'000'000 : settle_until_;
            if (now < settle_until_) return;  // spares are filled
            for (auto& each : slots_) propose(*each);
            enter(state::warming, now);
            return;
        }
        if (ending_ || state_ == state::saving || now < phase_end_) return;
        if (state_ == state::quiet) without.push_back(leave(now));
        if (state_ == state::quiet) {
            enter(state::saving, now);
            node_.snapshot_now(save_);
        } else {
            enter(state::quiet, now);
        }
    }
    void saved(bool good) {
        if (!good) {
            std::fprintf(stderr, "the save failed\n");
            std::exit(1);
        }
        const std::int64_t now = now_ns();
        with.push_back(leave(now));
        save_mb_a_second.push_back(static_cast<double>(keys_ * (value_bytes + 16)) / 1e6 /
                                   with.back().seconds);
        std::printf(
            "round %zu: quiet %.1f s, p99.9 %.0f us, %lu stalls; saving %.1f s, p99.9 %.0f "
            "us, %lu stalls\n",
            with.size(), without.back().seconds, without.back().gaps.quantile_us(0.999),
            without.back().stalls, with.back().seconds, with.back().gaps.quantile_us(0.999),
            with.back().stalls);
        std::fflush(stdout);
        if (with.size() == rounds_) {
            ending_ = true;
            loop_.stop({});
            return;
        }
        enter(state::resting, now);
    }
    enum class state { waiting, warming, resting, quiet, saving };
    void enter(state next, std::int64_t now) {
        state_ = next;
        began_ = now;
        phase_end_ =
            now + (next == state::resting || next == state::warming ? 1'000'000'000 : phase_ns_);
        now_in_ = {};
        last_ = 0;
    }
    phase leave(std::int64_t now) {
        now_in_.seconds = static_cast<double>(now - began_) / 1e9;
        return now_in_;
    }

    std::uint64_t keys_;
    raftkit::inproc_hub hub_;
    node node_;
    raftkit::drive::loop<node> loop_;
    std::vector<std::unique_ptr<slot>> slots_;
    save save_{this};
    std::array<std::byte, 8 + value_bytes> command_{};
    std::uint64_t next_key_ = 0;
    state state_ = state::waiting;
    phase now_in_;
    std::int64_t last_ = 0, began_ = 0, phase_end_ = 0, settle_until_ = 0, phase_ns_ = 0;
    unsigned rounds_ = 0;
    bool ending_ = false, stamped_ = false;
};

spread tail_of(const std::vector<phase>& of) {
    std::vector<double> made;
    for (const phase& each : of) made.push_back(each.gaps.quantile_us(0.999));
    return spread_of(made);
}
// In as much time as the save took.
spread stalls_of(const std::vector<phase>& of, const std::vector<phase>& time) {
    std::vector<double> made;
    for (std::size_t k = 0; k < of.size(); ++k)
        made.push_back(static_cast<double>(of[k].stalls) * time[k].seconds / of[k].seconds);
    return spread_of(made);
}

}  // namespace

int main(int count, char** words) {
    arguments given(count, words);
    const auto mib = static_cast<std::uint64_t>(given.number("--mib", 1024));
    const auto rounds = static_cast<unsigned>(given.number("--rounds", 5));
    const double seconds = given.number("--seconds", 5);
    const auto in_flight = static_cast<unsigned>(given.number("--in-flight", 16));
    const std::string where = given.text("--directory", ".");
    if (!given.all_known() || mib == 0 || rounds == 0 || in_flight == 0) return 2;
    print_machine();
    print_load("before");
    const scratch directory(where);
    const auto here = std::make_unique<bench_node>(directory.path(), mib, in_flight);
    if (!here->open()) return 1;
    here->run(rounds, seconds);

    const spread quiet = tail_of(here->without), saving = tail_of(here->with);
    const spread quiet_stalls = stalls_of(here->without, here->with),
                 stalls = stalls_of(here->with, here->with),
                 rate = spread_of(here->save_mb_a_second);
    const double tail_max = std::max(p999_us_max, 2 * quiet.middle);
    const double stalls_max = stalls_more_max + 2 * quiet_stalls.middle;
    std::printf("\n%lu MiB, %u in flight; min / median / max of %zu rounds\n",
                static_cast<unsigned long>(mib), in_flight, here->with.size());
    std::printf(
        "  gap between applies, p99.9 us: quiet %.0f / %.0f / %.0f, saving %.0f / %.0f / %.0f; at "
        "most %.0f: %s\n",
        quiet.low, quiet.middle, quiet.high, saving.low, saving.middle, saving.high, tail_max,
        saving.middle <= tail_max ? "met" : "MISSED");
    std::printf(
        "  stalls above 3 ms in the time of a save: quiet %.1f / %.1f / %.1f, saving %.0f / "
        "%.0f / %.0f; at most %.1f: %s\n",
        quiet_stalls.low, quiet_stalls.middle, quiet_stalls.high, stalls.low, stalls.middle,
        stalls.high, stalls_max, stalls.middle <= stalls_max ? "met" : "MISSED");
    std::printf("  saved at %.0f / %.0f / %.0f MB/s\n", rate.low, rate.middle, rate.high);
    print_load("after");
}
