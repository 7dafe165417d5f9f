#pragma once
// Three processes of one system, and how the bench talks to them: orders go down a pipe to the one
// that leads, outcomes come back up. The processes live through all rounds and sleep while another
// system is measured.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>

#include "support/load.hpp"

namespace bench {

// A member's own end.
struct seat {
    unsigned id = 0;  // 1 to 3
    std::string directory;
    std::array<unsigned, 3> ports{};
    int orders = -1, outcomes = -1;
    std::atomic<bool>* leads = nullptr;

    std::string address(unsigned of) const { return "127.0.0.1:" + std::to_string(ports[of - 1]); }
    bool take(order& into) const {
        return read(orders, &into, sizeof into) == static_cast<ssize_t>(sizeof into);
    }
    void answer(const outcome& said) const {
        if (write(outcomes, &said, sizeof said) < 0) _exit(1);
    }
};

// Free when it looked.
inline unsigned free_port() {
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    (void)bind(probe, reinterpret_cast<sockaddr*>(&at), size);
    (void)getsockname(probe, reinterpret_cast<sockaddr*>(&at), &size);
    close(probe);
    return ntohs(at.sin_port);
}

class trio {
public:
    using body = void (*)(seat& mine);

    trio(const char* name, body live, const std::string& parent) : name_(name) {
        leads_ = static_cast<std::atomic<bool>*>(
            mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
        std::array<unsigned, 3> ports{};
        for (unsigned& each : ports) each = free_port();
        for (unsigned k = 0; k < 3; ++k) {
            seat made;
            made.id = k + 1;
            made.ports = ports;
            made.directory = parent + "/" + name + std::to_string(k + 1);
            made.leads = leads_ + k;
            if (mkdir(made.directory.c_str(), 0750) != 0) std::perror(made.directory.c_str());
            directories_[k] = made.directory;
            start(k, made, live);
        }
    }
    trio(const trio&) = delete;
    ~trio() {
        for (const pid_t each : pids_) kill(each, SIGKILL);
        for (const pid_t each : pids_) waitpid(each, nullptr, 0);
    }

    const char* name() const { return name_; }
    const std::string& directory(unsigned k) const { return directories_[k]; }
    bool wait_for_leader(double seconds) const {
        for (const std::int64_t until = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
             now_ns() < until; usleep(20'000)) {
            if (leader() < 3) return true;
        }
        return false;
    }
    outcome run(const order& wanted) {
        if (!wait_for_leader(20)) return {};
        const unsigned at = leader();
        if (at >= 3) return {};
        const std::int64_t before = cpu();
        if (write(orders_[at], &wanted, sizeof wanted) < 0) return {};
        pollfd waits{outcomes_[at], POLLIN, 0};
        outcome said;
        const int patience = static_cast<int>((wanted.warm + wanted.seconds + 20) * 1000);
        if (poll(&waits, 1, patience) != 1 || read(outcomes_[at], &said, sizeof said) <= 0) {
            std::fprintf(stderr, "%s: no answer\n", name_);
            return {};
        }
        if (said.all_entries != 0) {
            said.cpu_us =
                static_cast<double>(cpu() - before) / 1e3 / static_cast<double>(said.all_entries);
        }
        return said;
    }

private:
    void start(unsigned k, seat made, body live) {
        int down[2], up[2];
        if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0) std::exit(1);
        made.orders = down[0];
        made.outcomes = up[1];
        std::fflush(nullptr);
        pids_[k] = fork();
        if (pids_[k] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            signal(SIGPIPE, SIG_IGN);
            live(made);
            _exit(1);
        }
        close(down[0]);
        close(up[1]);
        orders_[k] = down[1];
        outcomes_[k] = up[0];
    }
    unsigned leader() const {
        unsigned at = 0;
        while (at < 3 && !leads_[at].load()) ++at;
        return at;
    }
    std::int64_t cpu() const {
        std::int64_t sum = 0;
        for (const pid_t each : pids_) sum += cpu_ns(each);
        return sum;
    }

    const char* name_;
    std::atomic<bool>* leads_ = nullptr;
    std::array<pid_t, 3> pids_{};
    std::array<int, 3> orders_{}, outcomes_{};
    std::array<std::string, 3> directories_;
};

}  // namespace bench
