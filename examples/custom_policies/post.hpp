#pragma once
// A transport of one's own: letters through the pigeonholes of a post office in this process. Every
// letter is written out with the kit's wire format and read again, as over any pipe of bytes.

#include <array>
#include <map>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <raftkit/concepts/transport.hpp>
#include <raftkit/transport/wire.hpp>

namespace custom {

struct letter {
    raftkit::node_id from;
    raftkit::u64 incarnation = 0;
    raftkit::buffer text;
};

// What waits for one node. Chunks and the rest are counted apart: a pile of chunks must not keep a
// heartbeat out.
struct pigeonhole {
    std::vector<letter> letters;
    std::array<raftkit::u64, 2> bytes{};
};

struct post_office {
    using address = std::tuple<raftkit::u64, raftkit::u64, raftkit::node_id>;  // cluster, group, id
    raftkit::u64 lane_bytes_max = 4u << 20;
    std::map<address, pigeonhole> holes;
};

class post {
public:
    explicit post(post_office& at) : at_(&at) {}
    post(post&& other) noexcept : at_(other.at_), who_(other.who_) {
        open_ = std::exchange(other.open_, false);
    }
    post& operator=(post&&) = delete;
    ~post() { close(); }

    // One thread polls all nodes of this program, so there is nothing to watch.
    raftkit::result<void> attach(raftkit::poller&) { return {}; }
    raftkit::result<void> open(const raftkit::identity& who, raftkit::completion_port) {
        who_ = who;
        at_->holes[address_of(who.self)] = {};
        open_ = true;
        return {};
    }
    void send(const raftkit::envelope& mail) noexcept { put(mail, mail.peer); }
    void send(const raftkit::bulk_envelope& mail) noexcept { put(mail, mail.peer); }
    void members(const raftkit::configuration&) noexcept {}
    template <class Sink>
    void drain(Sink& sink) noexcept {
        if (!open_) return;
        pigeonhole taken = std::exchange(at_->holes[address_of(who_.self)], {});
        for (const letter& each : taken.letters) {
            const auto head = raftkit::peek_frame(each.text.bytes().data(), each.text.size());
            if (!head) continue;
            const auto said =
                raftkit::decode_frame(*head, *each.text.owner(), 0, each.from, each.incarnation);
            if (!said) continue;
            if (const auto* mail = std::get_if<raftkit::envelope>(&*said)) sink(*mail);
            if (const auto* bulk = std::get_if<raftkit::bulk_envelope>(&*said)) sink(*bulk);
        }
    }
    void close() noexcept {
        if (std::exchange(open_, false)) at_->holes.erase(address_of(who_.self));
    }

private:
    post_office::address address_of(raftkit::node_id id) const {
        return {who_.cluster, who_.group, id};
    }
    // What does not fit is lost: Raft sends it again.
    template <class Mail>
    void put(const Mail& mail, raftkit::node_id to) noexcept {
        const auto hole = at_->holes.find(address_of(to));
        raftkit::encoded_frame made;
        if (!open_ || hole == at_->holes.end() || !raftkit::encode(mail, made)) return;
        const auto size = static_cast<raftkit::u32>(made.size());
        raftkit::u64& lane = hole->second.bytes[static_cast<std::size_t>(raftkit::lane_of(mail))];
        if (lane + size > at_->lane_bytes_max) return;
        raftkit::buffer text = raftkit::buffer::allocate(size);
        if (!text.valid()) return;
        raftkit::byte_writer out({text.data(), size});
        out.put_bytes(made.head_span());
        out.put_bytes(made.tail.bytes());
        lane += size;
        hole->second.letters.push_back({who_.self, who_.incarnation, std::move(text)});
    }

    post_office* at_;
    raftkit::identity who_;
    bool open_ = false;
};
static_assert(raftkit::pollable_transport<post>);

}  // namespace custom
