#pragma once
// A hub inside one process: for tests, examples and nodes that share a program. Bytes are not
// copied: a message keeps the block that it points to. Two kinds of transport sit at it:
// inproc_transport is drained by its node's loop (which it wakes), inproc_posting_transport posts
// to the completion port, as a transport with a thread of its own would.
//
//   a.send ─▶ hub: cut? held? ─▶ inbox of b ─▶ b.drain(sink)   or   received{} on b's port

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <utility>
#include <variant>
#include <vector>

#include <raftkit/io/poller.hpp>
#include <raftkit/port/mailbox.hpp>

RAFTKIT_NAMESPACE_BEGIN
namespace detail {

// A message with what it points to, so that it can outlive send().
inline received own_mail(const envelope& mail) noexcept {
    received owned{mail, {}};
    if (auto* append = std::get_if<append_request>(&owned.mail.body)) {
        const run_view& entries = append->entries;
        if (entries.empty()) return owned;
        keep_block(entries.owner);
        owned.keep = buffer(entries.owner, entries.data(), entries.bytes);
    } else if (auto* offer = std::get_if<snapshot_offer>(&owned.mail.body)) {
        buffer both = buffer::allocate(offer->meta.size + offer->manifest.size);
        if (!both.valid()) return owned;
        byte_writer into({both.data(), both.size()});
        into.put_bytes(offer->meta.bytes());
        into.put_bytes(offer->manifest.bytes());
        const std::byte* data = both.bytes().data();
        offer->manifest = {both.owner(), data + offer->meta.size, offer->manifest.size};
        offer->meta = {both.owner(), data, offer->meta.size};
        owned.keep = std::move(both);
    }
    return owned;
}
inline received_bulk own_mail(const bulk_envelope& mail) noexcept {
    received_bulk owned{mail, {}};
    if (auto* piece = std::get_if<snapshot_piece>(&owned.mail.body);
        piece != nullptr && piece->bytes.size != 0) {
        owned.keep = piece->bytes.keep();
        piece->bytes = bytes_view::of(owned.keep);
    }
    return owned;
}

using inproc_mail = std::variant<received, received_bulk, peer_state>;

enum class inproc_lane : u8 { control, bulk, told };  // told: of peers; always taken, never many
struct inproc_weight {
    inproc_lane lane;
    u64 bytes;
};
inline inproc_weight weight_of(const inproc_mail& mail) noexcept {
    constexpr u64 itself = sizeof(inproc_mail);
    if (const auto* one = std::get_if<received>(&mail))
        return {inproc_lane::control, itself + one->keep.size()};
    const auto* bulk = std::get_if<received_bulk>(&mail);
    if (bulk == nullptr) return {inproc_lane::told, 0};
    const bool piece = std::holds_alternative<snapshot_piece>(bulk->mail.body);
    return {piece ? inproc_lane::bulk : inproc_lane::control, itself + bulk->keep.size()};
}

struct inproc_inbox : watcher {
    identity who;
    completion_port port;
    bool posting = false;
    waker alarm;
    poller* loop = nullptr;
    u64 lane_bytes_max = 0;
    std::mutex guard;
    std::vector<inproc_mail> waiting;
    std::array<u64, 3> waiting_bytes{};  // of each lane: one that is full must not stop the other

    void put(inproc_mail mail) {
        if (posting) {
            if (auto* one = std::get_if<received>(&mail)) return port.post(std::move(*one));
            if (auto* bulk = std::get_if<received_bulk>(&mail)) return port.post(std::move(*bulk));
            return port.post(*std::get_if<peer_state>(&mail));
        }
        {
            const std::lock_guard<std::mutex> hold(guard);
            const inproc_weight weight = weight_of(mail);
            u64& taken = waiting_bytes[static_cast<std::size_t>(weight.lane)];
            if (taken + weight.bytes > lane_bytes_max) return;  // lost: it does not listen
            taken += weight.bytes;
            waiting.push_back(std::move(mail));
        }
        alarm.wake();
    }
    void take(std::vector<inproc_mail>& into) {
        const std::lock_guard<std::mutex> hold(guard);
        into.swap(waiting);
        waiting_bytes = {};
    }
};

}  // namespace detail

// Any thread. Must outlive its transports.
class inproc_hub {
public:
    // What waits for a node that does not drain, on each lane; beyond it is lost.
    explicit inproc_hub(u64 lane_bytes_max) : lane_bytes_max_(lane_bytes_max) {}
    inproc_hub() = default;
    inproc_hub(inproc_hub&&) = delete;

    // Held: messages wait for deliver(), so that a test decides when they arrive.
    void hold(bool held) {
        const std::lock_guard<std::mutex> lock(guard_);
        held_ = held;
    }
    // At most `count` of those that wait, in the order of their sending. Returns how many were
    // taken off.
    std::size_t deliver(std::size_t count = ~std::size_t{0}) {
        const std::lock_guard<std::mutex> lock(guard_);
        const std::size_t taken = std::min(count, held_mail_.size());
        for (std::size_t i = 0; i < taken; ++i) {
            if (detail::inproc_inbox* to = find(held_mail_[i].group, held_mail_[i].to)) {
                to->put(std::move(held_mail_[i].mail));
            }
        }
        held_mail_.erase(held_mail_.begin(),
                         held_mail_.begin() + static_cast<std::ptrdiff_t>(taken));
        return taken;
    }
    // Messages in this direction are lost from now on, or pass again.
    void cut(node_id from, node_id to, bool lost = true) {
        const std::lock_guard<std::mutex> lock(guard_);
        std::erase(cuts_, std::pair(from, to));
        if (lost) cuts_.emplace_back(from, to);
    }

private:
    template <bool>
    friend class basic_inproc_transport;
    struct held_parcel {
        u64 group;
        node_id to;
        detail::inproc_mail mail;
    };

