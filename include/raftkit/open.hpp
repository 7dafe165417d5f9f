#pragma once
// open<Machine>(options): a durable, replicated Machine in one call. WAL in `directory`, snapshots
// in `directory`/snap, TCP between the nodes, the loop drive. The handle owns node and drive and
// can be moved; its calls may come from any thread but the loop's own.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <raftkit/node/drive/loop.hpp>
#include <raftkit/node/simple_machine.hpp>
#include <raftkit/snapshot/store/file.hpp>
#include <raftkit/storage/wal/wal.hpp>
#include <raftkit/transport/tcp_transport.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct open_options {
    node_options node;  // without a bootstrap list, `addresses` are one: all voters
    std::string directory, listen;
    std::vector<std::pair<node_id, std::string>> addresses;
};

namespace detail {

// What the handle knows of a host whose policies it does not name.
struct host_calls {
    void (*propose)(void* host, proposal&) noexcept;
    void (*read)(void* host, operation&) noexcept;
    node_status (*status)(void* host);
    const void* (*machine)(void* host) noexcept;
    void (*stop)(void* host) noexcept;
    void (*destroy)(void* host) noexcept;
};

template <class Machine, class Policies>
struct host {
    static constexpr bool adapted = !state_machine<Machine>;
    using inner = std::conditional_t<adapted, simple_adapter<Machine>, Machine>;
    using node_type = node<wal, tcp_transport, inner, file_snapshots, Policies>;

    host(open_options from, Machine machine, Policies rules)
        : patience(from.node.close_timeout + from.node.election_timeout_min),
          here(std::move(from.node), wal(log_options(from)), tcp_transport(wire_options(from)),
               inner(std::move(machine)), file_snapshots(from.directory + "/snap"),
               std::move(rules)) {}

    static wal_options log_options(const open_options& from) {
        wal_options made;
        made.directory = from.directory;
        return made;
    }
    static tcp_options wire_options(const open_options& from) {
        tcp_options made;
        made.listen = from.listen;
        made.addresses = from.addresses;
        made.message_bytes_max = from.node.message_bytes_max;
        made.command_bytes_max = from.node.command_bytes_max;
        return made;
    }
    void submitted() noexcept {
        if (loop.ended()) loop.refuse_late();
    }
    void stop() noexcept {
        loop.stop(patience);
        loop.join();
    }

    static host& of(void* self) noexcept { return *static_cast<host*>(self); }
    static constexpr host_calls calls{
        [](void* self, proposal& asked) noexcept {
            of(self).here.propose(asked);
            of(self).submitted();
        },
        [](void* self, operation& asked) noexcept {
            of(self).here.read(asked);
            of(self).submitted();
        },
        [](void* self) { return of(self).here.status(); },
        [](void* self) noexcept -> const void* {
            if constexpr (adapted) {
                return &of(self).here.machine().machine();
            } else {
                return &of(self).here.machine();
            }
        },
        [](void* self) noexcept { of(self).stop(); },
        [](void* self) noexcept {
            of(self).stop();
            delete static_cast<host*>(self);
        }};

    duration patience;
    node_type here;
    drive::loop<node_type> loop{here};
};

// Blocks its owner until it is finished; the node's deadline bounds the wait.
template <class Request>
struct waited : Request {
    waited() noexcept : Request(&waited::wake) {}
    error wait() noexcept {
        done.wait(false, std::memory_order_acquire);
        return how;
    }
    static void wake(operation& self, error ended, byte_span reply) noexcept {
        waited& mine = static_cast<waited&>(self);
        mine.how = ended;
        if (mine.at_end != nullptr) mine.at_end(mine, reply);
        mine.done.store(true, std::memory_order_release);
        mine.done.notify_one();
    }

    void (*at_end)(waited&, byte_span) noexcept = nullptr;
    void* with = nullptr;
    error how;
    std::atomic<bool> done{false};
};

}  // namespace detail

template <class Machine>
class replicated {
public:
    replicated(void* host, const detail::host_calls& calls) noexcept
        : host_(host), calls_(&calls) {}
    replicated(replicated&& other) noexcept
        : host_(std::exchange(other.host_, nullptr)), calls_(other.calls_) {}
    replicated& operator=(replicated&& other) noexcept {
        std::swap(host_, other.host_);
        std::swap(calls_, other.calls_);
        return *this;
    }
    ~replicated() {
        if (host_ != nullptr) calls_->destroy(host_);
    }

