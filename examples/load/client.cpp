#include "client.hpp"

#include <poll.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include <raftkit/io/clock.hpp>

namespace kvload {

namespace {

using raftkit::instant;
using raftkit::milliseconds;
using raftkit::monotonic_now;

// A node that says nothing for so long is taken for dead; longer than its own limit (--request-ms).
constexpr raftkit::duration silence_max = milliseconds(6000);
constexpr raftkit::duration connect_max = milliseconds(500);

std::string command(std::initializer_list<std::string_view> words) {
    std::string made = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string_view each : words) {
        made += "$" + std::to_string(each.size()) + "\r\n";
        made += each;
        made += "\r\n";
    }
    return made;
}

bool starts(std::string_view text, std::string_view with) {
    return text.substr(0, with.size()) == with;
}

void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(10)); }

}  // namespace

client::client(const std::vector<std::string>& nodes, std::size_t first)
    : nodes_(&nodes), at_(first % nodes.size()), address_(nodes[at_]) {}

answer client::set(std::string_view key, std::string_view value, instant deadline) {
    return call(command({"SET", key, value}), deadline);
}

answer client::get(std::string_view key, instant deadline) {
    const std::string request = command({"GET", key});
    answer last;
    do {
        last = call(request, deadline);
        if (last.how != fate::unknown) break;
        ++tried_again;
    } while (monotonic_now() < deadline);
    return last;
}

answer client::call(const std::string& request, instant deadline) {
    for (;;) {
        answer last = once(request, deadline);
        if (last.how != fate::not_done || monotonic_now() >= deadline) return last;
        ++tried_again;
    }
}

answer client::once(const std::string& request, instant deadline) {
    if (!socket_.is_open() && !connect(deadline)) {
        next_node();
        pause();
        return {fate::not_done, false, "no node can be reached"};
    }
    const instant silent = std::max(deadline, monotonic_now() + silence_max);
    answer made;
    if (!send_all(request, silent) || !read_reply(made, silent)) {
        // It may have arrived as a whole, whatever we see of it.
        next_node();
        return {fate::unknown, false, "the connection ended without a reply"};
    }
    if (made.how == fate::done) return made;
    if (starts(made.text, "MOVED ")) {
        follow(made.text);
    } else if (starts(made.text, "CLUSTERDOWN") || starts(made.text, "LOADING")) {
        next_node();
        pause();
    } else {
        made.how = starts(made.text, "UNKNOWN") ? fate::unknown : fate::refused;
    }
    return made;
}

bool client::connect(instant deadline) {
    const auto address = raftkit::parse_address(address_);
    if (!address) return false;
    auto made = raftkit::connect_tcp(*address);
    if (!made) return false;
    socket_ = std::move(*made);
    input_.clear();
    const instant limit = std::min(deadline, monotonic_now() + connect_max);
    if (wait(POLLOUT, limit) && raftkit::connect_outcome(socket_)) {
        (void)raftkit::set_nodelay(socket_);
        return true;
    }
    socket_.close();
    return false;
}

bool client::wait(short events, instant deadline) {
    pollfd one{socket_.fd(), events, 0};
    const raftkit::i64 left = std::max<raftkit::i64>((deadline - monotonic_now()).ns, 0);
    return ::poll(&one, 1, static_cast<int>(left / 1'000'000) + 1) == 1;
}

bool client::send_all(std::string_view bytes, instant deadline) {
    while (!bytes.empty()) {
        const raftkit::byte_span rest = raftkit::as_bytes(bytes);
        const auto sent = raftkit::send_some(socket_, {&rest, 1});
        if (!sent) return false;
        bytes.remove_prefix(static_cast<std::size_t>(*sent));
        if (!bytes.empty() && !wait(POLLOUT, deadline)) return false;
    }
    return true;
}

bool client::fill(instant deadline) {
    char bytes[16 * 1024];
    for (;;) {
        const auto got =
            raftkit::receive_some(socket_, {reinterpret_cast<std::byte*>(bytes), sizeof bytes});
        if (got) {
            input_.append(bytes, static_cast<std::size_t>(*got));
            return true;
        }
        if (got.why().code != raftkit::errc::busy || !wait(POLLIN, deadline)) return false;
    }
}

// Simple strings, errors and bulk strings are all that GET and SET are answered with.
bool client::read_reply(answer& into, instant deadline) {
    std::size_t end = 0;
    while ((end = input_.find("\r\n")) == std::string::npos) {
        if (!fill(deadline)) return false;
    }
    const std::string line = input_.substr(0, end);
    input_.erase(0, end + 2);
    if (line.empty()) return false;
    into.text = line.substr(1);
    into.how = line[0] == '-' ? fate::not_done : fate::done;
    if (line[0] != '$') return line[0] == '-' || line[0] == '+';
    long length = 0;
    std::from_chars(line.data() + 1, line.data() + line.size(), length);
    into.null = length < 0;
    if (into.null) return true;
    const auto bytes = static_cast<std::size_t>(length);
    while (input_.size() < bytes + 2) {
        if (!fill(deadline)) return false;
    }
    into.text = input_.substr(0, bytes);
    input_.erase(0, bytes + 2);
    return true;
}

void client::next_node() {
    socket_.close();
    at_ = (at_ + 1) % nodes_->size();
    address_ = (*nodes_)[at_];
}

// "MOVED slot host:port"
void client::follow(std::string_view moved) {
    const std::string to(moved.substr(moved.rfind(' ') + 1));
    if (to == address_) return pause();  // it does not know better yet
    socket_.close();
    address_ = to;
}

}  // namespace kvload
