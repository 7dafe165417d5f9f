// A durable cluster of three processes over TCP on loopback: 128-byte proposals from a client
// inside the leader's loop, W of them in flight. In turn with the bare quorum probe, which is the
// limit, and with cowsql's C-Raft where it was found, all on one file system:
//
//   durable_cluster --rounds 5 --seconds 2 --in-flight 1,64,1024 --directory .

#include <memory>

#include "support/quorum_probe.hpp"
#include "support/raftkit_member.hpp"
#if defined(BENCH_HAS_COWSQL)
#include "support/cowsql_member.hpp"
#endif

using namespace bench;

namespace {

constexpr double probe_p99_us_max = 2000;  // above it the machine was busy with something else
constexpr double cowsql_factor_min = 8, probe_p999_factor_max = 3;

struct row {
    std::vector<double> a_second, p50, p99, p999, cpu_us;
    void add(const outcome& said) {
        a_second.push_back(said.a_second);
        p50.push_back(said.p50);
        p99.push_back(said.p99);
        p999.push_back(said.p999);
        cpu_us.push_back(said.cpu_us);
    }
};

void print(const char* name, const row& of) {
    const spread rate = spread_of(of.a_second), p50 = spread_of(of.p50), p99 = spread_of(of.p99),
                 p999 = spread_of(of.p999), cpu = spread_of(of.cpu_us);
    std::printf(
        "  %-8s %8.0f / %8.0f / %8.0f   %6.0f / %6.0f / %6.0f   %6.0f / %6.0f / %6.0f   "
        "%6.0f / %6.0f / %6.0f   %6.2f\n",
        name, rate.low, rate.middle, rate.high, p50.low, p50.middle, p50.high, p99.low, p99.middle,
        p99.high, p999.low, p999.middle, p999.high, cpu.middle);
}

// The median of the quotients of one round each.
spread quotient(const std::vector<double>& of, const std::vector<double>& by) {
    std::vector<double> made;
    for (std::size_t k = 0; k < of.size() && k < by.size(); ++k) {
        if (by[k] > 0) made.push_back(of[k] / by[k]);
    }
    return spread_of(made);
}
void print_quotient(const char* what, const spread& of, const char* verdict) {
    std::printf("  %-30s %6.2f / %6.2f / %6.2f   %s\n", what, of.low, of.middle, of.high, verdict);
}

class comparison {
public:
    comparison(std::vector<unsigned> in_flight, double seconds, const std::string& where)
        : in_flight_(std::move(in_flight)), seconds_(seconds), rows_(in_flight_.size()) {
        systems_.push_back(std::make_unique<trio>("probe", probe::member, where));
        systems_.push_back(std::make_unique<trio>("raftkit", kit::member, where));
#if defined(BENCH_HAS_COWSQL)
        systems_.push_back(std::make_unique<trio>("cowsql", cowsql::member, where));
#else
        std::printf(
            "cowsql's C-Raft was not there at configure time and is left out "
            "(apt install libraft-dev libuv1-dev)\n");
#endif
        for (auto& each : rows_) each.resize(systems_.size());
        lost_.resize(in_flight_.size());
    }
    bool ready() {
        for (const auto& each : systems_) {
            if (each->wait_for_leader(30)) continue;
            std::fprintf(stderr, "%s: nobody leads\n", each->name());
            return false;
        }
        for (int k = 0; k < 600 && !kit::prepared(*systems_[1]); ++k) usleep(100'000);
        return true;
    }
    void round(unsigned number) {
        for (std::size_t at = 0; at < in_flight_.size(); ++at) {
            std::vector<outcome> said;
            // The order turns, so that none always runs behind the same neighbour.
            said.resize(systems_.size());
            for (std::size_t k = 0; k < systems_.size(); ++k) {
                const std::size_t which = (k + number) % systems_.size();
                said[which] = systems_[which]->run({in_flight_[at], seconds_ / 4, seconds_});
            }
            take(at, said);
        }
    }
    void report() const {
        for (std::size_t at = 0; at < in_flight_.size(); ++at) {
            std::printf(
                "\n%u in flight: entries/s; p50, p99, p99.9 in us (each min / median / max "
                "of %zu rounds); CPU us an entry, all three nodes\n",
                in_flight_[at], rows_[at][0].a_second.size());
            for (std::size_t k = 0; k < systems_.size(); ++k)
                print(systems_[k]->name(), rows_[at][k]);
            if (lost_[at] != 0) {
                std::printf(
                    "  %u rounds are not counted (probe p99 above %.0f us, or a failed "
                    "run)\n",
                    lost_[at], probe_p99_us_max);
            }
            quotients(at);
        }
        std::fflush(stdout);
    }

private:
    void take(std::size_t at, const std::vector<outcome>& said) {
        bool counts = said[0].p99 <= probe_p99_us_max;
        std::printf("%5u in flight:", in_flight_[at]);
        for (std::size_t k = 0; k < said.size(); ++k) {
            counts = counts && said[k].good;
            std::printf("  %s %.0f/s p99 %.0f p99.9 %.0f us cpu %.2f us%s", systems_[k]->name(),
                        said[k].a_second, said[k].p99, said[k].p999, said[k].cpu_us,
                        said[k].good ? "" : " FAILED");
        }
        std::printf("%s\n", counts ? "" : "  (not counted)");
        std::fflush(stdout);
        if (!counts) {
            ++lost_[at];
            return;
        }
        for (std::size_t k = 0; k < said.size(); ++k) rows_[at][k].add(said[k]);
    }
    void quotients(std::size_t at) const {
        const auto& rows = rows_[at];
        if (rows[0].a_second.empty()) return;
        print_quotient("raftkit / probe, entries/s", quotient(rows[1].a_second, rows[0].a_second),
                       "");
        const spread tail = quotient(rows[1].p999, rows[0].p999);
        const bool judged = in_flight_[at] == 1024;
        print_quotient("raftkit / probe, p99.9", tail,
                       !judged                                ? ""
                       : tail.middle <= probe_p999_factor_max ? "at most 3: met"
                                                              : "at most 3: MISSED");
        if (rows.size() < 3) return;
        const spread rate = quotient(rows[1].a_second, rows[2].a_second);
        print_quotient("raftkit / cowsql, entries/s", rate,
                       !judged                            ? ""
                       : rate.middle >= cowsql_factor_min ? "at least 8: met"
                                                          : "at least 8: MISSED");
    }

    std::vector<unsigned> in_flight_;
    double seconds_;
    std::vector<std::unique_ptr<trio>> systems_;
    std::vector<std::vector<row>> rows_;  // by in flight, by system
    std::vector<unsigned> lost_;
};

}  // namespace

int main(int count, char** words) {
    arguments given(count, words);
    const auto rounds = static_cast<unsigned>(given.number("--rounds", 5));
    const double seconds = given.number("--seconds", 2);
    const std::vector<unsigned> in_flight = given.list("--in-flight", "1,64,1024");
    const std::string where = given.text("--directory", ".");
    if (!given.all_known()) return 2;
    print_machine();
    print_load("before");
    const scratch directory(where);
    comparison all(in_flight, seconds, directory.path());
    if (!all.ready()) return 1;
    for (unsigned k = 0; k < rounds; ++k) all.round(k);
    all.report();
    print_load("after");
}
