#pragma once
// The driver: turns what happened into inputs of the core and the core's effects into calls, in
// poll() and nowhere else. It owns no policy and no I/O; design §14 walks through it.
//
//   poll(now):  events, mail, submissions -> core -> effects: wire, machine, disk -> finishes
//                     ^                                             |
//                     +---- again while that caused more, bounded --+
//
// The bodies are in driver/*.hpp: intake (requests), turn (poll and effects), life (open, phases,
// close).

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include <raftkit/node/opening.hpp>
#include <raftkit/node/parts.hpp>
#include <raftkit/node/pending.hpp>
#include <raftkit/node/requests.hpp>
#include <raftkit/node/snapshot_desk.hpp>
#include <raftkit/node/status.hpp>
#include <raftkit/policy/execute.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace detail {
// One address a thread: tells whether status() is asked on the thread that polls.
inline const void* this_thread() noexcept {
    static thread_local const char here = 0;
    return &here;
}
template <class Executor>
inline constexpr bool runs_in_poll =
    std::is_same_v<std::remove_cvref_t<Executor>, inline_executor> ||
    std::is_same_v<std::remove_cvref_t<Executor>, on_loop>;
}  // namespace detail

template <class Parts>
class driver {
public:
    explicit driver(Parts& parts) : parts_(parts), first_options_(parts.options) {}
    driver(driver&&) = delete;
    ~driver() { delete next_options_.load(); }

    // driver/life.hpp
    result<void> open();
    void close(instant deadline) noexcept;
    void shut_down() noexcept;  // at once: for destructors
    bool stopped() const noexcept { return parts_.phase == node_phase::stopped; }
    const damage* found() const noexcept { return found_ ? &*found_ : nullptr; }

    // driver/turn.hpp
    instant poll(instant now) noexcept;
    instant deadline() const noexcept;
    void publish() noexcept;
    node_status status() const noexcept;
    // Called before a poll waits for the disk in its own thread: what is for clients goes out.
    void before_wait(void (*what)(void*) noexcept, void* with) noexcept {
        before_wait_ = what;
        before_wait_with_ = with;
    }

    // driver/intake.hpp
    void begin(operation& asked) noexcept;
    void propose(byte_span command, operation& asked) noexcept;
    result<void> reconfigure(const node_options& next) noexcept;

private:
    static constexpr u32 rounds_max = 8;
    static constexpr duration publish_every = milliseconds(1);

    // life
    result<u64> computed_cluster();
    error check_found(const damage& seen);
    void locate(damage& seen, const store_report& report);
    void limit_batches() noexcept;
    result<void> bind_executors();
    void start_core() noexcept;
    void enter(node_phase next) noexcept;
    void advance_phase() noexcept;
    void fail(error why) noexcept;
    void stop_core(error why) noexcept;
    void advance_close() noexcept;
    void finish_close() noexcept;

    // turn
    bool take_events(u32& budget) noexcept;
    void handle(event& what) noexcept;
    void on(received& mail) noexcept { receive(mail.mail); }
    void on(received_bulk& mail) noexcept { receive(mail.mail); }
    void on(peer_state& seen) noexcept;
    void on(applied& done) noexcept;
    void on(snapshot_step& step) noexcept;
    void receive(const envelope& mail) noexcept;
    void receive(const bulk_envelope& mail) noexcept;
    bool carry_out() noexcept;
    void do_wire(effects& what) noexcept;
    void flush_wire() noexcept;
    void know(const peer_book& book, const configuration& now) noexcept;
    void do_machine(effects& what) noexcept;
    void do_rest(effects& what) noexcept;
    void hand_over(const run_view& entries) noexcept;
    bool step_machine() noexcept;
    void machine_stepped() noexcept;
    void end_what_nobody_tells() noexcept;
    void refresh_time() noexcept;
    void describe(node_status& into) const noexcept;
    void tell_commit() noexcept;
    void judge(const envelope& dropped) noexcept;
    void describe_snapshots(node_status& into) const noexcept;

