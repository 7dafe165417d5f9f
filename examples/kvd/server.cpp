#include "server.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <vector>

#include <raftkit/io/clock.hpp>
#include <raftkit/io/thread.hpp>
#include <raftkit/node/drive/loop.hpp>
#include <raftkit/snapshot/store/file.hpp>
#include <raftkit/storage/wal/wal.hpp>
#include <raftkit/transport/tcp_transport.hpp>

#include "log_lines.hpp"
#include "session.hpp"

namespace kvd {

namespace {

using raftkit::errc;
using raftkit::error;

struct kv_policies : raftkit::default_policies {
    raftkit::trigger::entries trigger{};
    raftkit::compaction::trailing compaction{};
    log_lines observer{};
};

// The loop serves clients while a thread waits for the disk: reading and answering them takes as
// long as a sync does.
using kv_log = raftkit::basic_wal<raftkit::posix_files, raftkit::thread_runner>;
using kv_node =
    raftkit::node<kv_log, raftkit::tcp_transport, keyspace, raftkit::file_snapshots, kv_policies>;

// Larger than a value, a transaction or an MSET may be together with its lengths.
raftkit::u32 command_bytes(const options& of) {
    return static_cast<raftkit::u32>(of.value_bytes_max + (1u << 20));
}

raftkit::node_options node_numbers(const options& of) {
    raftkit::node_options made;
    made.who.self = of.id;
    made.cluster_name = of.cluster_name;
    raftkit::configuration members;
    for (const auto& [id, address] : of.cluster) {
        raftkit::member each;
        each.id = id;
        each.address = address;
        members.members.push_back(each);
    }
    made.bootstrap = members;
    made.election_timeout_min = of.election_min;
    made.election_timeout_max = of.election_max;
    made.heartbeat_interval = of.heartbeat;
    made.apply_slice = std::min(made.apply_slice, of.heartbeat);
    made.command_bytes_max = std::max(made.command_bytes_max, command_bytes(of));
    return made;
}

raftkit::wal_options log_numbers(const options& of) {
    raftkit::wal_options made;
    made.directory = of.data;
    made.segment_bytes = raftkit::round_up(of.segment_bytes, 4096);
    return made;
}

raftkit::tcp_options wire_numbers(const options& of, const raftkit::node_options& numbers) {
    raftkit::tcp_options made;
    made.listen = of.listen.empty() ? of.cluster.at(of.id) : of.listen;
    for (const auto& [id, address] : of.cluster) made.addresses.emplace_back(id, address);
    made.message_bytes_max = numbers.message_bytes_max;
    made.command_bytes_max = numbers.command_bytes_max;
    return made;
}

kv_policies rules(const options& of, raftkit::damage& seen) {
    kv_policies made;
    made.trigger.count = of.snapshot_entries;
    made.compaction.entries = of.trailing;
    made.compaction.bytes = ~raftkit::u64{0};
    made.observer.id = of.id;
    made.observer.first_damage = &seen;
    return made;
}

// All members share it, so that a SCAN may go on after a change of leader.
raftkit::u64 map_seed(const options& of) {
    raftkit::digest128_builder digest;
    digest.update(raftkit::as_bytes("kvd " + of.cluster_name));
    return digest.finish()[0];
}

int damaged(const std::string& file, raftkit::u64 offset, const char* what) {
    std::fprintf(stderr, "kvd: data directory damaged: %s at offset %llu: %s\n", file.c_str(),
                 static_cast<unsigned long long>(offset), what);
    return 3;
}

std::string text_of(const error& why) {
    std::string text = std::string(raftkit::name_of(why.code)) + ": " + why.where;
    if (why.os != 0) text += std::string(": ") + std::strerror(why.os);
    return text;
}

}  // namespace

struct server::host {
    explicit host(const options& of)
        : numbers(node_numbers(of)),
          node(numbers, kv_log(log_numbers(of)), raftkit::tcp_transport(wire_numbers(of, numbers)),
               keyspace(map_seed(of)), raftkit::file_snapshots(of.data + "/snap"),
               rules(of, first_damage)),
          loop(node) {}

    raftkit::node_options numbers;
    raftkit::damage first_damage;
    kv_node node;
    raftkit::drive::loop<kv_node> loop;
    raftkit::tcp_socket listener;
    struct accepting : raftkit::watcher {
        server* of = nullptr;
    } accepts, stops;
    raftkit::waker stop_asked;
    bool stopping = false, listening = false;
    raftkit::instant accept_again{};
    std::vector<std::unique_ptr<session>> sessions, gone;
    std::vector<session*> to_flush, flushing;

