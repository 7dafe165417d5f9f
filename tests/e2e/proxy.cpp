// Faulty wires between nodes: one process, one listening port for every ordered pair of members, so
// that each node dials each peer through a port of its own and the wires of a pair can fail apart.
//
//   proxy SEED FROM:TO:PORT:TARGET...      then commands on stdin, each answered by a line
//
//   FROM TO pass                 `*` stands for all: this and what follows holds from now on
//   FROM TO drop                 reads and forgets: the connections end when the wire heals
//   FROM TO stall                reads nothing: what was sent comes late, after the wire heals
//   FROM TO refuse               FROM can't dial TO, and its connections end
//   FROM TO delay LOW HIGH       milliseconds, in order
//   FROM TO slow BYTES           a second
//   FROM TO reset LOW HIGH       a connection lives so many milliseconds
//   FROM TO corrupt BYTES        turns a bit about every so many bytes
//   FROM TO route PORT           new connections go to another port than they should
//   counts                       what was done so far, as `name=value` words
//
// A direction is what counts, not who dialled: FROM TO rules the bytes that leave FROM on the
// connections of both. A connection is judged by the rule of the moment in which bytes are read.
// Only libc, and poll: there are some dozens of connections.

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <list>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "proxy.hpp"

namespace {

using namespace wires;

class proxy {
public:
    proxy(unsigned long long seed, const std::vector<std::string>& doors) : random_(seed) {
        for (const std::string& each : doors) open_door(each);
    }

    int run();

private:
    void open_door(const std::string& words);
    void command(const std::string& line);
    void change(int from, int to, const wire& into);
    void accept(door& at);
    void take(pipe_pair& on, lane& way);
    void spoil(lane& way, std::string& bytes);
    void give(pipe_pair& on, lane& way);
    void serve(pipe_pair& on, short dialler, short dialled);
    void end(pipe_pair& on);
    moment watch(std::vector<pollfd>& watched);
    void serve_all(const std::vector<pollfd>& watched);
    bool obey();
    long long draw(long long low, long long high) {
        return std::uniform_int_distribution<long long>(low, std::max(low, high))(random_);
    }
    static bool reads(const lane& way) {
        return !way.ended && way.rule->is != fault::stall && way.bytes < held_max;
    }
    static moment due(const lane& way) {
        if (way.held.empty() || way.rule->is == fault::stall) return never;
        return way.held.front().due;
    }

