// The conformance suite of transports: the kit's own pass it, and each of its checks can fail.

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <thread>

#include <raftkit/testing/conform/transport.hpp>
#include <raftkit/testing/sim/parcel.hpp>
#include <raftkit/transport/inproc.hpp>
#include <raftkit/transport/tcp_transport.hpp>

#include <support/conform_checks.hpp>

using namespace raftkit;
using conform_support::each_check;

namespace {

// Transports by node, in memory that stays where it is.
template <class Transport>
struct wire_places {
    std::map<u64, std::unique_ptr<Transport>> wires;
    template <class... Values>
    Transport& put(node_id self, Values&&... values) {
        auto& place = wires[self.value];
        place = nullptr;
        place = std::make_unique<Transport>(std::forward<Values>(values)...);
        return *place;
    }
    std::string address(node_id) { return {}; }
    void wait() {}
    void clear() { wires.clear(); }
};

struct drained_places : wire_places<inproc_transport> {
    inproc_hub hub{1u << 20};
    poller loop;
    drained_places() { REQUIRE(loop.open()); }
    ~drained_places() { clear(); }
    inproc_transport& make(node_id self) {
        inproc_transport& made = put(self, hub);
        REQUIRE(made.attach(loop));
        return made;
    }
    u64 lane_bytes_max() { return 1u << 20; }
};

struct posting_places : wire_places<inproc_posting_transport> {
    inproc_hub hub;
    ~posting_places() { clear(); }
    inproc_posting_transport& make(node_id self) { return put(self, hub); }
};

struct tcp_places : wire_places<tcp_transport> {
    poller loop;
    tcp_places() { REQUIRE(loop.open()); }
    ~tcp_places() { clear(); }
    tcp_transport& make(node_id self) {
        tcp_options options;
        options.listen = "127.0.0.1:0";
        options.reconnect_min = milliseconds(2);
        options.reconnect_max = milliseconds(10);
        options.command_bytes_max = options.message_bytes_max;
        options.buffer_bytes_max = 4u << 20;
        tcp_transport& made = put(self, options);
        REQUIRE(made.attach(loop));
        return made;
    }
    std::string address(node_id of) { return wires.at(of.value)->listening_at(); }
    void wait() {
        const instant now = monotonic_now();
        REQUIRE(loop.wait(now, now + milliseconds(1)));
    }
    u64 lane_bytes_max() { return (2u << 20) + (38u << 20); }  // the rest: two sockets' buffers
};

enum class defect {
    none,
    refuses_to_open,
    loses_everything,
    tells_everyone,
    forges_the_sender,
    forges_the_directory,
    tells_of_itself,
    loses_a_field,
    loses_a_status,
    corrupts_batches,
    corrupts_chunks,
    invents_mail,
    borrows,
    reuses_its_memory,
    waits_for_the_slow,
    delays_the_rest,
    hoards,
    merges_lanes,
    hears_after_close,
    speaks_after_close,
    takes_all_down,
    never_comes_back,
    mixes_clusters,
    mixes_groups,
};

class crooked_wire;

// One process' worth of wires, which copies every message.
struct crooked_hub {
    static constexpr u64 lane_bytes_max = 1u << 20;
    defect how = defect::none;
    std::map<u64, crooked_wire*> seats;
    std::map<u64, bool> gone;
    u64 waiting = 0;  // at all seats
    bool broken = false;
};

class crooked_wire {
    struct waiting_mail {
        std::optional<testing::parcel> copy;
        std::variant<envelope, bulk_envelope> lent;  // what it should have copied
        bool piece = false;
        u64 bytes = 0;
    };

public:
    explicit crooked_wire(crooked_hub& hub) : hub_(&hub) {}
    crooked_wire(crooked_wire&&) = delete;
    ~crooked_wire() { leave(); }

