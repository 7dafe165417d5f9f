#pragma once
// The bare quorum probe: the least that three processes must do to have bytes on two of three
// disks. One thread each, a leader by decree, natural batching, records of the kit's size and
// checksums, a file that was filled with zeros before, one write and one fdatasync a batch. No
// terms, no elections, no matching of logs, no retained index.
//
//   leader:   seal what waits -> send to both -> write, fdatasync -> acks -> ends what two have
//   follower: receive -> check every record -> write, fdatasync -> ack

#include <netinet/tcp.h>

#include <raftkit/core/record.hpp>

#include "support/trio.hpp"

namespace bench::probe {

inline constexpr std::uint32_t entry_bytes = raftkit::record_bytes(command_bytes);
inline constexpr std::uint64_t log_bytes = 64u << 20;
inline constexpr std::uint32_t sector = 512;

struct frame_header {
    std::uint64_t last = 0;
    std::uint32_t count = 0, bytes = 0;
    char room[48]{};  // as long as a frame's header in the log
};
static_assert(sizeof(frame_header) == 64);

class log_file {
public:
    explicit log_file(const std::string& directory) {
        fd_ = open((directory + "/log").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
        const std::vector<char> zeros(1u << 20);
        for (std::uint64_t at = 0; at < log_bytes; at += zeros.size()) {
            if (pwrite(fd_, zeros.data(), zeros.size(), static_cast<off_t>(at)) < 0) _exit(1);
        }
        if (fsync(fd_) != 0) _exit(1);
    }
    void append(const std::byte* bytes, std::size_t count) {
        if (at_ + count > log_bytes) at_ = 0;
        if (pwrite(fd_, bytes, count, static_cast<off_t>(at_)) < 0 || fdatasync(fd_) != 0) _exit(1);
        at_ += (count + sector - 1) / sector * sector;
    }

private:
    int fd_ = -1;
    std::uint64_t at_ = 0;
};

inline int listen_on(unsigned port) {
    const int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(static_cast<std::uint16_t>(port));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(made, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || listen(made, 4) != 0)
        _exit(1);
    return made;
}
inline int dial(unsigned port) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(static_cast<std::uint16_t>(port));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (;;) {
        const int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(made, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0) {
            const int on = 1;
            setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            return made;
        }
        close(made);
        usleep(10'000);
    }
}
inline void send_all(int to, const std::byte* at, std::size_t left) {
    while (left > 0) {
        const ssize_t sent = send(to, at, left, MSG_NOSIGNAL);
        if (sent <= 0) _exit(1);
        at += sent;
        left -= static_cast<std::size_t>(sent);
    }
}

inline void follow(seat& mine) {
    log_file log(mine.directory);
    const int here = listen_on(mine.ports[mine.id - 1]);
    const int from = accept(here, nullptr, nullptr);
    const int on = 1;
    setsockopt(from, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::vector<std::byte> bytes(4u << 20);
    std::size_t filled = 0;
    for (;;) {
        const ssize_t came = recv(from, bytes.data() + filled, bytes.size() - filled, 0);
        if (came <= 0) _exit(0);
        filled += static_cast<std::size_t>(came);
        std::size_t done = 0;
        std::uint64_t last = 0;
        while (filled - done >= sizeof(frame_header)) {
            frame_header head;
            std::memcpy(&head, bytes.data() + done, sizeof head);
            if (filled - done < sizeof head + head.bytes) break;
            const std::byte* record = bytes.data() + done + sizeof head;
            for (std::uint32_t k = 0; k < head.count; ++k, record += entry_bytes) {
                if (raftkit::check_record({record, entry_bytes}) != raftkit::record_check::good)
                    _exit(1);
            }
            done += sizeof head + head.bytes;
            last = head.last;
        }
        if (last == 0) continue;
        log.append(bytes.data(), done);
        send_all(from, reinterpret_cast<const std::byte*>(&last), sizeof last);
        std::memmove(bytes.data(), bytes.data() + done, filled - done);
        filled -= done;
    }
}

class leader {
public:
    explicit leader(seat& mine) : mine_(mine), log_(mine.directory) {
        peers_[0] = dial(mine.ports[1]);
        peers_[1] = dial(mine.ports[2]);
        mine.leads->store(true);
    }
    [[noreturn]] void run() {
        for (order wanted; mine_.take(wanted);) {
            client_.begin(wanted, now_ns());
            slot_of_.assign(std::size_t{wanted.in_flight} * 2, 0);
            for (std::uint32_t k = 0; k < wanted.in_flight; ++k) waiting_.push_back(k);
            stamp_ = now_ns();
            while (!client_.over()) {
                ship();
                hear();
            }
            mine_.answer(client_.result());
        }
        _exit(0);
    }

private:
    void ship() {
        if (waiting_.empty()) return;
        frame_header head;
        head.count = static_cast<std::uint32_t>(waiting_.size());
        head.bytes = head.count * entry_bytes;
        batch_.resize(sizeof head + head.bytes);
        std::byte* record = batch_.data() + sizeof head;
        for (const std::uint32_t slot : waiting_) {
            ++last_;
            std::memcpy(command_.data(), &slot, sizeof slot);
            std::memcpy(record + raftkit::record_header_bytes, command_.data(), command_bytes);
            raftkit::seal_record(record, {{last_}, {1}}, 0, 0, command_bytes);
            record += entry_bytes;
            client_.proposed(slot, stamp_);
            slot_of_[last_ % slot_of_.size()] = slot;
        }
        waiting_.clear();
        head.last = last_;
        std::memcpy(batch_.data(), &head, sizeof head);
        for (const int each : peers_) send_all(each, batch_.data(), batch_.size());
        log_.append(batch_.data(), batch_.size());
        own_ = last_;
    }
    void hear() {
        pollfd ready[2] = {{peers_[0], POLLIN, 0}, {peers_[1], POLLIN, 0}};
        if (poll(ready, 2, -1) < 0) _exit(1);
        for (unsigned k = 0; k < 2; ++k) {
            if (ready[k].revents == 0) continue;
            std::uint64_t acks[64];
            const ssize_t came = recv(peers_[k], acks, sizeof acks, 0);
            if (came <= 0 || came % 8 != 0) _exit(1);
            acked_[k] = acks[came / 8 - 1];
        }
        const std::uint64_t best = std::max(acked_[0], acked_[1]);
        const std::uint64_t least = std::min(acked_[0], acked_[1]);
        const std::uint64_t committed = std::max(least, std::min(best, own_));
        if (committed == ended_) return;
        stamp_ = now_ns();
        while (ended_ < committed) {
            const std::uint32_t slot = slot_of_[++ended_ % slot_of_.size()];
            if (client_.ended(slot, true, stamp_)) waiting_.push_back(slot);
        }
    }

    seat& mine_;
    log_file log_;
    load client_;
    int peers_[2];
    std::vector<std::byte> batch_;
    std::array<std::byte, command_bytes> command_{};
    std::vector<std::uint32_t> waiting_, slot_of_;
    std::uint64_t last_ = 0, own_ = 0, ended_ = 0, acked_[2] = {0, 0};
    std::int64_t stamp_ = 0;
};

inline void member(seat& mine) {
    if (mine.id != 1) return follow(mine);
    leader(mine).run();
}

}  // namespace bench::probe