    void accept(server& of);
    void watch_listener();
    void turn_end(server& of);
    void tell_waits(const server& of, const raftkit::node_status& now);
    std::string waits_told;
};

server::server(const options& values) : options_(values) {}
server::~server() = default;

int server::open() {
    // Also of the threads that are begun below. Without it: smaller groups, and more of them.
    (void)raftkit::use_batch_scheduling();
    host_ = std::make_unique<host>(options_);
    host& h = *host_;
    if (raftkit::result<void> done = h.stop_asked.open(); !done) {
        std::fprintf(stderr, "kvd: can't start: %s\n", text_of(done.why()).c_str());
        return 1;
    }
    // The node makes its directory, but not the ones above.
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(options_.data).parent_path(),
                                        ignored);
    if (raftkit::result<void> done = h.loop.open(); !done) {
        const error why = done.why();
        if (h.node.found() != nullptr) {
            // What it was refused for may only be the consequence of a file that was found before.
            const raftkit::damage& first = h.first_damage;
            return damaged(first.file.empty() ? options_.data : first.file, first.offset,
                           h.node.found()->where);
        }
        if (why.code == errc::invalid_option) {
            std::fprintf(stderr, "kvd: %s\n", text_of(why).c_str());
            return 2;
        }
        if (std::string_view(why.where).substr(0, 9) == "io/socket") {
            std::fprintf(
                stderr, "kvd: can't listen on %s for peers: %s\n",
                (options_.listen.empty() ? options_.cluster.at(options_.id) : options_.listen)
                    .c_str(),
                text_of(why).c_str());
            return 1;
        }
        const char* advice = "";
        if (why.code == errc::busy)
            advice = " (another process uses it: stop that one, or give another --data)";
        if (why.code == errc::foreign) {
            advice =
                " (it belongs to another node or cluster: give this node's own --data, --id, "
                "--cluster and --cluster-name)";
        }
        std::fprintf(stderr, "kvd: data directory %s: %s, offset %llu%s\n", options_.data.c_str(),
                     text_of(why).c_str(), static_cast<unsigned long long>(why.detail), advice);
        return 3;
    }
    const auto address = raftkit::parse_address(options_.client);
    auto listener = raftkit::listen_tcp(*address);
    if (!listener) {
        std::fprintf(stderr, "kvd: can't listen on %s for clients: %s\n", options_.client.c_str(),
                     text_of(listener.why()).c_str());
        return 1;
    }
    h.listener = std::move(*listener);
    h.accepts.of = h.stops.of = this;
    h.accepts.fd = h.listener.fd();
    h.accepts.ready = [](raftkit::watcher& self, raftkit::u32) noexcept {
        server& of = *static_cast<host::accepting&>(self).of;
        of.host_->accept(of);
    };
    h.stops.fd = h.stop_asked.fd();
    h.stops.ready = [](raftkit::watcher& self, raftkit::u32) noexcept {
        server& of = *static_cast<host::accepting&>(self).of;
        of.host_->stop_asked.drain();
        if (std::exchange(of.host_->stopping, true)) return;
        std::fprintf(stderr, "kvd[%llu] stopping by=%s\n",
                     static_cast<unsigned long long>(of.options_.id.value), of.stopped_by.c_str());
        of.host_->loop.stop(raftkit::milliseconds(3900));
    };
    if (!h.loop.watch(h.stops, raftkit::poll_in)) return 1;
    h.watch_listener();
    h.loop.on_turn_end(
        [](void* with) noexcept {
            static_cast<server*>(with)->host_->turn_end(*static_cast<server*>(with));
        },
        this);
    const auto bound = raftkit::local_address(h.listener);
    std::fprintf(
        stderr, "ready id=%llu client=%s peer=%s\n",
        static_cast<unsigned long long>(options_.id.value),
        bound ? raftkit::text_of(*bound).c_str() : options_.client.c_str(),
        (options_.listen.empty() ? options_.cluster.at(options_.id) : options_.listen).c_str());
    return 0;
}

int server::run() {
    host& h = *host_;
    h.loop.run_here();
    const raftkit::node_status last = h.node.status();
    h.sessions.clear();
    h.gone.clear();
    if (!last.stop_cause || last.stop_cause.code == errc::stopped || h.stopping) return 0;
    if (last.stop_cause.code == errc::corrupt && !serving_) {  // what it has to begin with
        const raftkit::damage* found = h.node.found();
        if (found != nullptr && !found->file.empty()) {
            return damaged(found->file, found->offset, found->where);
        }
        const auto snapshot = raftkit::snapshot_disk::name_of(last.newest_snapshot);
        return damaged(options_.data + "/snap/snap-" + snapshot, last.stop_cause.detail,
                       last.stop_cause.where);
    }
    std::fprintf(stderr, "kvd: stopped: %s\n", text_of(last.stop_cause).c_str());
    return 1;
}

void server::ask_to_stop() noexcept { host_->stop_asked.wake(); }

raftkit::node_status server::status() const {
    host_->node.publish_status();
    return host_->node.status();
}