    result<void> attach(poller&) { return {}; }
    result<void> open(const identity& who, completion_port) {
        if (hub_->how == defect::refuses_to_open) return error{errc::io, 0, "no"};
        who_ = who;
        if (hub_->how == defect::never_comes_back && hub_->gone[who.self.value]) return {};
        hub_->seats[who.self.value] = this;
        open_ = true;
        return {};
    }
    void send(const envelope& mail) noexcept { route(mail); }
    void send(const bulk_envelope& mail) noexcept { route(mail); }
    void members(const configuration&) noexcept {}
    template <class Sink>
    void drain(Sink& sink) noexcept {
        if (!open_ && hub_->how != defect::hears_after_close) return;
        if (hub_->how == defect::tells_of_itself) sink(peer_state{who_.self, true});
        std::deque<waiting_mail> turn;
        turn.swap(waiting_);
        for (u64& each : lane_bytes_) each = 0;
        hub_->waiting -= turn.size();
        for (waiting_mail& each : turn) hear(each, sink);
        if (hub_->how == defect::invents_mail && !turn.empty())
            sink(envelope{{who_.self.value % 3 + 1}, 0, vote_reply{{1}, 2, true, true}});
    }
    void close() noexcept {
        if (!open_) return;
        open_ = false;
        hub_->gone[who_.self.value] = true;
        if (hub_->how == defect::takes_all_down) hub_->broken = true;
        if (hub_->how != defect::hears_after_close) leave();
    }

private:
    void leave() noexcept {
        const auto seat = hub_->seats.find(who_.self.value);
        if (seat != hub_->seats.end() && seat->second == this) hub_->seats.erase(seat);
        hub_->waiting -= waiting_.size();
        waiting_.clear();
    }
    template <class Mail>
    void route(const Mail& mail) noexcept {
        const defect how = hub_->how;
        if ((!open_ && how != defect::speaks_after_close) || hub_->broken) return;
        if (how == defect::loses_everything) return;
        for (const auto& [id, seat] : hub_->seats) {
            if (node_id{id} != mail.peer && how != defect::tells_everyone) continue;
            if (seat->who_.cluster != who_.cluster && how != defect::mixes_clusters) continue;
            if (seat->who_.group != who_.group && how != defect::mixes_groups) continue;
            seat->take(mail, who_);
        }
    }
    template <class Mail>
    void take(Mail mail, const identity& from) noexcept {
        const defect how = hub_->how;
        mail.peer = how == defect::forges_the_sender ? who_.self : from.self;
        mail.incarnation =
            how == defect::forges_the_directory ? who_.incarnation : from.incarnation;
        waiting_mail made;
        made.bytes = bytes_of(mail.body);
        made.piece = made.bytes != 0 && std::is_same_v<Mail, bulk_envelope>;
        u64& lane = lane_bytes_[made.piece && how != defect::merges_lanes ? 1 : 0];
        const bool full = lane + made.bytes + 100 > crooked_hub::lane_bytes_max;
        if (full && how == defect::waits_for_the_slow)
            std::this_thread::sleep_for(std::chrono::milliseconds(110));
        if (full && how != defect::hoards) return;
        if (how == defect::delays_the_rest && hub_->waiting > 10) return;
        lane += made.bytes + 100;
        if (how != defect::borrows) made.copy.emplace(mail);
        made.lent = mail;
        waiting_.push_back(std::move(made));
        ++hub_->waiting;
    }
    static u64 bytes_of(const message& body) {
        const auto* append = std::get_if<append_request>(&body);
        return append != nullptr ? append->entries.bytes : 0;
    }
    static u64 bytes_of(const bulk_message& body) {
        const auto* piece = std::get_if<snapshot_piece>(&body);
        return piece != nullptr ? piece->bytes.size : 0;
    }
    template <class Sink>
    void hear(const waiting_mail& one, Sink& sink) noexcept {
        if (!one.copy) {
            if (const auto* mail = std::get_if<envelope>(&one.lent)) sink(*mail);
            if (const auto* mail = std::get_if<bulk_envelope>(&one.lent)) sink(*mail);
        } else if (const envelope* mail = one.copy->letter()) {
            envelope heard = *mail;
            spoil(heard.body);
            sink(std::as_const(heard));
        } else {
            bulk_envelope heard = *one.copy->bulk();
            spoil(heard.body);
            sink(std::as_const(heard));
        }
    }
    void spoil(message& body) {
        const defect how = hub_->how;
        auto* append = std::get_if<append_request>(&body);
        if (append == nullptr) return;
        if (how == defect::loses_a_field) append->read_round = 0;
        run_view& entries = append->entries;
        if (entries.empty()) return;
        if (how == defect::corrupts_batches && entries.bytes > 4000)
            entries.owner->bytes()[entries.bytes / 2] ^= std::byte{4};
        if (how == defect::reuses_its_memory) entries.owner = reused(entries.span());
    }
    void spoil(bulk_message& body) {
        const defect how = hub_->how;
        auto* piece = std::get_if<snapshot_piece>(&body);
        if (piece == nullptr) return;
        if (how == defect::loses_a_status) piece->status = errc::ok;
        if (how == defect::corrupts_chunks && piece->bytes.size > 4000) --piece->bytes.size;
        if (how == defect::reuses_its_memory && piece->bytes.size != 0) {
            piece->bytes.owner = reused(piece->bytes.bytes());
            piece->bytes.data = piece->bytes.owner->bytes();
        }
    }
    // A receive buffer that does not ask who still holds it.
    block* reused(byte_span bytes) {
        if (!receive_.valid()) receive_ = buffer::allocate(1u << 20);
        std::memcpy(receive_.data(), bytes.data(), bytes.size());
        return receive_.owner();
    }

