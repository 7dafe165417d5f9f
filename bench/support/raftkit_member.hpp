#pragma once
// One member of a durable raftkit cluster with the client of the bench on its loop: the default
// parts, and a machine that counts. The log is saved and compacted as it grows, so that segments
// are recycled as they are in a node that runs for long.

#include <raftkit/node/drive/loop.hpp>
#include <raftkit/snapshot/store/file.hpp>
#include <raftkit/storage/wal/wal.hpp>
#include <raftkit/transport/tcp_transport.hpp>

#include <filesystem>

#include "support/trio.hpp"

namespace bench::kit {

inline constexpr raftkit::u32 spare_segments = 4;

class counter {
public:
    struct image {
        std::uint64_t value;
        raftkit::result<raftkit::image_step> next(std::span<std::byte> chunk) noexcept {
            std::memcpy(chunk.data(), &value, sizeof value);
            return raftkit::image_step{sizeof value, true, true};
        }
    };
    struct restore_writer {
        counter* into;
        std::uint64_t value = 0;
        raftkit::result<void> write(const raftkit::chunk& piece) noexcept {
            const raftkit::byte_span bytes = piece.bytes.bytes();
            if (bytes.size() >= sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
            return {};
        }
        void commit() noexcept { into->count_ = value; }
    };

    void apply(raftkit::command_range batch, raftkit::reply_sink&) noexcept {
        for (const raftkit::command& each : batch) count_ += each.body.size() / command_bytes;
    }
    raftkit::result<image> capture() noexcept { return image{count_}; }
    raftkit::result<restore_writer> restore(const raftkit::snapshot_meta&) noexcept {
        return restore_writer{this};
    }

private:
    std::uint64_t count_ = 0;
};

struct rules : raftkit::default_policies {
    raftkit::trigger::bytes trigger{128u << 20};
    raftkit::compaction::to_snapshot compaction{};
    raftkit::retention::newest retention{1};
};
using node =
    raftkit::node<raftkit::wal, raftkit::tcp_transport, counter, raftkit::file_snapshots, rules>;

inline raftkit::node_options numbers(const seat& mine) {
    raftkit::node_options made;
    made.who.self = {mine.id};
    made.cluster_name = "bench";
    raftkit::configuration members;
    for (unsigned id = 1; id <= 3; ++id) {
        raftkit::member each;
        each.id = {id};
        each.address = mine.address(id);
        members.members.push_back(each);
    }
    made.bootstrap = members;
    return made;
}
inline raftkit::wal_options log_numbers(const seat& mine) {
    raftkit::wal_options made;
    made.directory = mine.directory;
    made.spare_segments = spare_segments;
    return made;
}
inline raftkit::tcp_options wire_numbers(const seat& mine) {
    raftkit::tcp_options made;
    made.listen = mine.address(mine.id);
    for (unsigned id = 1; id <= 3; ++id)
        made.addresses.emplace_back(raftkit::node_id{id}, mine.address(id));
    return made;
}

class member_loop {
public:
    explicit member_loop(seat& mine)
        : mine_(mine),
          node_(numbers(mine), raftkit::wal(log_numbers(mine)),
                raftkit::tcp_transport(wire_numbers(mine)), counter(),
                raftkit::file_snapshots(mine.directory + "/snap"), rules()),
          loop_(node_) {
        slots_.reserve(slots_max);
        for (std::uint32_t k = 0; k < slots_max; ++k)
            slots_.push_back(std::make_unique<slot>(this, k));
    }
    void run() {
        if (const auto opened = loop_.open(); !opened) return complain(opened.why());
        orders_.fd = mine_.orders;
        orders_.of = this;
        orders_.ready = [](raftkit::watcher& who, raftkit::u32) noexcept {
            static_cast<order_watcher&>(who).of->take_order();
        };
        if (const auto watched = loop_.watch(orders_, raftkit::poll_in); !watched)
            return complain(watched.why());
        loop_.on_turn_end([](void* self) noexcept { static_cast<member_loop*>(self)->turn_end(); },
                          this);
        loop_.run_here();
    }

private:
    static constexpr std::uint32_t slots_max = 16'384;
    struct slot : raftkit::operation {
        slot(member_loop* home, std::uint32_t at) : operation(&slot::end), of(home), number(at) {}
        static void end(operation& self, raftkit::error how, raftkit::byte_span) noexcept {
            slot& mine = static_cast<slot&>(self);
            mine.of->ended(mine, !how);
        }
        member_loop* of;
        std::uint32_t number;
    };
    struct order_watcher : raftkit::watcher {
        member_loop* of = nullptr;
    };

    void complain(const raftkit::error& why) const {
        std::fprintf(stderr, "raftkit %u: %s (%d)\n", mine_.id, why.where, why.os);
    }
    void take_order() {
        order wanted;
        if (!mine_.take(wanted)) _exit(0);
        stamp_ = now_ns();
        client_.begin(wanted, stamp_);
        for (std::uint32_t k = 0; k < wanted.in_flight; ++k) propose(*slots_[k]);
    }
    void propose(slot& one) {
        std::memcpy(command_.data(), &one.number, sizeof one.number);
        client_.proposed(one.number, stamp_);
        node_.propose(command_, one);
    }
    void ended(slot& one, bool good) {
        if (!stamped_) stamp_ = now_ns();
        stamped_ = true;
        if (client_.ended(one.number, good, stamp_)) return propose(one);
        if (client_.over()) mine_.answer(client_.result());
    }
    void turn_end() {
        stamped_ = false;
        if (const raftkit::i64 now = now_ns(); now >= look_at_) {
            look_at_ = now + 50'000'000;
            const raftkit::node_status seen = node_.status();
            mine_.leads->store(seen.role == raftkit::role_kind::leader &&
                               seen.phase == raftkit::node_phase::serving);
        }
    }

    seat& mine_;
    node node_;
    raftkit::drive::loop<node> loop_;
    load client_;
    order_watcher orders_;
    std::vector<std::unique_ptr<slot>> slots_;
    std::array<std::byte, command_bytes> command_{};
    std::int64_t stamp_ = 0, look_at_ = 0;
    bool stamped_ = false;
};

inline void member(seat& mine) {
    const auto here = std::make_unique<member_loop>(mine);
    here->run();
}

// Its spare segments are filled: what a log that runs for long has.
inline bool prepared(const trio& of) {
    for (unsigned k = 0; k < 3; ++k) {
        unsigned ready = 0;
        for (const auto& each : std::filesystem::directory_iterator(of.directory(k))) {
            const std::string name = each.path().filename();
            ready += name.starts_with("spare-") && name.ends_with(".log");
        }
        if (ready < spare_segments) return false;
    }
    return true;
}

}  // namespace bench::kit