    result<void> join(std::shared_ptr<detail::inproc_inbox> made) {
        const std::lock_guard<std::mutex> lock(guard_);
        if (find(made->who.group, made->who.self) != nullptr) {
            return error{errc::busy, 0, "transport/inproc.open: the id has a seat already",
                         made->who.self.value};
        }
        made->lane_bytes_max = lane_bytes_max_;
        for (const auto& other : seats_) {
            if (other->who.group != made->who.group || other->who.cluster != made->who.cluster)
                continue;
            other->put(peer_state{made->who.self, true});
            made->put(peer_state{other->who.self, true});
        }
        seats_.push_back(std::move(made));
        return {};
    }
    void leave(const detail::inproc_inbox& gone) {
        const std::lock_guard<std::mutex> lock(guard_);
        std::erase_if(seats_, [&](const auto& each) { return each.get() == &gone; });
        for (const auto& other : seats_) {
            if (other->who.group == gone.who.group) other->put(peer_state{gone.who.self, false});
        }
    }
    template <class Mail>
    void send(const identity& from, const Mail& mail) {
        const std::lock_guard<std::mutex> lock(guard_);
        for (const auto& [one, other] : cuts_) {
            if (one == from.self && other == mail.peer) return;
        }
        detail::inproc_inbox* to = find(from.group, mail.peer);
        if (!held_ && (to == nullptr || to->who.cluster != from.cluster)) return;
        auto owned = detail::own_mail(mail);
        owned.mail.peer = from.self;
        owned.mail.incarnation = from.incarnation;
        if (held_) return void(held_mail_.push_back({from.group, mail.peer, std::move(owned)}));
        to->put(std::move(owned));
    }
    detail::inproc_inbox* find(u64 group, node_id id) const noexcept {
        for (const auto& each : seats_) {
            if (each->who.group == group && each->who.self == id) return each.get();
        }
        return nullptr;
    }

    u64 lane_bytes_max_ = 256u << 20;
    std::mutex guard_;
    std::vector<std::shared_ptr<detail::inproc_inbox>> seats_;
    std::vector<std::pair<node_id, node_id>> cuts_;
    std::vector<held_parcel> held_mail_;
    bool held_ = false;
};

template <bool Drained>
class basic_inproc_transport {
public:
    explicit basic_inproc_transport(inproc_hub& hub)
        : hub_(&hub), inbox_(std::make_shared<detail::inproc_inbox>()) {}
    basic_inproc_transport(basic_inproc_transport&& other) noexcept
        : hub_(other.hub_),
          inbox_(std::move(other.inbox_)),
          open_(std::exchange(other.open_, false)) {}
    basic_inproc_transport& operator=(basic_inproc_transport&&) = delete;
    ~basic_inproc_transport() { close(); }

    // Mail from other threads then wakes this loop. Without it the host polls.
    result<void> attach(poller& loop) noexcept
        requires Drained
    {
        if (const auto opened = inbox_->alarm.open(); !opened) return opened;
        inbox_->fd = inbox_->alarm.fd();
        inbox_->ready = [](watcher& woken, u32) noexcept {
            static_cast<detail::inproc_inbox&>(woken).alarm.drain();
        };
        inbox_->loop = &loop;
        return loop.add(*inbox_, poll_in);
    }
    result<void> open(const identity& who, completion_port port) noexcept {
        inbox_->who = who;
        inbox_->port = port;
        inbox_->posting = !Drained;
        const auto joined = hub_->join(inbox_);
        open_ = bool(joined);
        return joined;
    }
    void send(const envelope& mail) noexcept {
        if (open_) hub_->send(inbox_->who, mail);
    }
    void send(const bulk_envelope& mail) noexcept {
        if (open_) hub_->send(inbox_->who, mail);
    }
    void members(const configuration&) noexcept {}

    template <class Sink>
        requires Drained
    void drain(Sink& sink) noexcept {
        inbox_->take(turn_);
        for (const detail::inproc_mail& each : turn_) {
            if (const auto* one = std::get_if<received>(&each)) sink(one->mail);
            if (const auto* bulk = std::get_if<received_bulk>(&each)) sink(bulk->mail);
            if (const auto* state = std::get_if<peer_state>(&each)) sink(peer_state(*state));
        }
        turn_.clear();
    }
    void close() noexcept {
        if (inbox_ == nullptr) return;
        if (open_) hub_->leave(*inbox_);
        open_ = false;
        std::vector<detail::inproc_mail> unheard;
        inbox_->take(unheard);
        if (inbox_->loop != nullptr) inbox_->loop->remove(*inbox_);
        inbox_->loop = nullptr;
    }

private:
    inproc_hub* hub_;
    std::shared_ptr<detail::inproc_inbox> inbox_;
    bool open_ = false;
    std::vector<detail::inproc_mail> turn_;
};

using inproc_transport = basic_inproc_transport<true>;
using inproc_posting_transport = basic_inproc_transport<false>;

RAFTKIT_NAMESPACE_END