    crooked_hub* hub_;
    identity who_;
    bool open_ = false;
    std::deque<waiting_mail> waiting_;
    std::array<u64, 2> lane_bytes_{};
    buffer receive_;
};
static_assert(pollable_transport<crooked_wire>);

struct crooked_places : wire_places<crooked_wire> {
    explicit crooked_places(defect how) { hub.how = how; }
    ~crooked_places() { clear(); }
    crooked_hub hub;
    crooked_wire& make(node_id self) { return put(self, hub); }
    void clear() {
        wires.clear();
        const defect how = hub.how;
        hub = {};
        hub.how = how;
    }
    u64 lane_bytes_max() { return crooked_hub::lane_bytes_max; }
};

constexpr conform_support::defect_case<defect> crooked_cases[] = {
    {defect::refuses_to_open, "does not open", "open() succeeds"},
    {defect::loses_everything, "loses everything",
     "a message that is repeated arrives, from everyone to everyone"},
    {defect::tells_everyone, "delivers to the wrong peer",
     "a message arrives at the peer that it names alone"},
    {defect::forges_the_sender, "names the receiver", "a message comes under its sender's id"},
    {defect::forges_the_directory, "names another directory",
     "a message comes under its sender's incarnation"},
    {defect::tells_of_itself, "tells a node of itself", "a node is told of its peers alone"},
    {defect::loses_a_field, "loses a field", "every kind of message arrives as it was"},
    {defect::loses_a_status, "loses a status", "every kind of bulk message arrives as it was"},
    {defect::corrupts_batches, "flips a bit of a batch",
     "entries arrive byte by byte, few and many"},
    {defect::corrupts_chunks, "cuts a chunk", "chunks arrive byte by byte, small and large"},
    {defect::invents_mail, "invents messages", "nothing arrives that was not sent"},
    {defect::borrows, "keeps a borrowed buffer", "what was lent is not read after send()"},
    {defect::reuses_its_memory, "reuses memory that is held",
     "what came may be kept by a reference"},
    {defect::waits_for_the_slow, "waits for a slow peer", "send() never waits for a peer"},
    {defect::delays_the_rest, "makes all wait for one",
     "a peer that does not listen delays nobody else"},
    {defect::hoards, "has a queue without a bound",
     "what waits for a peer that does not listen is bounded"},
    {defect::merges_lanes, "merges its lanes", "a lane full of chunks does not stop the other"},
    {defect::hears_after_close, "delivers after close()", "nothing comes after close()"},
    {defect::speaks_after_close, "sends after close()", "nothing leaves after close()"},
    {defect::takes_all_down, "takes all with it", "the others go on"},
    {defect::never_comes_back, "forgets who was away",
     "a peer that came back is heard and hears again"},
    {defect::mixes_clusters, "mixes clusters", "another cluster is not heard"},
    {defect::mixes_groups, "mixes groups", "another group is not heard"},
};

}  // namespace

TEST_CASE("the in-process hub conforms, drained by a loop") {
    conform::check_transport(drained_places{}, each_check);
}
TEST_CASE("the in-process hub conforms, posting to a mailbox") {
    conform::check_transport(posting_places{}, each_check);
}
TEST_CASE("the TCP transport conforms") { conform::check_transport(tcp_places{}, each_check); }

TEST_CASE("what is wrong about a transport is caught by name") {
    conform_support::check_each_is_caught(crooked_cases, [](defect how, auto& report) {
        conform::check_transport(crooked_places{how}, report);
    });
}