    // Blocks for the reply. What an error says of the command: outcome_of(why.code). While the node
    // starts or nobody leads, the command was certainly not executed and is tried again.
    result<std::string> call(std::string_view command, duration patience);
    // done(error, std::string_view reply), on the loop.
    template <class Done>
    void call(std::string_view command, Done done);
    // f(const Machine&) runs on the loop after a barrier: it sees every call that ended before.
    template <class F>
    auto read(F&& f, duration patience) -> result<std::invoke_result_t<F, const Machine&>>;
    node_status status() const { return calls_->status(host_); }
    void stop() noexcept { calls_->stop(host_); }

private:
    void* host_;
    const detail::host_calls* calls_;
};

template <class Machine>
result<std::string> replicated<Machine>::call(std::string_view command, duration patience) {
    const instant deadline = monotonic_now() + patience;
    for (;;) {
        std::string reply;
        detail::waited<proposal> asked;
        asked.command = as_bytes(command);
        asked.deadline = deadline;
        asked.with = &reply;
        asked.at_end = [](detail::waited<proposal>& self, byte_span bytes) noexcept {
            *static_cast<std::string*>(self.with) = as_text(bytes);
        };
        calls_->propose(host_, asked);
        const error why = asked.wait();
        if (!why) return reply;
        const bool early =
            why.code == errc::not_started || (why.code == errc::not_leader && why.detail == 0);
        if (!early || monotonic_now() >= deadline) return why;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

template <class Machine>
template <class Done>
void replicated<Machine>::call(std::string_view command, Done done) {
    struct request : proposal {
        request(std::string_view text, Done at_end)
            : proposal(&request::end), copy(text), done_(std::move(at_end)) {
            command = as_bytes(copy);
        }
        static void end(operation& self, error how, byte_span reply) noexcept {
            const std::unique_ptr<request> mine(static_cast<request*>(&self));
            mine->done_(how, as_text(reply));
        }
        std::string copy;
        Done done_;
    };
    calls_->propose(host_, *new request(command, std::move(done)));
}

template <class Machine>
template <class F>
auto replicated<Machine>::read(F&& f, duration patience)
    -> result<std::invoke_result_t<F, const Machine&>> {
    using answer = std::invoke_result_t<F, const Machine&>;
    struct question {
        F& ask;
        const Machine* machine;
        std::optional<std::conditional_t<std::is_void_v<answer>, char, answer>> said;
    } with{f, static_cast<const Machine*>(calls_->machine(host_)), {}};
    detail::waited<operation> asked;
    asked.deadline = monotonic_now() + patience;
    asked.with = &with;
    asked.at_end = [](detail::waited<operation>& self, byte_span) noexcept {
        if (self.how) return;
        question& mine = *static_cast<question*>(self.with);
        if constexpr (std::is_void_v<answer>) {
            mine.ask(*mine.machine);
        } else {
            mine.said.emplace(mine.ask(*mine.machine));
        }
    };
    calls_->read(host_, asked);
    if (const error why = asked.wait()) return why;
    if constexpr (std::is_void_v<answer>) {
        return {};
    } else {
        return std::move(*with.said);
    }
}

template <class Machine, class Policies = default_policies>
result<replicated<Machine>> open(open_options options, Machine machine = {},
                                 Policies policies = {}) {
    if (!options.node.bootstrap && !options.addresses.empty()) {
        configuration all;
        for (const auto& [id, address] : options.addresses) {
            all.members.push_back({id, member_role::voter, member_role::none, 0, address});
        }
        std::sort(all.members.begin(), all.members.end(),
                  [](const member& a, const member& b) { return a.id < b.id; });
        options.node.bootstrap = std::move(all);
    }
    using host = detail::host<Machine, Policies>;
    auto made = std::make_unique<host>(std::move(options), std::move(machine), std::move(policies));
    if (result<void> opened = made->loop.open(); !opened) return opened.why();
    if (result<void> started = made->loop.start(); !started) return started.why();
    return replicated<Machine>(made.release(), host::calls);
}

RAFTKIT_NAMESPACE_END