    // disk
    void do_disk(effects& what) noexcept;
    bool flush_waits() const noexcept;
    bool wait_for_disk() noexcept;
    void flush_disk() noexcept;
    bool has_room_for(const run_view& entries) const noexcept;
    void on(persisted& done) noexcept;
    void on(loaded& read) noexcept;

    // intake
    bool take_submissions() noexcept;
    void take_nudge() noexcept;
    error refuses(const operation& asked, u64 bytes) const noexcept;
    void appended(operation& asked, const result<log_id>& where) noexcept;
    void propose_large(proposal& asked) noexcept;
    void flush_reads() noexcept;
    void read_stale(operation& asked) noexcept;
    i64 stamp() const noexcept;
    node_id leader() const noexcept {
        return parts_.core ? parts_.core->status().leader : node_id{};
    }

    struct mail_sink {
        driver* to;
        void operator()(const envelope& mail) noexcept { to->receive(mail); }
        void operator()(const bulk_envelope& mail) noexcept { to->receive(mail); }
        void operator()(peer_state seen) noexcept { to->on(seen); }
        // A transport may tell whom it does not talk to, and who of the two does not want to.
        template <class Refusal>
            requires requires(const Refusal& told) {
                { told.peer } -> std::convertible_to<node_id>;
                { told.by_peer } -> std::convertible_to<bool>;
            }
        void operator()(const Refusal& told) noexcept {
            if constexpr (requires { told.garbage(); }) {
                if (told.garbage()) {
                    return to->parts_.tell(rejected{
                        told.peer, {errc::corrupt, 0, "transport: damaged, connection closed"}});
                }
            }
            to->parts_.tell(
                rejected{told.peer,
                         {errc::foreign, 0,
                          told.by_peer ? "transport: the peer refuses this node"
                                       : "transport: the peer is another than it was"}});
        }
    };
    // The step of the machine queue as a job, for an executor of another thread.
    struct apply_job : operation {
        driver* home = nullptr;
        bool running = false;
        bool more = false;
    };

    Parts& parts_;
    pending pending_;
    requests requests_;
    std::unique_ptr<snapshot_desk<Parts>> desk_;  // made when the identity is known
    std::optional<core::recovered> recovered_;    // until the core starts
    std::optional<snapshot_meta> restore_first_;
    std::optional<std::vector<snapshot_manifest>> listing_;  // of open(), until the first poll
    std::optional<damage> found_;
    ticket opening_ticket_;  // of the bootstrap record; what the core issues comes after it
    bool opening_durable_ = true;
    index_t serve_at_;      // the commit known at open
    index_t restoring_to_;  // at open; 0: nothing, or done
    apply_job apply_;
    void (*before_wait_)(void*) noexcept = nullptr;
    void* before_wait_with_ = nullptr;
    bool disk_waits_ = false;  // flush_disk() is still to come in this poll
    bool again_ = false;       // the last round of a poll caused more
    bool more_to_apply_ = false, stepped_this_poll_ = false;  // the slice of this poll is used up

    std::vector<event> events_;
    std::size_t next_event_ = 0;
    bool transport_open_ = false, storage_open_ = false;
    instant storage_tick_at_{};   // a storage that prepares between turns
    std::vector<node_id> known_;  // peers that the transport takes from one directory alone
    index_t committed_told_;
    ticket persisted_told_;
    u64 rejected_told_ = 0;

    instant close_at_ = never, hand_over_until_ = never;
    bool handing_over_ = false, hurried_ = false;
    error fatal_;

    const node_options first_options_;  // read by any thread
    std::atomic<node_options*> next_options_{nullptr};
    std::atomic<const void*> polls_on_{nullptr};
    published_status published_;
    instant published_at_{-1'000'000'000};
};

RAFTKIT_NAMESPACE_END

#include <raftkit/node/driver/disk.hpp>
#include <raftkit/node/driver/intake.hpp>
#include <raftkit/node/driver/life.hpp>
#include <raftkit/node/driver/report.hpp>
#include <raftkit/node/driver/turn.hpp>