const keyspace& server::data() const { return host_->node.machine(); }
raftkit::instant server::deadline() const { return raftkit::monotonic_now() + options_.request; }
void server::propose(raftkit::byte_span entry, raftkit::operation& done) {
    host_->node.propose(entry, done);
}
void server::read(raftkit::operation& done) { host_->node.read(done); }
void server::snapshot(raftkit::snapshot_ticket& done) { host_->node.snapshot_now(done); }
void server::transfer(raftkit::leadership_transfer& done) { host_->node.transfer(done); }

std::vector<std::pair<raftkit::node_id, std::string>> server::members() const {
    std::vector<std::pair<raftkit::node_id, std::string>> made;
    const raftkit::configuration* now = host_->node.members();
    if (now == nullptr) return made;
    for (const raftkit::member& each : now->members) {
        made.emplace_back(each.id, each.role == raftkit::member_role::voter ? "voter" : "learner");
    }
    return made;
}

std::string server::member_ids() const {
    std::string ids;
    for (const auto& [id, role] : members())
        ids += (ids.empty() ? "" : ",") + std::to_string(id.value);
    return ids;
}

std::string server::peer_address(raftkit::node_id of) const {
    if (const auto found = options_.cluster.find(of); found != options_.cluster.end())
        return found->second;
    const raftkit::configuration* now = host_->node.members();
    const raftkit::member* known = now != nullptr ? now->find(of) : nullptr;
    return known != nullptr ? known->address : "";
}

std::string server::client_address(raftkit::node_id of) const {
    if (of == options_.id) return options_.client;
    const auto found = options_.client_peers.find(of);
    return found != options_.client_peers.end() ? found->second : peer_address(of);
}

std::string server::moved(raftkit::node_id leader, unsigned slot) const {
    if (!leader || leader == options_.id) return "CLUSTERDOWN no leader elected";
    return "MOVED " + std::to_string(slot) + " " + client_address(leader);
}

void server::change(session& who, raftkit::u32 events) { (void)host_->loop.change(who, events); }

void server::flush_later(session& who) {
    if (who.gone() || std::exchange(who.flush_queued, true)) return;
    host_->to_flush.push_back(&who);
}

// The session goes at the end of the turn: its own functions may be on the stack.
void server::forget(session& who) {
    host_->loop.unwatch(who);
    auto& all = host_->sessions;
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.get() == &who; });
    if (found == all.end()) return;
    std::erase(host_->to_flush, &who);
    host_->gone.push_back(std::move(*found));
    all.erase(found);
    --connections_;
}

void server::host::watch_listener() { listening = bool(loop.watch(accepts, raftkit::poll_in)); }

void server::host::accept(server& of) {
    for (int burst = 0; burst < 64; ++burst) {
        auto next = raftkit::accept_tcp(listener);
        if (!next) {
            // Descriptors ran out. The connection still waits: look away for a moment instead of
            // turning in circles.
            loop.unwatch(accepts);
            listening = false;
            accept_again = raftkit::monotonic_now() + raftkit::milliseconds(100);
            return;
        }
        if (!next->is_open()) return;
        (void)raftkit::set_nodelay(*next);
        auto made = std::make_unique<session>(of, std::move(*next), ++of.connections_seen);
        if (!loop.watch(*made, raftkit::poll_in)) continue;
        ++of.connections_;
        sessions.push_back(std::move(made));
    }
}

// The first start needs every member once. Whoever looks at the log must see who is missing.
void server::host::tell_waits(const server& of, const raftkit::node_status& now) {
    std::string missing;
    for (raftkit::u32 k = 0; k < now.waits_for_count; ++k) {
        missing += (k == 0 ? "" : ",") + std::to_string(now.waits_for[k].value);
    }
    if (missing == waits_told) return;
    waits_told = missing;
    const auto id = static_cast<unsigned long long>(of.options_.id.value);
    if (missing.empty()) {
        std::fprintf(stderr, "kvd[%llu] all members have joined\n", id);
    } else {
        std::fprintf(stderr, "kvd[%llu] first start: waits for members=%s\n", id, missing.c_str());
    }
}

void server::host::turn_end(server& of) {
    node.publish_status();
    const raftkit::node_status now = node.status();
    if (now.waits_for_count != 0 || !waits_told.empty()) tell_waits(of, now);
    of.serving_ = now.phase == raftkit::node_phase::serving;
    of.leading_ = now.role == raftkit::role_kind::leader;
    flushing.swap(to_flush);
    for (session* each : flushing) {
        if (!each->gone()) each->flush();
        each->flush_queued = false;  // what it could not send waits for its socket
    }
    flushing.clear();
    gone.clear();
    if (!of.busy()) {
        for (std::size_t k = 0; k < sessions.size(); ++k) sessions[k]->unpark();
    }
    if (!listening && raftkit::monotonic_now() >= accept_again) watch_listener();
}

}  // namespace kvd