    std::mt19937_64 random_;
    std::list<door> doors_;
    std::list<pipe_pair> pipes_;
    std::map<std::pair<int, int>, wire> wires_;
    std::map<std::string, long long> counts_;
    std::string typed_;
};

void proxy::open_door(const std::string& words) {
    door made;
    int port = 0;
    if (sscanf(words.c_str(), "%d:%d:%d:%d", &made.from, &made.to, &port, &made.target) != 4) {
        fprintf(stderr, "proxy: not FROM:TO:PORT:TARGET: %s\n", words.c_str());
        _exit(2);
    }
    made.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(made.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in at = local(port);
    if (bind(made.fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) die("proxy: bind");
    if (listen(made.fd, 64) != 0) die("proxy: listen");
    doors_.push_back(made);
    wires_[{made.from, made.to}] = {};
}

void proxy::command(const std::string& line) {
    std::istringstream words(line);
    std::string from, to, what;
    words >> from >> to >> what;
    if (from == "counts") {
        counts_["open"] = static_cast<long long>(pipes_.size());
        for (const auto& [name, value] : counts_) printf("%s=%lld ", name.c_str(), value);
        printf("\n");
        return;
    }
    static const std::map<std::string, fault> names = {
        {"pass", fault::pass},     {"drop", fault::drop},       {"stall", fault::stall},
        {"refuse", fault::refuse}, {"delay", fault::delay},     {"slow", fault::slow},
        {"reset", fault::reset},   {"corrupt", fault::corrupt}, {"route", fault::route}};
    const auto found = names.find(what);
    wire into;
    words >> into.low >> into.high;
    bool any = false;
    if (found != names.end()) {
        into.is = found->second;
        for (const auto& [pair, unused] : wires_) {
            const bool chosen = (from == "*" || from == std::to_string(pair.first)) &&
                                (to == "*" || to == std::to_string(pair.second));
            if (chosen) change(pair.first, pair.second, into);
            any |= chosen;
        }
    }
    printf(any ? "ok\n" : "not a command: %s\n", line.c_str());
}

void proxy::change(int from, int to, const wire& into) {
    wire& rule = wires_[{from, to}];
    rule = into;
    const moment now = now_is();
    for (pipe_pair& each : pipes_) {
        for (lane* way : {&each.forth, &each.back}) {
            if (way->rule != &rule) continue;
            // What was forgotten can't be told apart from what was never sent, except by an end.
            if (way->lost && into.is != fault::drop) end(each);
            if (way->ended) end(each);  // no event would tell of it again
            const lane& other = way == &each.forth ? each.back : each.forth;
            if (into.is == fault::reset) {
                each.reset_at = now + draw(into.low, into.high) * millisecond;
            } else if (other.rule->is != fault::reset) {
                each.reset_at = never;
            }
            if (into.is == fault::pass || into.is == fault::corrupt) {
                for (piece& held : way->held) held.due = now;
                way->last_due = now;
            }
        }
        if (each.of->from != from || each.of->to != to) continue;
        if (into.is == fault::refuse || into.is == fault::route) end(each);
        // A connection that leads to the wrong node does not outlive the wrong way.
        if (into.is == fault::pass && each.forth.lost) end(each);
    }
}

void proxy::accept(door& at) {
    const int fd = accept4(at.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    const wire& rule = wires_[{at.from, at.to}];
    if (rule.is == fault::refuse) {
        ++counts_["refused"];
        return close_with_reset(fd);
    }
    const int onward = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const bool astray = rule.is == fault::route;
    counts_["astray"] += astray;
    const sockaddr_in target = local(astray ? static_cast<int>(rule.low) : at.target);
    set_nodelay(fd);
    set_nodelay(onward);
    if (connect(onward, reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0 &&
        errno != EINPROGRESS) {
        close_with_reset(fd);
        close(onward);
        return;
    }
    ++counts_["connections"];
    pipes_.emplace_back();
    pipe_pair& made = pipes_.back();
    made.of = &at;
    made.forth.in = made.back.out = fd;
    made.forth.out = made.back.in = onward;
    made.forth.rule = &wires_[{at.from, at.to}];
    made.back.rule = &wires_[{at.to, at.from}];
    made.forth.lost = astray;
    for (lane* way : {&made.forth, &made.back}) {
        const wire& now = *way->rule;
        if (now.is == fault::corrupt) way->until_corrupt = draw(1, 2 * now.low);
        if (now.is == fault::reset)
            made.reset_at = now_is() + draw(now.low, now.high) * millisecond;
    }
}

void proxy::end(pipe_pair& on) {
    if (on.gone) return;
    on.gone = true;
    ++counts_["ended"];
    close_with_reset(on.forth.in);
    close_with_reset(on.forth.out);
}

// Turns a bit where the countdown ends.
void proxy::spoil(lane& way, std::string& bytes) {
    size_t at = 0;
    while (true) {
        if (way.until_corrupt <= 0) way.until_corrupt = draw(1, 2 * way.rule->low);
        if (static_cast<size_t>(way.until_corrupt) > bytes.size() - at) break;
        at += static_cast<size_t>(way.until_corrupt);
        bytes[at - 1] = static_cast<char>(bytes[at - 1] ^ (1 << draw(0, 7)));
        way.until_corrupt = 0;
        ++counts_["corrupted"];
    }
    way.until_corrupt -= static_cast<long long>(bytes.size() - at);
}

void proxy::take(pipe_pair& on, lane& way) {
    static char room[64 * 1024];
    const wire& rule = *way.rule;
    // Slow wires are read in pieces of a twentieth of a second, so that they flow instead of jump.
    const size_t most = rule.is == fault::slow
                            ? std::clamp<size_t>(static_cast<size_t>(rule.low) / 20, 1, sizeof room)
                            : sizeof room;
    const ssize_t got = recv(way.in, room, most, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) return end(on);
    if (got == 0) {
        way.ended = true;
        return;
    }
    counts_["bytes"] += got;
    if (rule.is == fault::drop) {
        way.lost = true;
        counts_["dropped"] += got;
        return;
    }
    std::string bytes(room, static_cast<size_t>(got));
    if (rule.is == fault::corrupt) spoil(way, bytes);
    const moment now = now_is();
    moment due = std::max(now, way.last_due);
    if (rule.is == fault::delay) {
        due = std::max(due, now + draw(rule.low * millisecond, rule.high * millisecond));
    } else if (rule.is == fault::slow) {
        due += got * 1'000'000'000LL / std::max(1LL, rule.low);
    }
    way.last_due = due;
    way.bytes += bytes.size();
    way.held.push_back({due, std::move(bytes)});
}

void proxy::give(pipe_pair& on, lane& way) {
    const moment now = now_is();
    while (!on.gone && due(way) <= now) {
        piece& first = way.held.front();
        const ssize_t done = send(way.out, first.bytes.data() + way.sent,
                                  first.bytes.size() - way.sent, MSG_NOSIGNAL);
        if (done < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (done < 0) return end(on);
        way.sent += static_cast<size_t>(done);
        way.bytes -= static_cast<size_t>(done);
        if (way.sent < first.bytes.size()) return;
        way.held.pop_front();
        way.sent = 0;
    }
    if (on.gone || !way.ended || way.shut || !way.held.empty() || way.rule->is == fault::drop)
        return;
    way.shut = true;
    shutdown(way.out, SHUT_WR);
    if (on.forth.shut && on.back.shut) end(on);
}

void proxy::serve(pipe_pair& on, short dialler, short dialled) {
    if (on.connecting) {
        if ((dialled & (POLLOUT | POLLERR | POLLHUP)) == 0) return;
        int failed = 0;
        socklen_t size = sizeof failed;
        getsockopt(on.forth.out, SOL_SOCKET, SO_ERROR, &failed, &size);
        if (failed != 0) return end(on);
        on.connecting = false;
    }
    // After both sides closed there is nothing to wait for, whatever is still under way.
    if (((dialler | dialled) & POLLERR) != 0) return end(on);
    if ((dialler & (POLLIN | POLLHUP)) != 0 && reads(on.forth)) take(on, on.forth);
    if (!on.gone && (dialled & (POLLIN | POLLHUP)) != 0 && reads(on.back)) take(on, on.back);
    if (!on.gone) give(on, on.forth);
    if (!on.gone) give(on, on.back);
    if (!on.gone && on.forth.ended && on.back.ended && on.forth.held.empty() &&
        on.back.held.empty()) {
        end(on);
    }
}

// Fills in who is waited for; returns the moment in which something is due.
moment proxy::watch(std::vector<pollfd>& watched) {
    watched.clear();
    watched.push_back({0, POLLIN, 0});
    for (const door& each : doors_) watched.push_back({each.fd, POLLIN, 0});
    moment next = never;
    const moment now = now_is();
    for (const pipe_pair& each : pipes_) {
        next = std::min(next, each.reset_at);
        short dialler = 0, dialled = 0;
        if (each.connecting) {
            dialled = POLLOUT;
        } else {
            if (reads(each.forth)) dialler |= POLLIN;
            if (reads(each.back)) dialled |= POLLIN;
            const moment forth = due(each.forth), back = due(each.back);
            if (forth <= now) dialled |= POLLOUT;
            if (back <= now) dialler |= POLLOUT;
            if (forth > now) next = std::min(next, forth);
            if (back > now) next = std::min(next, back);
        }
        // A descriptor of which nothing is wanted would still tell of its end, again and again.
        watched.push_back({dialler != 0 ? each.forth.in : -1, dialler, 0});
        watched.push_back({dialled != 0 ? each.forth.out : -1, dialled, 0});
    }
    return next;
}

void proxy::serve_all(const std::vector<pollfd>& watched) {
    const moment now = now_is();
    std::size_t at = 1 + doors_.size();
    for (pipe_pair& each : pipes_) {
        if (each.reset_at <= now) {
            ++counts_["resets"];
            end(each);
        } else {
            serve(each, watched[at].revents, watched[at + 1].revents);
        }
        at += 2;
    }
    at = 1;
    for (door& each : doors_) {
        if ((watched[at++].revents & POLLIN) != 0) accept(each);
    }
}

bool proxy::obey() {
    char room[4096];
    const ssize_t got = read(0, room, sizeof room);
    if (got <= 0) return false;  // whoever commanded is gone
    typed_.append(room, static_cast<size_t>(got));
    for (size_t end = typed_.find('\n'); end != std::string::npos; end = typed_.find('\n')) {
        command(typed_.substr(0, end));
        typed_.erase(0, end + 1);
    }
    fflush(stdout);
    return true;
}

int proxy::run() {
    std::vector<pollfd> watched;
    while (true) {
        const moment next = watch(watched);
        const moment left = next == never ? 0 : std::max(0LL, next - now_is());
        const timespec wait{left / 1'000'000'000LL, left % 1'000'000'000LL};
        if (ppoll(watched.data(), watched.size(), next == never ? nullptr : &wait, nullptr) < 0) {
            if (errno != EINTR) die("proxy: poll");
            continue;
        }
        serve_all(watched);
        if (watched[0].revents != 0 && !obey()) return 0;
        pipes_.remove_if([](const pipe_pair& one) { return one.gone; });
    }
}

}  // namespace

int main(int count, char** words) {
    if (count < 3) {
        fprintf(stderr, "usage: proxy SEED FROM:TO:PORT:TARGET...\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    proxy all(strtoull(words[1], nullptr, 10), {words + 2, words + count});
    printf("ready\n");
    fflush(stdout);
    return all.run();
}
